"""``simulate-error``: a caller simulates any declared error of any method (C25b)."""

import time
from collections.abc import Callable
from typing import Final

import pytest
from grpc import StatusCode

from app import errs
from app.rpc.errors import CODES
from app.rpc.handlers import tasks
from tests.api.conftest import Log
from tests.conftest import TokenMaker
from tests.observed_errors import PROVOKED
from tests.rpc.client import Client
from tests.rpc.samples import REQUESTS
from tests.scrape import grown, growth, here

pytestmark = pytest.mark.slow

METHODS: Final = {path.rpartition("/")[2]: method for path, method in tasks.SERVICE.methods.items()}
NAME: Final = "simulate-error"
TAKEN: Final = {NAME: "TASK_TITLE_TAKEN"}


@pytest.mark.parametrize("name", METHODS)
def test_every_declared_error_of_every_method(alice: Client, name: str) -> None:
    """Status and details are those of the error, and no simulation counts as a proof of a declaration."""
    provoked = {*PROVOKED}
    for named in METHODS[name].raises:
        failure = alice.failure(name, REQUESTS[name], metadata={NAME: named.code}, may_be_a_bug=True)
        assert (failure.code, failure.reason) == (CODES[named.kind], named.code)
        assert failure.extensions.keys() - {"failures"} == named.declared_facts.keys()
        assert ("RetryInfo" in failure.details) == (errs.public_wait(errs.example_of(named)) is not None)
    assert provoked == PROVOKED


def test_facts_are_those_of_the_method(alice: Client) -> None:
    for name, limit in (("GetTask", 16 * 1024), ("BatchCreateTasks", 1 << 20)):
        failure = alice.failure(name, REQUESTS[name], metadata={NAME: "BODY_TOO_LARGE"})
        assert failure.extensions == {"limit": limit}
    scope = alice.failure("GetTask", REQUESTS["GetTask"], metadata={NAME: "INSUFFICIENT_SCOPE"})
    assert scope.extensions == {"scope": "tasks"}


@pytest.mark.parametrize("value", ["USER_NOT_FOUND", "TASK_TITLE_TAKEN, TASK_TITLE_TAKEN", "TASK_TITLE_TAKEN; x=1"])
def test_any_other_value_is_a_violation(alice: Client, value: str) -> None:
    failure = alice.failure("CreateTask", REQUESTS["CreateTask"], metadata={NAME: value})
    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")
    assert [field for field, _ in failure.violations] == ["Simulate-Error"]


def test_a_simulated_error_changes_nothing(alice: Client) -> None:
    """It stores no task and no key."""
    key = {"idempotency-key": "simulated"}
    assert alice.failure("CreateTask", REQUESTS["CreateTask"], metadata=key | TAKEN).reason == "TASK_TITLE_TAKEN"
    _, trailing = alice.call("CreateTask", REQUESTS["CreateTask"], metadata=key)
    assert "idempotent-replayed" not in trailing


def test_authentication_and_scope_take_precedence(unauthenticated: Client, port: int, token: TokenMaker) -> None:
    assert unauthenticated.failure("GetTask", REQUESTS["GetTask"], metadata=TAKEN).reason == "MISSING_CREDENTIALS"
    with Client.of(port, token("alice", "account")) as other:
        assert other.failure("GetTask", REQUESTS["GetTask"], metadata=TAKEN).reason == "INSUFFICIENT_SCOPE"


def test_the_first_calls_of_a_series_succeed(alice: Client, port: int, token: TokenMaker) -> None:
    with Client.of(port, token("somebody-with-a-series")) as client:
        after = {NAME: "SERVICE_UNAVAILABLE; after=2"}
        for _ in range(2):
            client.call("ListTasks", REQUESTS["ListTasks"], metadata=after)
        assert client.failure("ListTasks", REQUESTS["ListTasks"], metadata=after).reason == "SERVICE_UNAVAILABLE"


def test_a_delay_ends_with_the_deadline(serve: Callable[..., int], alice: Client, token: TokenMaker) -> None:
    port = serve(request_timeout=0.3)
    with Client.of(port, token("alice")) as client:
        began = time.monotonic()
        failure = client.failure("ListTasks", REQUESTS["ListTasks"], metadata={NAME: "INVALID_FILTER; delay=30"})
        assert time.monotonic() - began < 8
    assert failure.code is StatusCode.DEADLINE_EXCEEDED
    assert failure.extensions == {"budget_ms": 300, "spent_in": "simulation"}


def test_logs_and_metrics_mark_a_simulated_error(alice: Client, log: Log) -> None:
    before = here()
    with growth("simulated_errors_total", code="INTERNAL_ERROR") as counted:
        alice.failure("GetTask", REQUESTS["GetTask"], metadata={NAME: "INTERNAL_ERROR"}, may_be_a_bug=True)
        until = time.monotonic() + 5
        while not log.access and time.monotonic() < until:
            time.sleep(0.01)
    assert counted.by == 1
    assert grown(before) == set()
    (error,) = log.errors
    assert (error["level"], error["simulated"], "stack" in error) == ("WARNING", True, False)
    assert (log.access[-1]["grpc_status"], log.access[-1]["simulated"]) == ("INTERNAL", True)


def test_it_is_ignored_if_disabled(serve: Callable[..., int], alice: Client, token: TokenMaker) -> None:
    port = serve(faults_on_demand=False)
    with Client.of(port, token("alice")) as client:
        client.call("ListTasks", REQUESTS["ListTasks"], metadata={NAME: "INTERNAL_ERROR"})
