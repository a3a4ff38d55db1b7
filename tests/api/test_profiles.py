"""``/v1/users/{id}/profile``: data of two dependencies, and the fallbacks when they fail (C26)."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.config import Settings
from app.errs import Kind
from app.extensions import db
from app.observability.metrics import REGISTRY
from app.resilience.breaker import State
from app.wiring import wire
from tests.api.accounts import an_address, join
from tests.api.caller import Caller, answered, rejected, violated
from tests.api.conftest import Bearer, Log
from tests.api.profiles import DEFAULTS, OTHER, SECRET, SWISS, USER, World, of_kind, problem
from tests.fakes import remote as fake
from tests.fakes.remote import Behaviour, Remote, answers, in_turn

pytestmark = pytest.mark.slow

DRIP = fake.drips(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * 5000, at_once=50)
GARBAGE = fake.sends(bytes(range(256)))
HTML = answers(f"<h1>{SECRET}</h1>".encode(), 200, "text/html")
FAULTS: dict[str, tuple[Behaviour, int, str, str]] = {
    "silent": (fake.is_silent, 504, "DEADLINE_EXCEEDED", "timed-out"),
    "dripping": (DRIP, 504, "DEADLINE_EXCEEDED", "timed-out"),
    "reset": (fake.resets, 503, "SERVICE_UNAVAILABLE", "unreachable"),
    "hung up": (fake.disconnects, 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "garbage": (GARBAGE, 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "html": (HTML, 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "html 500": (answers(b"<h1>", 500, "text/html"), 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "bare 400": (answers({"error": SECRET}, 400), 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "a list": (answers([SECRET]), 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "nulls": (answers(dict.fromkeys((*USER, *SWISS))), 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "bug": (problem("INTERNAL_ERROR"), 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "busy": (problem("SERVICE_UNAVAILABLE", retry_after=7), 503, "SERVICE_UNAVAILABLE", "unreachable"),
    "not ready": (of_kind(Kind.UNAVAILABLE, 503), 503, "SERVICE_UNAVAILABLE", "unreachable"),
    "late": (problem("DEADLINE_EXCEEDED"), 504, "DEADLINE_EXCEEDED", "timed-out"),
    "its own remote": (problem("EXTERNAL_SERVICE_ERROR"), 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "limited": (problem("RATE_LIMIT_EXCEEDED", retry_after=3), 503, "SERVICE_UNAVAILABLE", "unreachable"),
    "no route": (problem("ROUTE_NOT_FOUND"), 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "our mistake": (problem("VALIDATION_FAILED"), 502, "EXTERNAL_SERVICE_ERROR", "no-usable-answer"),
    "unknown kind": (
        answers({"kind": "theirs", "code": SECRET}, 404, "application/problem+json"),
        502,
        "EXTERNAL_SERVICE_ERROR",
        "no-usable-answer",
    ),
}
"""The behavior of a dependency, the result without a cached copy of the user, and the reason of a degraded response."""
REJECTIONS: dict[str, tuple[Behaviour, int]] = {
    "401": (answers(b"", 401, ""), 401),
    "403": (answers(b"", 403, ""), 403),
    "404": (problem("USER_NOT_FOUND"), 404),
}


@pytest.fixture
def world(client: FlaskClient, other_application: Flask, settings: Settings, bearer: Bearer) -> Iterator[World]:
    """Return an instance with two others that answer successfully."""
    users, preferences = Remote(answers(USER)), Remote(answers(SWISS))
    with other_application.app_context():
        engine = db.engine
    urls = replace(settings, users_url=users.url, preferences_url=preferences.url)
    services = other_application.extensions["app-services"] = wire(urls, db.session, lambda: engine)
    for http_client in services.clients:
        http_client._retry._sleep, http_client._timeout = lambda _: None, timedelta(seconds=20)
    sender = other_application.test_client()
    me, admin = Caller(sender, bearer(USER["id"], "")), Caller(sender, bearer("root", "admin"))
    yield World(other_application, users, preferences, me, admin)
    for http_client in services.clients:
        http_client.close()
    users.close()
    preferences.close()


class TestLocal:
    @pytest.fixture
    def user(self, unauthenticated: Caller, app: Flask) -> dict[str, Any]:
        """Return a user with an account."""
        return join(unauthenticated, app, an_address())

    def test_ok(self, client: FlaskClient, bearer: Bearer, user: dict[str, Any], admin: Caller) -> None:
        """Exactly the content of both resources, for the user and for admins."""
        me, path = Caller(client, bearer(user["id"], "")), f"/v1/users/{user['id']}"
        for wanted in (DEFAULTS, SWISS):
            for caller in (me, admin):
                response = caller.get(f"{path}/profile")
                assert answered(response) == {
                    "user": user,
                    "preferences": wanted,
                    "degraded": False,
                    "degraded_reasons": [],
                }
                assert "Degraded" not in response.headers
                assert response.headers["Cache-Control"] == "no-store"
            me.send("PUT", f"{path}/preferences", json=SWISS, headers={"If-Match": "*"})

    def test_a_projection_has_only_the_requested_members(self, admin: Caller, user: dict[str, Any]) -> None:
        """C19."""
        path = f"/v1/users/{user['id']}/profile"
        assert answered(admin.get(f"{path}?fields=degraded,user")) == {"user": user, "degraded": False}
        assert violated(admin.get(f"{path}?fields=version")) == [("fields", "INVALID_VALUE")]

    def test_unreadable_preferences_are_replaced_by_defaults(
        self, app: Flask, user: dict[str, Any], admin: Caller
    ) -> None:
        """C26: also without a remote source."""
        with app.app_context(), db.engine.connect() as connection:
            connection.exec_driver_sql("LOCK TABLE preferences")
            response = admin.get(f"/v1/users/{user['id']}/profile", headers={"Request-Timeout": "0.3"})
            connection.rollback()
        assert (answered(response)["preferences"], response.headers["Degraded"]) == (
            DEFAULTS,
            "preferences;reason=timed-out",
        )

    @pytest.mark.parametrize("user_id", [OTHER, "nonsense"])
    def test_the_profile_of_an_unknown_user(self, admin: Caller, alice: Caller, user_id: str) -> None:
        """404 for an admin; 403 for other callers."""
        rejected(admin.get(f"/v1/users/{user_id}/profile"), 404, "USER_NOT_FOUND")
        response = alice.get(f"/v1/users/{user_id}/profile")
        assert (response.status_code, response.get_data()) == (403, b"")


class TestRemote:
    def test_ok(self, world: World) -> None:
        response = world.get()
        assert answered(response) == {"user": USER, "preferences": SWISS, "degraded": False, "degraded_reasons": []}
        assert "Degraded" not in response.headers
        assert [each.heads[0].partition(" HTTP")[0] for each in (world.users, world.preferences)] == [
            f"GET /v1/users/{USER['id']}",
            f"GET /v1/users/{USER['id']}/preferences",
        ]

    def test_both_are_called_at_the_same_time(self, world: World) -> None:
        """Neither answers before both have been called."""
        both = threading.Barrier(2, timeout=5)

        for each in (world.users, world.preferences):
            each.behave = _after(both, each.behave)
        assert answered(world.get())["degraded"] is False

    def test_the_context_of_the_request_is_passed_on(self, world: World) -> None:
        """C16, C23."""
        trace = f"00-{'a' * 32}-{'b' * 16}-01"
        for name in ("users", "preferences"):
            world.hurry(name)
        world.get(headers={"X-Request-Id": "request-1234", "Traceparent": trace})
        for remote, longest in ((world.users, 0.8), (world.preferences, 0.5)):
            sent = remote.fields()
            assert (sent["x-request-id"], sent["traceparent"]) == ("request-1234", trace)
            assert sent["authorization"] == world.me.credentials["Authorization"]
            assert 0.05 <= float(sent["request-timeout"]) <= longest
        world.get(headers={"Request-Timeout": "0.3"})
        assert float(world.users.fields()["request-timeout"]) <= 0.3

    def test_the_token_is_sent_to_no_other_url(self, world: World) -> None:
        """Only to the configured URL; redirects are not followed."""
        attacker = Remote(answers(USER))
        world.users.behave = answers(b"", 302, Location=f"{attacker.url}/")
        rejected(world.get(), 502, "EXTERNAL_SERVICE_ERROR")
        assert attacker.connections == 0
        attacker.close()

    def test_no_database_connection_is_held_meanwhile(self, world: World) -> None:
        with world.application.app_context():
            pool, held = db.engine.pool, []
        answer = world.users.behave

        def behave(remote: Remote, connection: Any) -> None:
            held.append(pool.checkedout())  # type: ignore[attr-defined]  # a QueuePool
            answer(remote, connection)

        world.users.behave = behave
        answered(world.get())
        assert held == [0]

    @pytest.mark.parametrize("local", ["users_url", "preferences_url"])
    def test_each_source_may_be_local(
        self, local: str, unauthenticated: Caller, app: Flask, world: World, settings: Settings, bearer: Bearer
    ) -> None:
        user = join(unauthenticated, app, an_address())
        world.users.behave = answers({**USER, "id": user["id"]})
        urls = {"users_url": world.users.url, "preferences_url": world.preferences.url, local: ""}
        with world.application.app_context():
            engine = db.engine
        wired = wire(replace(settings, **urls), db.session, lambda: engine)  # type: ignore[arg-type]  # names of settings
        world.application.extensions["app-services"] = wired
        caller = Caller(world.application.test_client(), bearer(user["id"], ""))
        profile = answered(caller.get(f"/v1/users/{user['id']}/profile"))
        assert profile["user"] == (user if local == "users_url" else {**USER, "id": user["id"]})
        assert profile["preferences"] == (DEFAULTS if local == "preferences_url" else SWISS)
        assert profile["degraded"] is False
        for each in wired.clients:
            each.close()

    def test_a_denied_caller_causes_no_call(self, world: World) -> None:
        response = world.me.get(f"/v1/users/{OTHER}/profile")
        assert (response.status_code, world.users.connections + world.preferences.connections) == (403, 0)


def _after(barrier: threading.Barrier, behave: Behaviour) -> Behaviour:
    """Behave like this once all requests have arrived."""

    def wait(remote: Remote, connection: Any) -> None:
        barrier.wait()
        behave(remote, connection)

    return wait


@pytest.mark.parametrize("fault", FAULTS)
class TestFaults:
    def test_a_fault_of_users_without_a_copy_is_502_503_or_504(self, world: World, fault: str) -> None:
        """The response contains no text of the other instance."""
        behave, status, code, _ = FAULTS[fault]
        world.users.behave = behave
        if status == 504:
            world.hurry("users")
        response = world.get()
        document = rejected(response, status, code)
        assert SECRET not in response.get_data(as_text=True)
        assert ("spent_in", "users") in document.items() if status == 504 else "spent_in" not in document
        assert ("Retry-After" in response.headers) == (status == 503)

    def test_a_fault_of_users_with_a_copy_degrades_the_response(self, world: World, fault: str) -> None:
        """C26."""
        behave, status, _, reason = FAULTS[fault]
        answered(world.get())
        world.users.behave = behave
        if status == 504:
            world.hurry("users")
        response = world.get()
        assert answered(response) == {
            "user": USER,
            "preferences": SWISS,
            "degraded": True,
            "degraded_reasons": [f"user: {reason.replace('-', ' ')}"],
        }
        assert response.headers["Degraded"] == f"user;reason={reason}"

    def test_faults_of_preferences_are_replaced_by_defaults(self, world: World, fault: str) -> None:
        """C26."""
        behave, status, _, reason = FAULTS[fault]
        world.preferences.behave = behave
        if status == 504:
            world.hurry("preferences")
        response = world.get()
        assert answered(response) == {
            "user": USER,
            "preferences": DEFAULTS,
            "degraded": True,
            "degraded_reasons": [f"preferences: {reason.replace('-', ' ')}"],
        }
        assert response.headers["Degraded"] == f"preferences;reason={reason}"


class TestRejections:
    @pytest.mark.parametrize("rejection", REJECTIONS)
    def test_a_rejection_by_users_is_passed_on_and_no_copy_is_shown(self, world: World, rejection: str) -> None:
        """The copy is removed, and not used when the dependency fails afterwards."""
        answered(world.get())
        world.users.behave, status = REJECTIONS[rejection]
        response = world.get()
        assert response.status_code == status
        assert ('error="invalid_token"' in response.headers.get("WWW-Authenticate", "")) == (status == 401)
        world.users.behave = fake.resets
        rejected(world.get(), 503, "SERVICE_UNAVAILABLE")

    @pytest.mark.parametrize("rejection", REJECTIONS)
    def test_a_rejection_by_preferences_degrades_the_response(self, world: World, rejection: str) -> None:
        world.preferences.behave = REJECTIONS[rejection][0]
        reasons = answered(world.get())["degraded_reasons"]
        assert reasons == ["preferences: refused"]

    def test_the_data_of_another_user_is_an_invalid_answer(self, world: World) -> None:
        """No caller sees another user's data, whatever the dependency sends."""
        world.users.behave = answers({**USER, "id": OTHER})
        rejected(world.get(), 502, "EXTERNAL_SERVICE_ERROR")


class TestCopies:
    def test_copies_are_not_shown_to_other_callers(self, world: World, bearer: Bearer) -> None:
        """A caller without access at the dependency does not see a copy either."""
        answered(world.get(world.admin))
        world.users.behave = fake.resets
        assert answered(world.get(world.admin))["degraded_reasons"] == ["user: unreachable"]
        rejected(world.get(), 503, "SERVICE_UNAVAILABLE")
        less = Caller(world.me.client, bearer("root", ""))
        assert world.get(less).status_code == 403

    def test_both_sources_may_fail(self, world: World) -> None:
        """C26."""
        answered(world.get())
        world.users.behave, world.preferences.behave = HTML, fake.resets
        counted = [_degraded("user"), _degraded("preferences")]
        response = world.get()
        assert answered(response)["degraded_reasons"] == ["user: no usable answer", "preferences: unreachable"]
        assert response.headers["Degraded"] == "user;reason=no-usable-answer, preferences;reason=unreachable"
        assert [_degraded("user"), _degraded("preferences")] == [each + 1 for each in counted]


def _degraded(dependency: str) -> float:
    return REGISTRY.get_sample_value("degraded_responses_total", {"dependency": dependency}) or 0.0


class TestTime:
    def test_a_short_deadline_of_the_caller_is_504(self, world: World) -> None:
        """C23: the caller has set the budget, and its end is not a failure of the dependency."""
        world.users.behave = fake.is_silent
        document = rejected(world.get(headers={"Request-Timeout": "0.2"}), 504, "DEADLINE_EXCEEDED")
        assert (document["budget_ms"], document["spent_in"]) == (200, "users")
        assert world.client("users").breaker.counts.total_failures == 0

    def test_transient_failures_are_retried(self, world: World, log: Log) -> None:
        world.users.behave = in_turn(fake.resets, problem("SERVICE_UNAVAILABLE", retry_after=None), answers(USER))
        assert answered(world.get())["degraded"] is False
        (line,) = log.access
        assert line["retries"] == {"users": 2}
        assert {"users", "preferences"} <= line["spent_ms"].keys()


class TestBreaker:
    def test_a_failed_dependency_gets_no_calls_until_a_probe(self, world: World) -> None:
        """C26."""
        answered(world.get())
        world.users.behave = world.preferences.behave = fake.resets
        while world.client("users").breaker.state() is not State.OPEN:
            world.get()
        while world.client("preferences").breaker.state() is not State.OPEN:
            world.get()
        before = world.users.connections, world.preferences.connections
        for _ in range(5):
            response = world.get()
        assert answered(response)["degraded_reasons"] == ["user: breaker open", "preferences: breaker open"]
        assert response.headers["Degraded"] == "user;reason=breaker-open, preferences;reason=breaker-open"
        assert (world.users.connections, world.preferences.connections) == before
        checks = answered(world.me.get("/readyz"))["checks"]
        assert (checks["users"], checks["preferences"]) == ("failed", "failed")
        world.users.behave, world.preferences.behave = answers(USER), answers(SWISS)
        for name in ("users", "preferences"):
            _wait_30_seconds(world, name)
        assert answered(world.get())["degraded"] is False
        assert (world.users.connections, world.preferences.connections) == (before[0] + 1, before[1] + 1)
        assert world.client("users").is_available()

    def test_without_a_copy_it_is_503_until_the_probe(self, world: World) -> None:
        world.users.behave = fake.resets
        while world.client("users").breaker.state() is not State.OPEN:
            world.get()
        response = world.get()
        rejected(response, 503, "SERVICE_UNAVAILABLE")
        assert 1 < int(response.headers["Retry-After"]) <= 30


def _wait_30_seconds(world: World, name: str) -> None:
    breaker = world.client(name).breaker
    monotonic = breaker._monotonic
    breaker._monotonic = lambda: monotonic() + timedelta(seconds=30).total_seconds()


class TestLog:
    def test_a_degraded_response_is_logged_with_the_cause(self, world: World, log: Log) -> None:
        """C5, C26: with the answer of the dependency."""
        world.preferences.behave = problem("SERVICE_UNAVAILABLE", retry_after=7)
        world.get(headers={"Traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
        (line,) = log.access
        assert line["degraded"] == "preferences;reason=unreachable"
        (line,) = log.of("candor.dependencies")
        assert (line["level"], line["dependency"], line["op"]) == ("WARNING", "preferences", ["preferences.get"])
        assert line["trace_id"] == "a" * 32
        assert line["causes"][0]["detail"] == "service preferences operation get failed"
        assert line["causes"][-1]["detail"] == SECRET
        facts = {
            "service": "preferences",
            "retryable": True,
            "remote_status": 503,
            "remote_kind": "service_unavailable",
        }
        assert facts.items() <= line["facts"].items()
        assert log.errors == []

    def test_an_error_is_logged_with_the_cause_too(self, world: World, log: Log) -> None:
        """C5: in its single entry."""
        world.users.behave = HTML
        world.get()
        (line,) = log.errors
        assert (line["op"], line["code"]) == (["profiles.get", "users.get"], "EXTERNAL_SERVICE_ERROR")
        assert line["causes"][0]["detail"] == "service users operation get failed"
        assert {"service": "users", "retryable": True, "attempts": 3}.items() <= line["facts"].items()
        assert log.of("candor.dependencies") == []

    def test_no_entry_contains_the_token(self, world: World, log: Log) -> None:
        world.users.behave, world.preferences.behave = HTML, fake.resets
        world.get()
        token = world.me.credentials["Authorization"].partition(" ")[2]
        assert not any(token in line or token.rpartition(".")[2] in line for line in log.lines)
