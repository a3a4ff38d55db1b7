"""Accounts in tests: the emails to them, and tokens of logged-in users."""

from datetime import timedelta
from itertools import count
from typing import Any, Final

from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from tests.api.caller import Caller, answered

USERS: Final = "/v1/users"
ACTIVATE: Final = "/v1/users:activate"
TOKENS: Final = "/v1/tokens"
REFRESH: Final = "/v1/tokens:refresh"
REVOKE: Final = "/v1/tokens:revoke"
PASSWORD: Final = "correct horse battery staple"
_NUMBERS: Final = count(1)


def an_address() -> str:
    """Return an address that no test has used, because rate-limit counters outlive a test."""
    return f"user-{next(_NUMBERS)}@example.com"


def register(unauthenticated: Caller, email: str, *, name: str = "Alice") -> TestResponse:
    """Register an account."""
    return unauthenticated.post(USERS, json={"name": name, "email": email})


def activate(unauthenticated: Caller, token: str, *, password: str = PASSWORD) -> TestResponse:
    """Follow the link of the email, and set a password."""
    return unauthenticated.post(ACTIVATE, json={"token": token, "password": password})


def mails(app: Flask, email: str) -> list[dict[str, Any]]:
    """Return the emails that wait for an address, in order: the kind and the payload."""
    with app.app_context(), db.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT kind, payload FROM jobs WHERE payload->>'to' = :to ORDER BY create_time"), {"to": email}
        )
        return [{"kind": row.kind, **row.payload} for row in rows]


def waits(app: Flask, email: str, kind: str = "mail.%") -> timedelta:
    """Return the time between the request for the newest email to an address and its due time."""
    newest = "SELECT run_time - create_time FROM jobs WHERE payload->>'to' = :to AND kind LIKE :kind"
    with app.app_context(), db.engine.connect() as connection:
        values = {"to": email, "kind": kind}
        found = connection.scalar(text(f"{newest} ORDER BY create_time DESC LIMIT 1"), values)
    assert isinstance(found, timedelta)
    return found


def send_all(app: Flask) -> None:
    """Simulate that every waiting email was sent: delete its job."""
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("DELETE FROM jobs"))


def join(unauthenticated: Caller, app: Flask, email: str, *, password: str = PASSWORD) -> dict[str, Any]:
    """Return a new user: registered, and activated with the token of the email."""
    answered(register(unauthenticated, email), 202)
    return answered(activate(unauthenticated, mails(app, email)[-1]["token"], password=password))


def log_in(unauthenticated: Caller, email: str, password: str = PASSWORD) -> TestResponse:
    """Send a login request."""
    return unauthenticated.post(TOKENS, json={"email": email, "password": password})


def logged_in(unauthenticated: Caller, email: str, password: str = PASSWORD) -> tuple[Caller, str]:
    """Return the user as a caller, and the refresh token."""
    tokens = answered(log_in(unauthenticated, email, password))
    return Caller(unauthenticated.client, {"Authorization": f"Bearer {tokens['access_token']}"}), tokens[
        "refresh_token"
    ]
