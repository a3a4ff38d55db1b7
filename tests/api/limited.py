"""Applications with settings of Flask-Limiter, and what their answers say of limits."""

from collections.abc import Callable
from typing import Any, Protocol

from flask import Flask
from werkzeug.test import TestResponse

Make = Callable[..., Flask]


class Get(Protocol):
    """Sends requests."""

    def __call__(
        self, application: Flask, path: str, *, peer: str = ..., method: str = ..., **options: Any
    ) -> TestResponse: ...


class Statuses(Protocol):
    """Sends several requests, and returns their statuses."""

    def __call__(self, application: Flask, path: str, times: int, **options: Any) -> list[int]: ...


def policies(response: TestResponse) -> list[str]:
    """Return the limits that an answer reports: ``q=3;w=60``."""
    return [each.partition(";")[2] for each in response.headers.get("RateLimit-Policy", "").split(", ") if each]


def remaining(response: TestResponse) -> list[int]:
    """Return how many requests remain of each limit."""
    return [
        int(each.split("r=")[1].split(";")[0]) for each in response.headers.get("RateLimit", "").split(", ") if each
    ]
