"""``flask tokens issue``: tokens without a session, which end early when their user's sessions end."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from app.models.users import DELETED_USER_ID
from app.repositories.unit_of_work import UnitOfWork
from tests.api.accounts import PASSWORD, an_address, join
from tests.api.caller import TASKS, Caller, answered
from tests.api.forge import described
from tests.api.test_sessions import REVOKED, learn

ME = "/v1/users/me"


@pytest.fixture
def user(unauthenticated: Caller, app: Flask) -> dict[str, Any]:
    """Return a user with an account."""
    return join(unauthenticated, app, an_address())


def run(app: Flask, *arguments: str) -> Result:
    """Run the command."""
    return app.test_cli_runner().invoke(args=["tokens", "issue", *arguments])


def issued(unauthenticated: Caller, app: Flask, subject: str, *arguments: str) -> Caller:
    """Return the Authorization header with a token that the command has printed."""
    result = run(app, "--subject", subject, "--scope", "tasks account", *arguments)
    assert result.exit_code == 0
    return Caller(unauthenticated.client, {"Authorization": f"Bearer {result.output.strip()}"})


def count(app: Flask) -> int:
    """Return the number of stored tokens."""
    with app.app_context(), db.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM issued_tokens")).scalar_one())


def test_a_subject_without_an_account_needs_no_database(
    unauthenticated: Caller, app: Flask, user: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ID has one spelling: others are not the user's."""
    subjects = ("alice", user["id"].upper(), f"urn:uuid:{user['id']}")
    with monkeypatch.context() as patched:
        patched.setattr(UnitOfWork, "__enter__", lambda _: pytest.fail("the database was called"))
        callers = [issued(unauthenticated, app, subject) for subject in subjects]
    for caller in callers:
        answered(caller.get(TASKS))
        assert caller.get(ME).status_code == 404


@pytest.mark.parametrize("words", [["--scope", "tasks account"], ["--scope", "tasks", "--scope", "account"]])
def test_scopes_are_separated_by_spaces_or_repeated(app: Flask, words: list[str]) -> None:
    token = run(app, "--subject", "carol", *words).output.strip()
    assert jwt.decode(token, options={"verify_signature": False})["scope"] == "account tasks"


@pytest.mark.parametrize("command", ["disable", "grant", "revoke"])
def test_events_that_end_sessions_end_these_tokens(
    unauthenticated: Caller, app: Flask, user: dict[str, Any], command: str
) -> None:
    """At any time before their expiry; tokens of other users remain valid."""
    caller = issued(unauthenticated, app, user["id"], "--expires", "3650d")
    other = issued(unauthenticated, app, join(unauthenticated, app, an_address())["id"])
    answered(caller.get(ME))
    with app.app_context():
        services = app.extensions["app-services"]
        getattr(services.users, command)(user["email"], *([] if command == "disable" else [["other:write"]]))
    learn(app)
    assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED
    answered(other.get(TASKS))
    assert count(app) == 1


def test_deleting_the_account_ends_them(unauthenticated: Caller, app: Flask, user: dict[str, Any]) -> None:
    caller = issued(unauthenticated, app, user["id"])
    answered(caller.delete(ME, json={"current_password": PASSWORD}))
    learn(app)
    assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED
    assert run(app, "--subject", user["id"]).output == f"Error: The user {user['id']} is disabled or deleted.\n"


def test_a_disabled_user_gets_none(unauthenticated: Caller, app: Flask, user: dict[str, Any]) -> None:
    with app.app_context():
        app.extensions["app-services"].users.disable(user["email"])
    assert run(app, "--subject", user["id"]).exit_code == 1


def test_expired_tokens_are_deleted(unauthenticated: Caller, app: Flask, user: dict[str, Any]) -> None:
    with app.app_context(), db.engine.begin() as connection:
        row = {"id": user["id"]}
        connection.execute(text("INSERT INTO issued_tokens VALUES ('old', :id, now() - interval '1 hour')"), row)
    issued(unauthenticated, app, user["id"])
    assert count(app) == 1


def test_a_token_that_another_instance_still_accepts_is_kept(
    unauthenticated: Caller, app: Flask, user: dict[str, Any]
) -> None:
    """Clocks of instances differ by up to a minute; a deleted token could not be revoked any more."""
    with app.app_context(), db.engine.begin() as connection:
        row = {"id": user["id"]}
        connection.execute(text("INSERT INTO issued_tokens VALUES ('old', :id, now() - interval '30 seconds')"), row)
    issued(unauthenticated, app, user["id"])
    assert count(app) == 2


def test_the_subject_of_erased_rows_gets_none(app: Flask) -> None:
    """Rows of erased users have the nil UUID as their owner: a token for it would give access to them."""
    result = run(app, "--subject", str(DELETED_USER_ID), "--scope", "tasks")
    assert result.exit_code == 1
    assert result.output == f"Error: {DELETED_USER_ID} stands for deleted users and can't be the subject of a token.\n"
    with app.app_context(), pytest.raises(ValueError, match="stands for deleted users"):
        app.extensions["app-services"].sessions.issue(str(DELETED_USER_ID), scopes=[], lifetime=timedelta(hours=1))


@pytest.mark.parametrize("arguments", [["--subject", ""], ["--subject", "a", "--expires", "0"]])
def test_invalid_arguments_are_rejected(app: Flask, arguments: list[str]) -> None:
    assert run(app, *arguments).exit_code != 0
