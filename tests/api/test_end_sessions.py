"""``flask tokens end-sessions`` ends every session, also during concurrent requests."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any, Final

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from app.errs.platform import ServiceUnavailable
from app.extensions import db
from app.repositories.sessions import SessionRepository
from app.services import sessions
from tests.api.accounts import an_address, join, log_in, logged_in
from tests.api.caller import Caller, answered
from tests.api.forge import described
from tests.api.test_sessions import REVOKED, learn, refresh

LOCKED: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def email(unauthenticated: Caller, app: Flask) -> str:
    """Return the address of a user."""
    address: str = join(unauthenticated, app, an_address())["email"]
    return address


def end_sessions(app: Flask) -> Result:
    """Run the command."""
    return app.test_cli_runner().invoke(args=["tokens", "end-sessions", "--yes"])


def rows(app: Flask, table: str) -> int:
    """Return the number of rows in a table."""
    with app.app_context(), db.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@contextmanager
def during(app: Flask, call: Callable[[], Any], method: str, *, is_sent: bool) -> Iterator[Future[Any]]:
    """Pause the transaction of a call in a method of the repository, before or after its statements are sent.

    The call continues once the block has ended or waits for a lock.
    """
    is_held, goes_on, original = Event(), Event(), getattr(SessionRepository, method)

    def held(self: SessionRepository, *args: Any, **named: Any) -> Any:
        if is_sent:
            found = original(self, *args, **named)
        is_held.set()
        assert goes_on.wait(10)
        return found if is_sent else original(self, *args, **named)

    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(2) as pool:
        patched.setattr(SessionRepository, method, held)
        calling = pool.submit(call)
        assert is_held.wait(10)
        patched.undo()
        ending = pool.submit(end_sessions, app)
        until = time.monotonic() + 10
        with app.app_context(), db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not ending.done() and not connection.execute(LOCKED).scalar_one() and time.monotonic() < until:
                time.sleep(0.01)
        goes_on.set()
        assert ending.result(10).exit_code == 0, ending.result().output
        yield calling


class TestConcurrency:
    @pytest.mark.parametrize("is_sent", [False, True])
    def test_a_refresh_in_progress_does_not_survive(
        self, unauthenticated: Caller, app: Flask, email: str, is_sent: bool
    ) -> None:
        """Its transaction has read the token, or has written the successor, and has not committed."""
        _, token = logged_in(unauthenticated, email)
        call = lambda: refresh(Caller(app.test_client(), {}), token)  # noqa: E731 -- one line
        with during(app, call, "add", is_sent=is_sent) as calling:
            tokens = answered(calling.result(10))
        assert rows(app, "refresh_tokens") == 0
        learn(app)
        assert described(unauthenticated, f"Bearer {tokens['access_token']}") == REVOKED
        assert refresh(unauthenticated, tokens["refresh_token"]).status_code == 401

    def test_a_login_in_progress_does_not_survive(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        call = lambda: log_in(Caller(app.test_client(), {}), email)  # noqa: E731 -- one line
        with during(app, call, "begin", is_sent=True) as calling:
            tokens = answered(calling.result(10))
        assert rows(app, "refresh_tokens") == 0
        learn(app)
        assert described(unauthenticated, f"Bearer {tokens['access_token']}") == REVOKED

    def test_a_token_that_is_being_issued_is_not_valid_afterwards(self, unauthenticated: Caller, app: Flask) -> None:
        user = join(unauthenticated, app, an_address())

        def issue() -> Any:
            with app.app_context():
                service = app.extensions["app-services"].sessions
                return service.issue(user["id"], scopes=["account"], lifetime=timedelta(hours=1))

        with during(app, issue, "record", is_sent=True) as calling:
            issued = calling.result(10)
        assert rows(app, "issued_tokens") == 0
        learn(app)
        assert described(unauthenticated, f"Bearer {issued}") == REVOKED

    def test_a_refresh_that_waits_for_the_end_of_its_session_is_401(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        _, token = logged_in(unauthenticated, email)
        call = lambda: refresh(Caller(app.test_client(), {}), token)  # noqa: E731 -- one line
        is_held, goes_on, original = Event(), Event(), SessionRepository._end

        def held(self: SessionRepository, *args: Any) -> None:
            original(self, *args)
            is_held.set()
            assert goes_on.wait(10)

        with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(2) as pool:
            patched.setattr(SessionRepository, "_end", held)
            ending = pool.submit(end_sessions, app)
            assert is_held.wait(10)
            refreshing = pool.submit(call)
            time.sleep(0.2)
            goes_on.set()
            assert ending.result(10).output == "1 sessions ended\n"
            assert refreshing.result(10).status_code == 401


class TestBatches:
    def test_all_users_are_reached_in_several_transactions(
        self, unauthenticated: Caller, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sessions, "USERS", 2)
        emails = [join(unauthenticated, app, an_address())["email"] for _ in range(5)]
        for email in [*emails, *emails[:2]]:
            logged_in(unauthenticated, email)
        assert end_sessions(app).output == "7 sessions ended\n"
        assert rows(app, "refresh_tokens") == 0
        assert end_sessions(app).output == "0 sessions ended\n"

    def test_an_error_is_one_sentence_and_ended_sessions_stay_ended(
        self, unauthenticated: Caller, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sessions, "USERS", 2)
        for email in [join(unauthenticated, app, an_address())["email"] for _ in range(3)]:
            logged_in(unauthenticated, email)
        original, calls = SessionRepository.end_batch, []

        def fail(self: SessionRepository, *args: Any, **named: Any) -> Any:
            calls.append(1)
            if len(calls) == 2:
                raise ServiceUnavailable(retry_after=1, sqlstate="57014")
            return original(self, *args, **named)

        monkeypatch.setattr(SessionRepository, "end_batch", fail)
        result = end_sessions(app)
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
        assert result.output.startswith("Error: ")
        assert rows(app, "refresh_tokens") == 1


@pytest.mark.parametrize("words", ["users list", "tokens end-sessions --yes", "tokens retire-key --yes", "jobs list"])
def test_an_unreachable_database_is_reported_in_one_line(make_application: Callable[..., Flask], words: str) -> None:
    app = make_application(database_url="postgresql://candor@127.0.0.1:1/candor")
    result = app.test_cli_runner().invoke(args=words.split())
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
    assert result.output.startswith("Error: ")
