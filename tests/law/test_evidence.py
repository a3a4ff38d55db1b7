"""A run writes its result into its page of ``docs/evidence``, and changes nothing else of the page."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from bench import results
from tests import evidence
from tests.conformance import report
from tests.conformance import rules as _rules  # noqa: F401 -- the import registers the rules
from tests.conformance.rule import RULES, Level, Result, Verdict
from tests.drill.history import Findings
from tests.drill.run import Row, markdown
from tests.drill.verdicts import Verdict as Judged


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Return a copy of the pages."""
    return shutil.copytree(evidence.PAGES, tmp_path / "docs" / "evidence")


@pytest.mark.parametrize("suite", ["drill", "conformance"])
def test_a_suite_replaces_only_its_table(pages: Path, suite: str) -> None:
    before = (pages / f"{suite}.md").read_text()
    page = evidence.write(suite, "| a table |", pages=pages)
    after = page.read_text()
    begin, end = f"<!-- {suite}: written by make {suite} -->", f"<!-- /{suite} -->"
    assert f"{begin}\n| a table |\n{end}" in after
    assert after.partition(begin)[0] == before.partition(begin)[0]
    assert after.partition(end)[2] == before.partition(end)[2]


def test_a_page_without_its_markers_is_an_error(pages: Path) -> None:
    (pages / "drill.md").write_text("# Drill\n")
    with pytest.raises(ValueError, match="no place for a table"):
        evidence.write("drill", "| a table |", pages=pages)


def test_the_table_of_the_conformance_suite() -> None:
    must = [rule for rule in RULES.values() if rule.level is Level.MUST][:2]
    verdicts = [Verdict(must[0], Result.PASSED, ""), Verdict(must[1], Result.FAILED, "")]
    assert "| MUST | 1 of 2 |" in report.sums({"one": verdicts}).splitlines()


def test_the_table_of_the_drill() -> None:
    row = Row("hot-row", Counter({Judged.ANSWERED: 1200, Judged.REJECTED: 34}), Findings(), 0.5)
    assert "| `hot-row` | 1,234 | 1,200 | 34 | 0 | 0 | 0 | 0.5 s |" in markdown([row]).splitlines()


@pytest.mark.parametrize("line", results.TABLES)
def test_the_page_of_the_benchmark_has_markers_for_each_table(line: str) -> None:
    page, _ = results.TABLES[line]
    assert results.END in page.read_text().partition(line)[2]


def test_the_figures_of_the_pages_are_those_of_the_last_benchmark() -> None:
    found = json.loads(results.COMPARISON.read_text())
    for line, (page, table) in results.TABLES.items():
        shown = page.read_text().partition(line)[2].partition(results.END)[0]
        assert cells(shown) == cells(table(found))
        assert len(cells(shown)) > 1


def cells(table: str) -> list[list[str]]:
    """Return the rows of a table without its padding, which depends on the length of the product's name."""
    rows = [line.split("|")[1:-1] for line in table.strip().splitlines()]
    return [[re.sub("-+", "-", cell.strip()) for cell in row] for row in rows]
