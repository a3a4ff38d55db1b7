"""C10: every error of the catalogue is the same over both protocols."""

from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from google.protobuf import json_format
from grpc import StatusCode

from app import errs
from app.errs import Kind, declare
from app.rest import error_examples
from app.rest.error_statuses import STATUS_OF_KIND
from app.rest.errors import BODILESS, status_of
from app.rpc.errors import CODES, http_status
from app.rpc.gen.errors.v1 import errors_pb2
from tests.conftest import TokenMaker
from tests.error_kinds import KINDS
from tests.rpc.client import SHARED, Client, Failure
from tests.rpc.samples import NAME, REQUESTS

BEYOND: Final = frozenset(
    {"type", "title", "status", "detail", "instance", "kind", "code", "param", "errors", "failures"}
)
BEYOND_TOO: Final = frozenset({"request_id", "timestamp", "trace_id", "retryable", "retry_after", "retry", "truncated"})


def test_every_kind_has_a_status() -> None:
    """C10."""
    assert set(CODES) == set(Kind)
    assert {http_status(code) for code in StatusCode if code in CODES.values()} <= {*map(int, STATUS_OF_KIND.values())}


@pytest.mark.parametrize("kind", Kind)
def test_only_internal_errors_are_unknown_or_internal(kind: Kind) -> None:
    assert (CODES[kind] in {StatusCode.INTERNAL, StatusCode.UNKNOWN}) == (kind.fault is errs.Fault.SERVICE)


class Both:
    """One use case that ends with an error, called over both protocols."""

    def __init__(self, app: Flask, over_grpc: Client, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._http = FlaskClient(app)
        self._rpc, self._token = over_grpc, token
        self._tasks = app.extensions["app-services"].tasks
        self._patch = monkeypatch

    def end_with(self, error: errs.Error) -> tuple[Any, Failure]:
        """Return both responses."""

        def fail(*_: object, **__: object) -> None:
            raise error

        self._patch.setattr(self._tasks, "get", fail)
        answer = self._http.get(f"/v1/{NAME}", headers={"Authorization": f"Bearer {self._token}"})
        return answer, self._rpc.failure("GetTask", REQUESTS["GetTask"], may_be_a_bug=True)


@pytest.fixture
def both(app: Flask, alice: Client, token: TokenMaker, monkeypatch: pytest.MonkeyPatch) -> Both:
    """Return both outcomes of undeclared errors, without reporting the missing declaration."""
    monkeypatch.setattr(declare, "WATCHERS", [])
    return Both(app, alice, token("alice"), monkeypatch)


@pytest.mark.parametrize("code", errs.named_errors())
def test_every_error_is_the_same_over_both(both: Both, code: str) -> None:
    """Status by kind, all facts, all violations, the page, and the retry delay."""
    named = errs.named_errors()[code]
    answer, failure = both.end_with(error_examples.occurrence(named))
    shown = errs.platform.InternalError if named.kind.fault is errs.Fault.SERVICE else named
    assert (failure.code, failure.reason) == (CODES[shown.kind], shown.code)
    assert answer.status_code == status_of(shown)
    own = failure.details["ErrorDetail"]
    assert (own.title, failure.facts["kind"]) == (errs.title(shown), shown.kind.string)
    assert failure.facts["retryable"] == str(shown.kind.retryable).lower()
    if answer.status_code in BODILESS:
        _compare_challenge(answer, failure)
    else:
        _compare(answer.get_json(), failure)


def _compare_challenge(answer: Any, failure: Failure) -> None:
    """A client gets no more information than the challenge contains."""
    challenge = answer.headers.get("WWW-Authenticate", "")
    for fact in failure.extensions.values():
        assert f'"{fact}"' in challenge
    assert failure.message == failure.details["ErrorDetail"].title


def _compare(problem: dict[str, Any], failure: Failure) -> None:
    assert problem["detail"] == failure.message
    assert problem["type"] == failure.details["Help"].links[0].url
    assert problem.get("param") == failure.facts.get("param")
    assert [(each["field"], each["code"]) for each in problem.get("errors", [])] == failure.violations
    members = {name: value for name, value in problem.items() if name not in BEYOND | BEYOND_TOO}
    extensions = failure.extensions
    failures = extensions.pop("failures", None)
    assert extensions == members
    assert members.keys() <= failure.facts.keys()
    items = [(item["index"], item["problem"]["code"]) for item in problem.get("failures", [])]
    assert [(each.index, each.error.code) for each in failures.failures] == items if failures else items == []
    wait = failure.details["RetryInfo"].retry_delay.seconds if "RetryInfo" in failure.details else None
    assert wait == problem.get("retry_after")


def _number(kind: Kind, code: str | None) -> int:
    """Return the number of a code that isn't in the protocol; without a code, that of the kind."""
    if kind.fault is errs.Fault.SERVICE:
        return errors_pb2.INTERNAL_ERROR
    if kind.string in SHARED:
        return SHARED[kind.string]
    return 0 if code else errors_pb2.AppErrorCode.Value(errs.fallback(kind).code)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("code", [None, "TIDE_TOO_HIGH"])
class TestEveryKind:
    """Each kind, raised through ``E`` alone, with and without its own code."""

    def test_its_response_is_that_of_the_contract(self, both: Both, kind: Kind, code: str | None) -> None:
        answer, failure = both.end_with(errs.E("test.fail", kind, code=code, message="The tide is too high."))
        is_hidden = kind.fault is errs.Fault.SERVICE
        row = KINDS["INTERNAL" if is_hidden else kind.name]
        assert (failure.code.name, answer.status_code) == (row.grpc, row.status)
        assert failure.reason == (code if code and not is_hidden else errs.fallback(kind).code)
        assert failure.number == _number(kind, code)
        assert failure.facts["kind"] == row.string
        assert failure.facts["retryable"] == str(row.is_retryable).lower()
        assert (failure.message == "The tide is too high.") is not (is_hidden or answer.status_code in BODILESS)
        assert ("RetryInfo" in failure.details) == (kind in {Kind.RATE_LIMITED, Kind.UNAVAILABLE})

    def test_both_protocols_return_the_same(self, both: Both, kind: Kind, code: str | None) -> None:
        answer, failure = both.end_with(errs.E(kind, code=code, budget_ms=50))
        if answer.status_code in BODILESS:
            _compare_challenge(answer, failure)
        else:
            document = answer.get_json()
            assert document["code"] == failure.reason
            for name in {"method", "allowed", "supported", "available"} & document.keys():
                del document[name]  # members derived from the HTTP route
            _compare(document, failure)


def test_the_code_of_a_kind_is_that_of_the_contract() -> None:
    """This includes kinds that no client sees."""
    assert {kind.name: CODES[kind].name for kind in Kind} == {name: row.grpc for name, row in KINDS.items()}


def test_an_exceeded_deadline_has_the_budget_of_the_call(both: Both) -> None:
    _, failure = both.end_with(errs.E(Kind.DEADLINE))
    assert 9000 < failure.extensions["budget_ms"] <= 10000
    assert failure.extensions["spent_in"] == "service"


def test_facts_of_a_wrapped_error_are_included(both: Both) -> None:
    inner = errs.platform.DeadlineExceeded(budget_ms=50, spent_in="database")
    answer, failure = both.end_with(errs.E("tasks.get", inner))
    assert failure.extensions == {"budget_ms": 50, "spent_in": "database"}
    _compare(answer.get_json(), failure)


def test_an_error_with_a_hundred_violations_fits(both: Both) -> None:
    """C2: metadata has a size limit; the response states how many violations are left out."""
    broken = tuple(errs.Violation.of_member(f"requests[{n}].task.title", "TOO_LONG", "x" * 80) for n in range(100))
    _, failure = both.end_with(errs.requests.ValidationFailed(violations=broken))
    assert 10 <= len(failure.violations) < 100
    assert failure.facts["truncated"] == "true"


def test_an_undeclared_error_is_returned_and_reported(
    alice: Client, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C13: in production, the real error is returned, and the missing declaration is logged."""
    told: list[tuple[str, str, bool]] = []
    monkeypatch.setattr(declare, "WATCHERS", [lambda name, error, declared: told.append((name, error.code, declared))])

    def fail(*_: object, **__: object) -> None:
        raise errs.users.UserNotFound

    monkeypatch.setattr(app.extensions["app-services"].tasks, "get", fail)
    assert alice.failure("GetTask", REQUESTS["GetTask"]).code is StatusCode.NOT_FOUND
    assert told == [("todo.v1.TodoService/GetTask", "USER_NOT_FOUND", False)]


def test_the_details_are_valid_json(both: Both) -> None:
    _, failure = both.end_with(error_examples.occurrence(errs.tasks.BatchFailed))
    text = json_format.MessageToDict(failure.details["ErrorDetail"])
    assert text["extensions"]["failures"]["failures"][0]["error"]["code"] == "TASK_TITLE_TAKEN"
