"""Applications with settings of Flask-Limiter, and the limits that their responses report."""

from collections.abc import Callable
from typing import Any, Protocol

from flask import Flask
from werkzeug.test import TestResponse

Make = Callable[..., Flask]


class Get(Protocol):
    """Type of a function that sends a request."""

    def __call__(
        self, application: Flask, path: str, *, peer: str = ..., method: str = ..., **options: Any
    ) -> TestResponse: ...


class Statuses(Protocol):
    """Type of a function that sends several requests, and returns their statuses."""

    def __call__(self, application: Flask, path: str, times: int, **options: Any) -> list[int]: ...


def policies(response: TestResponse) -> list[str]:
    """Return the limits that a response reports: ``q=3;w=60``."""
    return [each.partition(";")[2] for each in response.headers.get("RateLimit-Policy", "").split(", ") if each]


def remaining(response: TestResponse) -> list[int]:
    """Return the number of remaining requests for each limit."""
    return [
        int(each.split("r=")[1].split(";")[0]) for each in response.headers.get("RateLimit", "").split(", ") if each
    ]
