"""The limits that the service declares itself, as Flask-Limiter's application limits."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import flask
from flask import Flask, Request, current_app, has_request_context
from flask.globals import _cv_request
from flask_limiter import ApplicationLimit
from limits import RateLimitItem, parse_many

from app.wire.client_addresses import EVERYTHING

SETTING: Final = "RATE_LIMIT"


def client_address() -> str:
    """Return the address that requests are counted by; see ``app.wire.client_addresses``."""
    request: Any = _cv_request.get().request  # of the application's class
    address: str = request.counted_address
    return address


def of_all() -> str:
    """Return ``RATE_LIMIT``: all requests of an address together, of every transport."""
    limit: str = current_app.config[SETTING]
    return limit


def of_operation() -> str:
    """Return the limit of the current operation alone, from the setting that its route names; often empty."""
    operation = _operation(flask.request) if has_request_context() else None
    return current_app.config[operation.limit] if operation and operation.limit else ""


def scope_of_operation(_endpoint: str) -> str:
    """Return the name of the current operation."""
    operation = _operation(flask.request)
    return operation.name if operation else ""


APPLICATION: Final = (
    ApplicationLimit(of_all, scope=EVERYTHING),
    ApplicationLimit(of_operation, scope=scope_of_operation),
)


def applicable(app: Flask, request: Request) -> tuple[tuple[str, RateLimitItem], ...]:
    """Return the limits of a request with their scopes, in the order in which Flask-Limiter evaluates them."""
    operation = _operation(request)
    setting = operation.limit if operation else None
    return _parsed(app.config[SETTING], app.config[setting] if setting else "", operation.name if setting else "")


def of_everything(limits: str) -> tuple[RateLimitItem, ...]:
    """Return the limits of ``RATE_LIMIT``, in the order in which they are evaluated."""
    return tuple(limit for _, limit in _parsed(limits, "", ""))


@lru_cache(256)
def _parsed(of_all: str, of_one: str, operation: str) -> tuple[tuple[str, RateLimitItem], ...]:
    found = dict.fromkeys((*_scoped(EVERYTHING, of_all), *_scoped(operation, of_one)))
    return tuple(sorted(found, key=lambda each: each[1].GRANULARITY.seconds))


def _scoped(scope: str, limits: str) -> Iterator[tuple[str, RateLimitItem]]:
    return ((scope, limit) for limit in parse_many(limits)) if limits else iter(())


def _operation(request: Request) -> Any:
    """Return the operation that the request calls; ``None`` for a plain Flask route."""
    return getattr(request, "operation", None)
