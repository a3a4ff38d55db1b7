"""Declared errors: every operation ends with exactly these, and the full run provokes each (C10–C13)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app import errs
from app.config import ROOT
from app.rest import error_examples, operations
from app.rest.error_statuses import STATUS_OF_KIND
from app.rest.errors import BODILESS, status_of
from tests.observed_errors import PROVOKED
from tests.operations_that_ran import own
from tests.resources.subject import Subject
from tests.response_checks import PROBLEMS


def test_every_kind_has_a_status_and_every_status_a_kind() -> None:
    """C10."""
    assert set(STATUS_OF_KIND) == set(errs.Kind)


def test_every_kind_has_a_fallback_error() -> None:
    """C10."""
    assert all(errs.fallback(kind).kind in {kind, errs.Kind.INTERNAL} for kind in errs.Kind)


def test_every_endpoint_is_an_operation_with_an_access_rule(app: Flask) -> None:
    """Every rule of the URL map was registered with a guard, including public ones."""
    table = operations.table(app)
    rules = [(rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()]
    assert {each for each in rules if each[1] not in {"HEAD", "OPTIONS"}} == set(table)


def test_only_these_operations_are_public(app: Flask) -> None:
    """Enter a new public operation here by hand."""
    public = {each.name for each in operations.table(app).values() if each.scope is operations.PUBLIC}
    expected = {
        "POST /v1/tokens",
        "POST /v1/tokens:refresh",
        "POST /v1/tokens:revoke",
        "POST /v1/users",
        "POST /v1/users:activate",
        "POST /v1/users:requestPasswordReset",
        "POST /v1/users:resetPassword",
    }
    found = {name for name in public if name.startswith("GET /v1") or not name.startswith("GET /")}
    assert not found - expected, (
        f'anyone can call {", ".join(sorted(found - expected))} without a token: write scope="…" in its Blueprint, or'
        " enter the operation in this test if it must be public"
    )
    assert not expected - found, f"these operations are not public any more: {expected - found}"


def test_a_read_scope_grants_no_write_access(app: Flask) -> None:
    """Operations that change something require another scope."""
    to_read = {each.name for each in operations.table(app).values() if (each.scope or "").endswith(":read")}
    assert {name.partition(" ")[0] for name in to_read} <= {"GET"}


def test_every_declared_error_is_in_a_test(app: Flask) -> None:
    """C13: an error that no test names was not provoked. This needs no other test; the next one needs all of them."""
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    words = set(re.findall(r"\w+", written))
    by_error: dict[type[errs.Error], set[str]] = {}
    for operation in operations.table(app).values():
        for error in own(operation):
            by_error.setdefault(error, set()).add(operation.name)
    faults = [
        f"{', '.join(sorted(names))} declares {error.code}, and no test names it: write a test that ends with it,"
        f' rejected(response, {status_of(error)}, "{error.code}"), or remove {error.__name__} from @raises'
        for error, names in by_error.items()
        if not {error.code, error.__name__} & words and error.code not in derived()
    ]
    assert not faults, "\n".join(faults)


def derived() -> set[str]:
    """Return the codes that tests/resources finds in the models of its resources: no test contains them."""
    found: set[str] = set()
    for path in (ROOT / "tests" / "api").glob("test_*.py"):
        named = re.search(r'(?s)\nfrom tests\.resources\..*\n    name = "(\w+)"\n', path.read_text())
        if named:
            subject = Subject(named[1])
            found |= {code for _, code in subject.unique_indexes()}
            found |= {each.error.code for each in subject.transitions.values()}
            if subject.model.owner:
                found.add(f"NOT_{subject.absent.removesuffix('_NOT_FOUND')}_OWNER")
    return found


@pytest.mark.last
def test_every_declared_error_was_provoked(app: Flask) -> None:
    """C13: in the full run, each operation ended with each error that it declares."""
    left: dict[str, list[str]] = {}
    for operation in {each.name: each for each in operations.table(app).values()}.values():
        for error in operation.raises:
            if (operation.name, error.code) not in PROVOKED:
                left.setdefault(operation.name, []).append(error.code)
    faults = [f"{name} declares {', '.join(sorted(codes))}" for name, codes in sorted(left.items())]
    assert not faults, "no test has provoked these errors: write one, or remove them from @raises\n" + "\n".join(faults)


@pytest.mark.last
def test_every_error_outside_operations_was_provoked() -> None:
    """C13: the same for responses without an operation."""
    seen = {code for _, code in PROVOKED} | set(PROBLEMS)
    assert {error.code for error in operations.EVERYWHERE} - seen == set()


@pytest.mark.last
def test_every_named_error_was_provoked_or_is_the_fallback_of_its_kind() -> None:
    """C13: every error of the catalogue can occur, unless it exists for library users who raise its kind."""
    unused = set(errs.named_errors()) - {code for _, code in PROVOKED} - set(PROBLEMS)
    assert {code for code in unused if errs.fallback(errs.named_errors()[code].kind).code != code} == set()


def _shapes() -> Iterator[tuple[str, dict[str, Any]]]:
    for code, named in errs.named_errors().items():
        if status_of(named) not in BODILESS and code in PROBLEMS:
            document = error_examples.document(named, public_url="http://candor.test")
            assert document is not None
            yield code, document


@pytest.mark.last
def test_every_example_has_the_structure_of_a_provoked_response() -> None:
    """C11: the example on a catalogue page has the members and types of a response that a test provoked."""
    for code, example in _shapes():
        shape = {name: type(value) for name, value in example.items()}
        seen = [{name: type(value) for name, value in document.items()} for document in PROBLEMS[code]]
        assert any({**answer, "trace_id": str} == {**shape, "trace_id": str} for answer in seen), (code, shape, seen[0])
