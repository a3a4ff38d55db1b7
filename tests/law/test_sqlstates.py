"""Every SQLSTATE of PostgreSQL has a decision, and ``docs/reference/postgresql.md`` lists the same ones as the code."""

import inspect
import re
from pathlib import Path
from typing import Final

import psycopg
import pytest

from app.errs import Kind
from app.models.declarative_base import Base
from app.repositories.error_translation import translated
from app.repositories.sqlstates import TABLE, Decision, decided
from app.rest.error_statuses import STATUS_OF_KIND

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "postgresql.md"
ROW: Final = re.compile(r"^\| `([0-9A-Z]{2}|[0-9A-Z]{5})` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
KNOWN: Final[dict[str, type[psycopg.Error]]] = {
    str(each.sqlstate): each
    for _, each in inspect.getmembers(psycopg.errors, inspect.isclass)
    if issubclass(each, psycopg.Error) and each.sqlstate
}
"""The errors that psycopg derives from PostgreSQL's codes (Appendix A), by code."""
STATUSES: Final = {"AGAIN": 503, "LATER": 503, "FULL": 507, "INPUT": 400, "BUG": 500, "CONSTRAINT": 500}
"""The HTTP status of each decision; a constraint that no model names is an internal error."""


def test_every_class_has_a_decision() -> None:
    assert len(KNOWN) > 250
    assert {code[:2] for code in KNOWN} <= TABLE.keys()


def test_every_single_code_of_the_table_exists() -> None:
    assert {code for code in TABLE if len(code) == 5} <= KNOWN.keys()
    assert all(len(code) in {2, 5} for code in TABLE)


@pytest.mark.parametrize("code", sorted(KNOWN))
def test_every_code_is_answered_as_decided(code: str) -> None:
    decision, error = decided(code), translated(KNOWN[code]("provoked"))
    assert STATUS_OF_KIND[error.kind] == STATUSES[decision.name]
    assert bool(error.facts.get("is_undone")) is (decision is Decision.AGAIN)
    if decision in {Decision.AGAIN, Decision.LATER}:
        assert error.kind is Kind.UNAVAILABLE
        assert error.kind.retryable


@pytest.mark.parametrize("code", ["08006", "25P03", "57P01", "57P02", "57P03", "57P05"])
def test_a_session_that_ended_before_commit_is_retried(code: str) -> None:
    assert decided(code, has_ended=True) is Decision.AGAIN
    assert translated(KNOWN[code]("provoked"), is_disconnect=True).facts["is_undone"]


def test_a_transaction_that_timed_out_is_not_retried() -> None:
    assert decided("25P04", has_ended=True) is Decision.LATER


def test_a_class_of_an_extension_is_an_internal_error() -> None:
    assert decided("ZZ001") is Decision.BUG


def test_the_document_lists_every_decision() -> None:
    listed = {code: (status.strip(), repeated.strip()) for code, status, repeated in ROW.findall(DOCUMENT.read_text())}
    assert listed == {code: (decision.status, decision.repeated) for code, decision in TABLE.items()}


def test_the_models_name_constraints() -> None:
    """Otherwise, every conflict would be an internal error."""
    rules = [rule for table in Base.metadata.tables.values() for rule in (*table.constraints, *table.indexes)]
    assert any("violated" in rule.info for rule in rules)
