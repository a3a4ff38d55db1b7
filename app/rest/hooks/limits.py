"""Limits requests with Flask-Limiter. Before authentication, to limit token guessing (C22).

``rest.middleware`` adds the header fields with the remaining requests.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from flask import Flask
from flask_limiter import RequestLimit

from app import product
from app.extensions import limiter
from app.rate_limiting import state_of
from app.wire.client_addresses import EVERYTHING

log: Final = product.logger("limits")


def install(app: Flask) -> None:
    """Register the limiter's hooks."""
    limiter.init_app(app)


def fields(results: Sequence[RequestLimit]) -> list[tuple[str, str]]:
    """Return the header fields with limits and remaining requests (draft-ietf-httpapi-ratelimit-headers)."""
    policies, states = [], []
    for number, result in enumerate(_default_first(results), 1):
        try:
            remaining, seconds, length = state_of(result)
        except Exception:  # a storage that a fork configures can raise anything
            log.warning("no RateLimit fields: the storage does not respond", exc_info=True)
            return []
        name, policy = _named(number, result.limit.amount, length)
        policies.append(policy)
        states.append(f"{name};r={remaining};t={seconds}")
    return [("RateLimit-Policy", ", ".join(policies)), ("RateLimit", ", ".join(states))]


def _default_first(results: Sequence[RequestLimit]) -> Sequence[RequestLimit]:
    """Return the results with those of ``RATE_LIMIT`` first; Flask-Limiter evaluates small units before large ones."""
    return results if len(results) == 1 else sorted(results, key=lambda each: EVERYTHING not in each.request_args)


@lru_cache
def _named(number: int, amount: int, length: int) -> tuple[str, str]:
    """Return the name of a limit, in quotes, and its policy."""
    name = '"default"' if number == 1 else f'"default-{number}"'
    return name, f"{name};q={amount};w={length}"
