"""A valid request for every operation that needs more than its path; sweeps over all operations begin with these."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Flask

from tests.api.orders.order import stock
from tests.fakes.movies import BODY as MOVIE
from tests.rows import prerequisites

SAMPLE: Final = "Sample"
"""The text in a body that ``numbered`` makes unique."""
TASK: Final = {"task": {"title": SAMPLE}}

BODIES: Final[Mapping[str, dict[str, Any]]] = {
    "POST /v1/tasks": TASK,
    "POST /v1/tasks:batchCreate": {"requests": [{"task": {"title": SAMPLE}}]},
    "PATCH /v1/tasks/<id:task_id>": {"title": "Another title"},
    "POST /v1/movies": MOVIE,
    "PUT /v1/movies/<id:movie_id>": MOVIE,
    "POST /v1/orders": {
        "customer_id": SAMPLE,
        "currency": "EUR",
        "items": [{"sku": "TEA-100", "quantity": 1}],
    },
    "POST /v1/users": {"name": "Alice", "email": "alice@example.com"},
    "POST /v1/users:activate": {"token": "no-such-token", "password": "correct horse"},
    "POST /v1/tokens": {"email": "alice@example.com", "password": "correct horse"},
    "POST /v1/users:requestPasswordReset": {"email": "alice@example.com"},
    "POST /v1/users:resetPassword": {"token": "no-such-token", "password": "correct horse"},
    "POST /v1/tokens:refresh": {"refresh_token": "no-such-token"},
    "POST /v1/tokens:revoke": {"token": "no-such-token"},
    "PATCH /v1/users/me": {"name": "Alice"},
    "DELETE /v1/users/me": {"current_password": "correct horse"},
    "PUT /v1/users/<id:user_id>/preferences": {"locale": "de-CH", "time_zone": "Europe/Zurich", "theme": "dark"},
    "PUT /v1/users/me/password": {"current_password": "correct horse", "password": "battery staple"},
    "PUT /v1/logger": {"level": "INFO", "log_error_stack": True},
}
PREREQUISITES: Final[Mapping[str, Callable[[Flask], Mapping[str, Any] | None]]] = {
    "POST /v1/orders": stock,
}
"""Functions by operation. Each stores the rows to which the sample refers, and returns the references of the body."""
PATHS: Final[Mapping[str, str]] = {
    "<id:task_id>": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
    "<id:movie_id>": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
    "<id:order_id>": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
    "<request_id>": "581d28e419d005a96bbbb54325ef6ca8",
    "<id:user_id>": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
    "<slug>": "task-not-found",
    "<violation>": "too-long",
}


def path_of(operation: str) -> str:
    """Return a path that reaches the operation."""
    path = operation.partition(" ")[2]
    for parameter, value in PATHS.items():
        path = path.replace(parameter, value)
    return path


def numbered(operation: str, number: int) -> dict[str, Any]:
    """Return the body of an operation with other texts for each number; they are short enough for most properties."""
    changed: dict[str, Any] = json.loads(json.dumps(BODIES.get(operation, {})).replace(SAMPLE, f"{SAMPLE} {number}"))
    return changed


def prepared(app: Flask, operation: str) -> dict[str, Any]:
    """Store the rows to which the sample of an operation refers, and return the references of the body.

    By default, these are the rows that the foreign keys of the table refer to.
    """
    prepare = PREREQUISITES.get(operation)
    return {**((prepare(app) if prepare else prerequisites(app, operation)) or {})}
