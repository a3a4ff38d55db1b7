"""C10, C11: every violation code is defined once, and has a page in every format."""

from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import errs
from app.errs import violation_catalogue

CODES: Final = tuple(errs.violation_codes())
ROOT: Final = Path(__file__).resolve().parents[2]


def test_each_code_is_used() -> None:
    """The test client checks the reverse: OpenAPI lists the code of each violation that any test provokes."""
    sources = [path for path in (ROOT / "app").rglob("*.py") if path.name != "violations.py"]
    text = "\n".join(path.read_text() for path in sources)
    assert len(CODES) > 15
    assert [code for code in CODES if f'"{code}"' not in text] == []


class TestPages:
    def test_the_list(self, client: FlaskClient) -> None:
        listed = client.get("/errors/violations").get_json()["violations"]
        assert [each["code"] for each in listed] == [*CODES]

    @pytest.mark.parametrize("code", CODES)
    def test_each_code_in_json(self, client: FlaskClient, code: str) -> None:
        page = client.get(f"/errors/violations/{errs.slug(code)}").get_json()
        defined = errs.violation_codes()[code]
        assert page == {
            "code": code,
            "title": defined.title,
            "client": defined.client,
            "since": "0.1.0",
            "example": {"field": defined.field, "code": code, "message": defined.message},
        }
        assert defined.title.endswith(".")
        assert defined.client.endswith((".", ")."))

    @pytest.mark.parametrize("path", ["/errors/violations", "/errors/violations/too-long"])
    @pytest.mark.parametrize("media_type", ["text/html", "text/markdown"])
    def test_each_code_in_html_and_markdown(self, client: FlaskClient, path: str, media_type: str) -> None:
        answer = client.get(path, headers={"Accept": media_type})
        assert (answer.status_code, answer.mimetype) == (200, media_type)
        text = answer.get_data(as_text=True).replace("<wbr>", "")
        assert "TOO_LONG" in text
        assert "The value has too many characters or items." in text

    @pytest.mark.parametrize("slug", ["nothing", "TOO_LONG", "too_long", "task-title-taken"])
    def test_an_unknown_code_is_404(self, client: FlaskClient, slug: str) -> None:
        missing = client.get(f"/errors/violations/{slug}")
        assert (missing.status_code, missing.get_json()["code"]) == (404, "CATALOGUE_ENTRY_NOT_FOUND")


def test_openapi_has_an_enum_of_them(client: FlaskClient) -> None:
    violation = client.get("/openapi.json").get_json()["components"]["schemas"]["Violation"]
    assert violation["properties"]["code"]["enum"] == [*CODES]


@pytest.mark.parametrize("name", ["OVERDUE_COMPLETION", "overdue-completion"])
def test_the_command_explains_one(app: Flask, name: str) -> None:
    result = app.test_cli_runner().invoke(args=["errors", "explain", name])
    assert result.exit_code == 0
    assert "OVERDUE_COMPLETION  (a violation in VALIDATION_FAILED, 400)" in result.output
    assert "Move due_date to the future in the same request" in result.output


def test_the_command_lists_them(app: Flask) -> None:
    listed = app.test_cli_runner().invoke(args=["errors", "list"]).output
    assert all(code in listed for code in CODES)


@pytest.mark.parametrize("code", ["too_long", "TOO LONG", "", "TOO_LONG"])
def test_invalid_definitions_are_rejected(code: str) -> None:
    wrong: Any = violation_catalogue.ViolationCode(code, "A.", "B.", "c", "d")
    with pytest.raises(TypeError, match=r"UPPER_SNAKE|already defined"):
        violation_catalogue.define(wrong)


def test_a_fork_defines_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(violation_catalogue, "_CODES", {**errs.violation_codes()})
    violation_catalogue.define(
        violation_catalogue.ViolationCode("PET_TOO_OLD", "The pet is too old.", "Send a puppy.", "age", "age is")
    )
    assert "PET_TOO_OLD" in errs.violation_codes()
