"""A valid request for every operation that needs more than its path; sweeps over all operations begin with these."""

from collections.abc import Mapping
from typing import Any, Final

BODIES: Final[Mapping[str, dict[str, Any]]] = {
    "POST /v1/tasks": {"task": {"title": "Buy milk"}},
    "POST /v1/tasks:batchCreate": {"requests": [{"task": {"title": "Buy milk"}}]},
    "PATCH /v1/tasks/<id:task_id>": {"title": "Buy oat milk"},
    "POST /v1/movies": {"title": "Buy milk"},
    "PUT /v1/movies/<id:movie_id>": {"title": "Buy milk"},
    "POST /v1/orders": {
        "customer_id": "Buy milk",
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
