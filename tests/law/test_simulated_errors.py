"""C25b: a caller can simulate every declared error of every operation, and gets the real response."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import errs
from app.rest import error_examples, operations
from app.rest.errors import BODILESS, headers_of, status_of
from app.rest.operations import Operation
from tests.observed_errors import PROVOKED
from tests.response_checks import PROBLEMS, CheckedClient
from tests.samples import path_of

pytestmark = pytest.mark.slow

Bearer = Callable[..., dict[str, str]]
OF_THE_OCCASION: Final = frozenset({"instance", "request_id", "timestamp", "trace_id"})


@pytest.fixture(scope="module")
def table(app: Flask) -> list[Operation]:
    """Return every operation."""
    return [*{each.name: each for each in operations.table(app).values()}.values()]


@pytest.fixture
def simulate(app: Flask, bearer: Bearer) -> Callable[[Operation, str], TestResponse]:
    """Return a sender of requests without a body that simulate an error of an operation."""

    def send(operation: Operation, value: str) -> TestResponse:
        client = app.test_client()
        assert isinstance(client, CheckedClient)  # it validates body and header fields against OpenAPI
        client.allows_500 = True
        method, headers = operation.name.partition(" ")[0], {**bearer(scopes="admin"), "Simulate-Error": value}
        return client.open(path_of(operation.name), method=method, headers=headers)

    return send


def test_every_declared_error_of_every_operation_can_be_simulated(
    app: Flask, table: list[Operation], simulate: Callable[[Operation, str], TestResponse]
) -> None:
    """Status, header fields and document equal the catalogue's example, with the facts of the operation.

    A simulation does not prove that an operation can end with the error (C13): those checks ignore simulated errors.
    """
    provoked, problems = {*PROVOKED}, {code: len(found) for code, found in PROBLEMS.items()}
    for operation in table:
        for named in operation.raises:
            response, status = simulate(operation, named.code), status_of(named)
            expected = error_examples.occurrence(named, operation, largest=app.config["MAX_BODY_BYTES"])
            fields = headers_of(expected, status, method=response.request.method)
            place = (operation.name, named.code, response.status_code, response.get_data())
            assert response.status_code == status, place
            assert fields.items() <= dict(response.headers).items(), place
            if status in BODILESS:
                assert response.get_data() == b"", place
                continue
            example = error_examples.document(named, public_url="http://candor.test", shown=expected)
            assert _lasting(response.json) == _lasting(example), place
    assert provoked == PROVOKED
    assert problems == {code: len(found) for code, found in PROBLEMS.items()}


def _lasting(value: Any) -> Any:
    """Return a document and its items, without values that differ between requests."""
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if name not in OF_THE_OCCASION}
    return [*map(_lasting, value)] if isinstance(value, list) else value


def test_an_error_of_another_operation_is_400_with_the_allowed_ones(
    table: list[Operation], simulate: Callable[[Operation, str], TestResponse]
) -> None:
    for operation in table:
        declared = {named.code for named in operation.raises}
        other = next(code for code in errs.named_errors() if code not in declared)
        response = simulate(operation, other)
        assert response.status_code == 400
        assert response.json is not None
        assert response.json["code"] == "VALIDATION_FAILED"
        (violation,) = response.json["errors"]
        assert (violation["field"], violation["header"], violation["code"]) == (
            "Simulate-Error",
            "Simulate-Error",
            "INVALID_VALUE",
        )
        assert violation["message"].endswith(": " + ", ".join(sorted(declared)))


def test_only_operations_with_a_timeout_accept_a_delay(
    table: list[Operation], simulate: Callable[[Operation, str], TestResponse]
) -> None:
    for operation in table:
        may_be_late = "DEADLINE_EXCEEDED" in {named.code for named in operation.raises}
        response = simulate(operation, "INTERNAL_ERROR; delay=0.001")
        assert response.status_code == (500 if may_be_late else 400), operation.name
        assert may_be_late or not operation.needs_slot
