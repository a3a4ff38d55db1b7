"""The generated pages of the reference are current, and each term has one place in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from app import errs, product
from app.config import ROOT, Settings
from app.observability import log_field_meanings, metric_label_meanings
from app.rest import request_header_meanings, response_header_meanings, scopes
from app.rest.hooks import cors
from tests.docs import logged
from tests.docs.generate import commands, observability
from tests.docs.generate.__main__ import COMMAND, differences
from tests.docs.generate.headers import MORE
from tests.docs.generate.http_api import MEANINGS
from tests.docs.generate.markdown import anchor
from tests.docs.generate.pages import PAGES

REFERENCE = ROOT / "docs" / "reference"
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
BY_HAND = {"Transfer-Encoding", "Content-Length", "X-Debug-Token", "X-Forwarded-For", "Origin", "Simulate-Error"} | {
    "Access-Control-Request-Method"
}
"""Header fields that pages cannot set, or that are read before the application."""


@pytest.fixture(scope="module")
def outdated() -> dict[str, str]:
    return differences()


@pytest.mark.parametrize("page", PAGES)
def test_each_page_equals_the_generated_one(page: str, outdated: dict[str, str]) -> None:
    assert page not in outdated, f"docs/reference/{page}: run `{COMMAND}`\n{outdated.get(page, '')[:3000]}"


def terms() -> Iterator[tuple[str, str]]:
    """Yield every term that readers search for, with its page."""
    yield from ((code, "errors.md") for code in errs.named_errors())
    yield from ((code, "violations.md") for code in errs.violation_codes())
    yield from ((each.name.upper(), "settings.md") for each in fields(Settings))
    yield from ((observability.full_name(each), "metrics.md") for each in observability.collectors())
    yield from ((name, "metrics.md") for name, _ in observability.recorded())
    yield from ((each["name"], "alerts.md") for each in observability.alerts())
    yield from (
        (name, "header-fields.md")
        for name in {*request_header_meanings.READ, *response_header_meanings.DOCUMENTED, *MORE}
    )
    yield from ((name, "scopes.md") for name in scopes.SCOPES)
    yield from ((name, "log-fields.md") for name in (*log_field_meanings.FIELDS, *log_field_meanings.LOGGERS))
    yield from ((f"flask {name}", "cli.md") for name, _ in commands.leaves())


def test_each_term_is_a_heading_or_a_row_of_its_page_alone() -> None:
    known = sorted(set(terms()))
    short = {term for term, page in known if page in {"log-fields.md", "scopes.md", "header-fields.md"}}
    wrong = []
    for term, page in known:
        found = {path.name for path in REFERENCE.glob("*.md") if term in _places(path)}
        if page not in found or (found != {each for name, each in known if name == term} and term not in short):
            wrong.append(f"{term} belongs to {page} and has a place in {sorted(found)}")
    assert not wrong, "\n".join(wrong)
    assert len(known) > 300


_PLACES: dict[Path, set[str]] = {}


def _places(path: Path) -> set[str]:
    if path not in _PLACES:
        text = path.read_text(encoding="utf-8")
        rows = set(ROW.findall(text)) if path.name in PAGES and path.name != "settings.md" else set()
        _PLACES[path] = {heading.strip("`") for heading in HEADING.findall(text)} | rows
    return _PLACES[path]


class TestCommands:
    def test_each_command_has_an_example(self) -> None:
        assert set(commands.EXAMPLES) == {name for name, _ in commands.leaves()}

    def test_each_example_is_accepted_by_its_command(self, tmp_path: Path) -> None:
        (tmp_path / "prices.csv").write_text("")
        for name, command in commands.leaves():
            words = shlex.split(commands.EXAMPLES[name])
            given = [str(tmp_path / word) if word == "prices.csv" else word for word in words]
            assert command.make_context(name, given), name


class TestTables:
    def test_each_label_of_a_metric_has_a_meaning(self) -> None:
        for metric in observability.collectors():
            for label in metric._labelnames:
                assert metric_label_meanings.meaning(metric._name, label)

    def test_each_scope_has_a_meaning(self) -> None:
        assert set(MEANINGS) == scopes.SCOPES

    def test_the_request_header_fields_are_those_that_are_read(self) -> None:
        assert set(request_header_meanings.READ) - BY_HAND == set(cors.READ) - BY_HAND

    def test_the_loggers_are_those_of_the_code(self) -> None:
        files = [*(ROOT / "app").rglob("*.py"), *(ROOT / "deploy").rglob("*.py"), ROOT / "gunicorn.conf.py"]
        found = {
            name for file in files for name in re.findall(r'(?:product\.logger|Warning)\("?(\w*)"?\)', file.read_text())
        }
        assert set(log_field_meanings.LOGGERS) == {product.logger(name).name for name in found - {"name", "logger"}}

    def test_the_log_fields_are_those_of_the_code(self) -> None:
        found = logged.names()
        assert found - set(log_field_meanings.FIELDS) == set(), (
            "describe them in app/observability/log_field_meanings.py"
        )
        assert set(log_field_meanings.FIELDS) - found == set(), (
            "remove them from app/observability/log_field_meanings.py"
        )

    def test_each_alert_has_a_runbook(self) -> None:
        assert observability.runbook("JobsAreNotDone") == "jobs-are-not-done.md"

    def test_anchors_are_those_of_forges(self) -> None:
        assert anchor("`GET /v1/tasks/{task_id}`") == "get-v1taskstask_id"
