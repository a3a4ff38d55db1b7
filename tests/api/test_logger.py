"""GET and PUT /v1/logger: log settings that change while the service runs."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app.observability import logs
from tests.api.caller import Caller, answered, rejected, violated
from tests.api.conftest import Bearer, Log
from tests.response_checks import CheckedClient

LOGGER = "/v1/logger"
DEFAULT = {"level": "INFO", "log_error_stack": True}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Restore the log settings for later tests."""
    yield
    logs.set_level("INFO", shows_stacks=True)


def put(caller: Caller, **body: Any) -> Any:
    """Send a change."""
    return caller.send("PUT", LOGGER, json={**DEFAULT, **body})


class TestGet:
    def test_ok(self, admin: Caller) -> None:
        assert answered(admin.get(LOGGER)) == DEFAULT

    def test_only_for_admins(self, alice: Caller, unauthenticated: Caller) -> None:
        assert (alice.get(LOGGER).status_code, unauthenticated.get(LOGGER).status_code) == (403, 401)


class TestPut:
    def test_ok(self, admin: Caller) -> None:
        wanted = {"level": "ERROR", "log_error_stack": False}
        assert answered(put(admin, **wanted)) == wanted
        assert answered(admin.get(LOGGER)) == wanted
        assert logs.ROOT.level == logging.ERROR

    def test_the_last_request_wins(self, admin: Caller) -> None:
        for level in ("DEBUG", "WARNING", "INFO"):
            assert answered(put(admin, level=level))["level"] == level
            assert logs.ROOT.level == logging.getLevelNamesMapping()[level]

    def test_libraries_keep_their_level(self, admin: Caller) -> None:
        """Their DEBUG messages have not been reviewed for secrets."""
        put(admin, level="DEBUG")
        assert not logging.getLogger("sqlalchemy.engine").isEnabledFor(logging.INFO)
        assert not logging.getLogger("redis").isEnabledFor(logging.DEBUG)
        assert logging.getLogger("candor.anything").isEnabledFor(logging.DEBUG)

    @pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
    def test_the_author_of_a_change_is_logged_at_any_level(self, admin: Caller, log: Log, level: str) -> None:
        put(admin, level=level)
        (line,) = log.of("candor.audit")
        assert (line["user"], line["log_level"], line["log_error_stack"]) == ("root", level, True)

    def test_stacks_can_be_switched_off(
        self, admin: Caller, app: Flask, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C5: the entry of a server error remains, with its cause."""

        def bug(**_: object) -> None:
            raise RuntimeError("a bug")

        assert isinstance(admin.client, CheckedClient)
        admin.client.allows_500 = True
        monkeypatch.setitem(app.view_functions, "health.get_health", bug)
        for shown in (False, True):
            put(admin, log_error_stack=shown)
            rejected(admin.get("/healthz"), 500, "INTERNAL_ERROR")
            assert ("stack" in log.errors[-1], log.errors[-1]["level"]) == (shown, "ERROR")
            assert log.errors[-1]["causes"] == [{"type": "RuntimeError", "message": "a bug"}]

    @pytest.mark.parametrize(
        ("body", "violations"),
        [
            ({}, [("level", "REQUIRED_FIELD"), ("log_error_stack", "REQUIRED_FIELD")]),
            (
                {"level": "debug", "log_error_stack": 1},
                [("level", "INVALID_VALUE"), ("log_error_stack", "INVALID_TYPE")],
            ),
            (
                {"level": 10, "log_error_stack": "true"},
                [("level", "INVALID_TYPE"), ("log_error_stack", "INVALID_TYPE")],
            ),
            ({**DEFAULT, "level": None}, [("level", "REQUIRED_FIELD")]),
            ({**DEFAULT, "path": "/tmp"}, [("path", "UNKNOWN_FIELD")]),
        ],
    )
    def test_an_invalid_value_is_rejected(self, admin: Caller, body: Any, violations: list[tuple[str, str]]) -> None:
        assert violated(admin.send("PUT", LOGGER, json=body)) == violations
        assert answered(admin.get(LOGGER)) == DEFAULT

    def test_only_for_admins(self, alice: Caller, unauthenticated: Caller, admin: Caller) -> None:
        assert (put(alice, level="ERROR").status_code, put(unauthenticated, level="ERROR").status_code) == (403, 401)
        assert answered(admin.get(LOGGER)) == DEFAULT


class TestLeastLevel:
    """LOG_LEVEL_MIN limits the level that requests can set."""

    @pytest.fixture
    def bounded(self, make_application: Callable[..., Flask], admin: Caller, bearer: Bearer) -> Caller:
        """Return an admin of an application that may not log at DEBUG, on the same database."""
        return Caller(make_application(log_level_min="INFO").test_client(), bearer("root", "admin"))

    def test_a_more_verbose_one_is_a_violation(self, bounded: Caller) -> None:
        response = put(bounded, level="DEBUG")
        assert violated(response) == [("level", "INVALID_VALUE")]
        assert response.json["errors"][0]["message"] == "level must be one of INFO, WARNING, ERROR"
        assert answered(put(bounded, level="WARNING"))["level"] == "WARNING"

    def test_a_value_stored_by_another_instance_is_limited_too(self, admin: Caller, bounded: Caller) -> None:
        put(admin, level="DEBUG")
        assert answered(bounded.get(LOGGER))["level"] == "INFO"
