"""Profiles in tests: an application whose dependencies are programmable servers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask
from werkzeug.test import TestResponse

from app import errs
from app.clients.http import HttpClient
from app.errs import Kind
from app.rest import error_examples
from app.wiring.profiles import PREFERENCES_TIMEOUT, USERS_TIMEOUT
from tests.api.caller import Caller
from tests.fakes.remote import Behaviour, Remote, answers

SWISS: Final = {"locale": "de-CH", "time_zone": "Europe/Zurich", "theme": "dark"}
DEFAULTS: Final = {"locale": "en", "time_zone": "UTC", "theme": "system"}
USER: Final = {
    "id": "2dd0c456-d3ff-4ac4-9bdf-d938815c8f31",
    "name": "Alice",
    "email": "alice@example.com",
    "scopes": ["tasks"],
    "create_time": "2026-11-21T06:02:04.594643Z",
    "update_time": "2026-11-21T06:02:04.594643Z",
}
PROFILE: Final = f"/v1/users/{USER['id']}/profile"
OTHER: Final = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
SECRET: Final = "their-secret-words"


@dataclass
class World:
    """An instance, and its two dependencies."""

    application: Flask
    users: Remote
    preferences: Remote
    me: Caller
    admin: Caller

    def get(self, caller: Caller | None = None, **request: Any) -> TestResponse:
        """Request the profile."""
        return (caller or self.me).get(PROFILE, **request)

    def hurry(self, name: str) -> None:
        """Use longer timeouts for dependencies than in production, because a test machine may be busy."""
        self.client(name)._timeout = {"users": USERS_TIMEOUT, "preferences": PREFERENCES_TIMEOUT}[name]

    def client(self, name: str) -> HttpClient:
        """Return the client of a dependency."""
        services = self.application.extensions["app-services"]
        found: HttpClient = next(each for each in services.clients if each.name == name)
        return found


def problem(code: str, **changes: object) -> Behaviour:
    """Send a problem document of this service, with texts that must not reach its callers."""
    document: Mapping[str, Any] | None = error_examples.document(
        errs.named_errors()[code], public_url="http://other.test"
    )
    assert document is not None
    problem = {**document, "detail": SECRET, "title": SECRET, "param": SECRET, **changes}
    return answers(problem, document["status"], "application/problem+json")


def of_kind(kind: Kind, status: int) -> Behaviour:
    """Send a problem document with a kind, and with a code that this service does not have."""
    return answers({"kind": kind.string, "code": SECRET, "status": status}, status, "application/problem+json")
