"""``flask products``: a price list is loaded completely or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.wire import price_csv

Run = Callable[..., tuple[int, str]]
PRICES = "sku,currency,price\nTEA,EUR,4.90\nTEA,USD,5.40\n"
FAULTS = [
    ("", ["line 1: the header must be sku,currency,price"]),
    ("sku,price\nTEA,4.90\n", ["line 1: the header must be sku,currency,price"]),
    ("sku,currency,price,price\n", ["line 1: the header must be sku,currency,price"]),
    ("TEA,EUR,4.90\n", ["line 1: the header must be sku,currency,price"]),
    ("TEA,EUR", ["line 4: the line must have 3 values, and it has 2"]),
    ("TEA,EUR,4.90,1", ["line 4: the line must have 3 values, and it has 4"]),
    ("\nCUP,EUR,1.00", ["line 4: the line must have 3 values, and it has 0"]),
    ("CUP,eur,1.00", ["line 4: currency must be one of USD, EUR, GBP"]),
    (
        " ,CHF,1",
        [f"line 4: {each}" for each in ("sku must not be blank", "currency must be", "price must be an amount")],
    ),
    (f"{'x' * 65},EUR,1.00", ["line 4: sku must have at most 64 characters"]),
    ('"a\nb",EUR,1.00', ["line 5: sku must not contain control characters"]),
    ("TEA,EUR,1.00", ["line 4: this sku has a price in this currency already"]),
    ('"CUP,EUR,1.00', ["line 5: unexpected end of data"]),
    (f"{'x' * 10_001},EUR,1.00", ["line 4: a line can have at most 10000 characters"]),
    ("\udce9,EUR,1.00", ["line "]),
    *(
        (f'CUP,EUR,"{price}"', ["line 4: price must be an amount"])
        for price in (
            *(
                "1",
                "1.0",
                "1.000",
                "-1.00",
                "+1.00",
                "01.00",
                ".50",
                "1e2",
                "1,00",
                " 1.00",
                "1.00 ",
                "NaN",
                "Infinity",
            ),
            *("10000000.00", "1_0.00", "\u0661.00", "4.90\u200b", "0x1.00", ""),
        )
    ),
]


@pytest.fixture
def run(client: FlaskClient, app: Flask) -> Run:
    """Return a runner of ``flask products``, which returns the exit code and the output."""

    def run_it(*words: str) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=["products", *words])
        return done.exit_code, done.output

    return run_it


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a price list."""
    path = tmp_path / "prices.csv"
    path.write_text(PRICES)
    return path


class TestLoad:
    def test_ok(self, run: Run, file: Path) -> None:
        """Existing products are replaced, new ones are added, and others are unchanged."""
        assert run("load", str(file)) == (0, "2 prices loaded\n")
        file.write_text('\ufeffprice,sku,currency\r\n0.00,TEA,EUR\r\n9999999.99,"CUP, blue",GBP\r\n', encoding="utf-8")
        assert run("load", str(file)) == (0, "2 prices loaded\n")
        assert run("list") == (0, "CUP, blue  GBP  9999999.99\nTEA  USD  5.40\nTEA  EUR  0.00\n")

    @pytest.mark.parametrize(("more", "faults"), FAULTS, ids=lambda each: ascii(each)[:30])
    def test_every_fault_is_reported_with_its_line_and_nothing_is_loaded(
        self, run: Run, file: Path, more: str, faults: list[str]
    ) -> None:
        """Valid lines before it are not loaded either."""
        file.write_text(more if "header" in faults[0] else f"{PRICES}{more}\n", errors="surrogateescape")
        code, output = run("load", str(file))
        lines = output.splitlines()
        assert (code, lines[0]) == (1, "Error: Nothing was loaded.")
        assert len(lines) == len(faults) + 1, lines
        assert all(line.startswith(fault) for line, fault in zip(lines[1:], faults, strict=True)), lines
        assert run("list") == (0, "")

    def test_if_none_loads_nothing_into_a_filled_table(self, run: Run, file: Path) -> None:
        assert run("load", "--if-none", str(file)) == (0, "2 prices loaded\n")
        file.write_text("sku,currency,price\nCUP,EUR,1.00\n")
        assert run("load", "--if-none", str(file)) == (0, "")
        assert "CUP" not in run("list")[1]

    def test_a_missing_file(self, run: Run, tmp_path: Path) -> None:
        assert run("load", str(tmp_path / "no.csv"))[0] == 2

    def test_an_endless_line_is_not_read_completely(self) -> None:
        """The length of a line is limited."""
        with Path("/dev/zero").open(encoding="utf-8") as endless:
            assert [line.violations[0].code for line in price_csv.rows(endless)] == ["INVALID_FORMAT"]
