"""The limits that the service declares itself, as Flask-Limiter's application limits."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

import flask
from flask import Flask, Request, current_app, has_request_context
from flask.globals import _cv_request
from flask_limiter import ApplicationLimit
from limits import RateLimitItem, parse_many

from app.wire.client_addresses import EVERYTHING

SETTING: Final = "RATE_LIMIT"
_PLACE: Final = "\0"
"""Stands for the address in a key; no address contains it."""


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


class Declared(NamedTuple):
    """A limit with its scope, and values that are the same for all requests."""

    scope: str
    limit: RateLimitItem
    key: tuple[str, str]
    """The parts of ``limit.key_for`` before and after the address."""
    seconds: int


def applicable(app: Flask, request: Request) -> tuple[Declared, ...]:
    """Return the limits of a request, in the order in which Flask-Limiter evaluates them."""
    operation, config = _operation(request), app.config
    setting = operation.limit if operation else None
    return _declared(config[SETTING], config[setting] if setting else "", operation.name if setting else "")


def of_everything(limits: str) -> tuple[RateLimitItem, ...]:
    """Return the limits of ``RATE_LIMIT``, in the order in which they are evaluated."""
    return tuple(limit for _, limit in _parsed(limits, "", ""))


@lru_cache(256)
def _declared(of_all: str, of_one: str, operation: str) -> tuple[Declared, ...]:
    return tuple(
        Declared(scope, limit, _split(limit.key_for(_PLACE, scope)), limit.get_expiry())
        for scope, limit in _parsed(of_all, of_one, operation)
    )


def _split(key: str) -> tuple[str, str]:
    before, _, after = key.partition(_PLACE)
    return before, after


@lru_cache(256)
def _parsed(of_all: str, of_one: str, operation: str) -> tuple[tuple[str, RateLimitItem], ...]:
    found = dict.fromkeys((*_scoped(EVERYTHING, of_all), *_scoped(operation, of_one)))
    return tuple(sorted(found, key=lambda each: each[1].GRANULARITY.seconds))


def _scoped(scope: str, limits: str) -> Iterator[tuple[str, RateLimitItem]]:
    return ((scope, limit) for limit in parse_many(limits)) if limits else iter(())


def _operation(request: Request) -> Any:
    """Return the operation that the request calls; ``None`` for a plain Flask route."""
    return getattr(request, "operation", None)
