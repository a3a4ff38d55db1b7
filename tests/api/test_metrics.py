"""Metrics of requests and errors, in the process that answers them."""

from collections.abc import Callable
from typing import cast

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from app import errs
from app.errs.platform import ServiceUnavailable
from app.observability import metrics
from app.rest.application import Application
from app.rest.early_errors import RawRequest, reject
from app.rest.middleware import Middleware
from app.rest.overload import Overload
from app.services.tasks import TaskService
from tests.api.caller import TASKS, Caller
from tests.response_checks import CheckedClient
from tests.scrape import growth, here

pytestmark = pytest.mark.slow

COUNT = "http_request_duration_seconds_count"


class TestRequests:
    def test_ok(self, alice: Caller) -> None:
        """By method, route pattern and status."""
        path = alice.create(title="one").headers["Location"]
        with growth(COUNT, method="GET", route="/v1/tasks/<id:task_id>", status="200") as counted:
            alice.get(path)
        assert counted.by == 1

    def test_an_answered_request_is_no_longer_in_flight(self, alice: Caller) -> None:
        alice.get(TASKS)
        now = here()
        assert now.total("http_requests_in_flight") == now.total("work_slots_in_use") == 0
        assert now.total("pool_connections_in_use") == 0

    @pytest.mark.parametrize(
        ("method", "path", "labels"),
        [
            ("GET", "/nowhere", {"method": "GET", "route": "unmatched", "status": "404"}),
            ("DELETE", TASKS, {"method": "DELETE", "route": "unmatched", "status": "405"}),
            ("BREW", TASKS, {"method": "OTHER", "route": "unmatched", "status": "405"}),
            ("GET", TASKS, {"method": "GET", "route": TASKS, "status": "401"}),
        ],
    )
    def test_a_rejected_request_is_no_longer_in_flight(
        self, client: FlaskClient, method: str, path: str, labels: dict[str, str]
    ) -> None:
        with growth(COUNT, **labels) as counted:
            _send(client, method, path)
        assert counted.by == 1

    def test_an_application_that_raises_leaves_no_request_in_flight_and_counts_once(
        self, make_application: Callable[..., Flask]
    ) -> None:
        """With PROPAGATE_EXCEPTIONS the server answers, and counts."""
        propagating = make_application()
        propagating.config["PROPAGATE_EXCEPTIONS"] = True

        def broken(_environ: object, _start: object) -> list[bytes]:
            raise RuntimeError

        with growth("http_requests_in_flight") as in_flight, growth(COUNT) as counted, pytest.raises(RuntimeError):
            Middleware(cast("Application", propagating), broken, None)(
                EnvironBuilder().get_request().environ, lambda *_: lambda _: None
            )
        assert (in_flight.by, counted.by) == (0, 0)

    def test_requests_that_the_server_rejects_count_too(self, app: Flask) -> None:
        error = errs.named_errors()["MALFORMED_REQUEST"]()
        with (
            growth(COUNT, method="OTHER", route="unmatched", status="400") as counted,
            growth("errors_total", code="MALFORMED_REQUEST", fault="client") as errors,
        ):
            reject(error, ValueError("nonsense"), RawRequest(method="gEt"), app.config)
        assert (counted.by, errors.by) == (1, 1)

    def test_each_request_that_is_shed_counts_too(self, app: Flask) -> None:
        """C23a: all of them, though only one per second has an error entry."""
        overload = Overload(app.config)
        with growth("http_requests_shed_total", at="request_queue") as shed, growth(COUNT, status="503") as counted:
            for _ in range(3):
                overload.reject(b"GET /v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n", may_follow=True)
        assert (shed.by, counted.by) == (3, 3)

    def test_a_degraded_response_names_the_dependency(self, make_application: Callable[..., Flask]) -> None:
        """C26."""
        with growth("degraded_responses_total", dependency="preferences") as counted:
            fields = [("Degraded", "preferences;reason=breaker-open")]
            middleware = Middleware(cast("Application", make_application()), Response(headers=fields), None)
            list(middleware(EnvironBuilder().get_request().environ, lambda *_: lambda _: None))
        assert counted.by == 1


class TestErrors:
    def test_by_code_kind_and_fault(self, alice: Caller) -> None:
        labels = {"code": "TASK_NOT_FOUND", "kind": "item_does_not_exist", "fault": "client"}
        with growth("errors_total", **labels) as counted:
            alice.get(f"{TASKS}/00000000-0000-0000-0000-000000000000")
        assert counted.by == 1

    def test_a_bug_is_a_recovered_panic(self, alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(TaskService, "page", _raiser(ZeroDivisionError()))
        labels = {"code": "INTERNAL_ERROR", "kind": "internal_error", "fault": "service"}
        with growth("panics_recovered_total") as panics, growth("errors_total", **labels) as errors:
            _allowing_500(alice).get(TASKS)
        assert (panics.by, errors.by) == (1, 1)

    def test_a_500_of_another_kind_keeps_its_kind(self, alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        """C3 hides it from the client; operators see it in the metrics."""
        monkeypatch.setattr(TaskService, "page", _raiser(errs.E(kind=errs.Kind.DATABASE)))
        with (
            growth("errors_total", code="INTERNAL_ERROR", kind="database_error") as errors,
            growth("panics_recovered_total") as panics,
        ):
            _allowing_500(alice).get(TASKS)
        assert (errors.by, panics.by) == (1, 0)

    def test_every_code_exists_before_it_first_occurs(self, app: Flask) -> None:
        assert here().labels("errors_total", "code") >= errs.named_errors().keys()


def _allowing_500(caller: Caller) -> Caller:
    assert isinstance(caller.client, CheckedClient)
    caller.client.allows_500 = True
    return caller


def _raiser(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


class TestViolations:
    @pytest.mark.parametrize(
        ("body", "field", "code"),
        [
            ({"task": {"title": ""}}, "title", "TOO_SHORT"),
            ({"task": {"title": "x", "tags": ["a", "b", "N O"]}}, "tags[]", "INVALID_TAG_FORMAT"),
            ({"task": {"title": "x", "made-up": 1}}, "other", "UNKNOWN_FIELD"),
            ({"task": []}, "task", "INVALID_TYPE"),
        ],
    )
    def test_by_field_and_code(self, alice: Caller, body: object, field: str, code: str) -> None:
        with growth("validation_violations_total", field=field, code=code) as counted:
            alice.post(TASKS, json=body)
        assert counted.by == 1

    def test_every_item_of_a_batch_is_the_same_field(self, alice: Caller) -> None:
        body = {"requests": [{"task": {"title": ""}} for _ in range(7)]}
        with growth("validation_violations_total", field="requests[].task.title") as counted:
            alice.post(f"{TASKS}:batchCreate", json=body)
        assert counted.by == 7

    def test_by_parameter_and_header_field_too(self, alice: Caller) -> None:
        with (
            growth("validation_violations_total", field="page_size", code="INVALID_TYPE") as size,
            growth("validation_violations_total", field="Request-Timeout") as timeout,
            growth("validation_violations_total", field="other", code="UNKNOWN_PARAMETER") as unknown,
        ):
            alice.get(f"{TASKS}?page_size=x&sort=1", headers={"Request-Timeout": "soon"})
        assert (size.by, timeout.by, unknown.by) == (1, 1, 1)

    def test_names_that_clients_invent_are_not_labels(
        self, alice: Caller, client: FlaskClient, bearer: Callable[..., dict[str, str]]
    ) -> None:
        """The set of series does not depend on the input."""

        def bombard(salt: str) -> None:
            for body in ({f"x{salt}": 1}, {"task": {f"y{salt}": 1}}, {"task": {"title": {salt: 1}}}, [salt]):
                alice.post(TASKS, json=body)
                alice.post(f"{TASKS}:batchCreate", json={"requests": [body, {"task": {salt: salt}}]})
            for path in (
                f"/{salt}",
                f"{TASKS}/{salt}",
                f"/errors/{salt}",
                f"{TASKS}?{salt}=1",
                f"{TASKS}?filter={salt}",
            ):
                for method in ("GET", "DELETE", salt.upper()):
                    _send(client, method, path, bearer())

        bombard("first")
        before = here().samples.keys()
        for salt in ("second", "third"):
            bombard(salt)
        assert here().samples.keys() == before


class TestOverload:
    def test_a_request_without_a_slot_is_counted(
        self, make_application: Callable[..., Flask], bearer: Callable[..., dict[str, str]]
    ) -> None:
        """C23a: and during another request, its slot is visible."""
        small = make_application(database_pool_size=2, web_threads=1)
        slots = small.extensions["app-services"].bulkhead
        with growth("http_requests_shed_total", at="work_slots") as shed, slots:
            assert here("work_slots_in_use").total("work_slots_in_use") == 1
            assert _status(small.test_client(), bearer()) == 503
        assert shed.by == 1


def _send(client: FlaskClient, method: str, path: str, headers: dict[str, str] | None = None) -> None:
    client.open(path, method=method, headers=headers or {})


def _status(client: FlaskClient, headers: dict[str, str]) -> int:
    return client.get(TASKS, headers=headers).status_code


def test_an_undeclared_error_is_counted_by_its_operation() -> None:
    """C13."""
    with growth("undeclared_errors_total", operation="GET /x", code="SERVICE_UNAVAILABLE") as counted:
        for watcher in errs.WATCHERS:
            if watcher.__module__.startswith("app."):
                watcher("GET /x", ServiceUnavailable(retry_after=1), False)
    assert counted.by == 1


def test_the_maximum_of_the_states_of_a_breaker_is_the_worst() -> None:
    """Open is 1."""
    assert metrics.STATES["closed"] < metrics.STATES["half-open"] < metrics.STATES["open"] == 1
