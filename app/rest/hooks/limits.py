"""Limits requests by Flask-Limiter and reports what remains. Before authentication, to limit token guessing (C22)."""

import logging
from collections.abc import Sequence
from typing import Final

from flask import Flask, Response
from flask_limiter import RequestLimit

from app.extensions import limiter
from app.rate_limiting import remaining_of, restore_retry_after, seconds_until_reset
from app.rest.request import current
from app.wire.addresses import EVERYTHING

log: Final = logging.getLogger("candor.limits")


def install(app: Flask) -> None:
    """Bind the limiter: its ``before_request`` stands here. Flask calls after-request functions in reverse order."""
    app.after_request(_report)
    limiter.init_app(app)


def _default_first(results: Sequence[RequestLimit]) -> Sequence[RequestLimit]:
    """Return the results with those of ``RATE_LIMIT`` first; Flask-Limiter evaluates small units before large ones."""
    return results if len(results) == 1 else sorted(results, key=lambda each: EVERYTHING not in each.request_args)


def _report(response: Response) -> Response:
    """Add the limits that apply, and what remains of each (draft-ietf-httpapi-ratelimit-headers)."""
    request = current()
    policies, states = [], []
    for number, result in enumerate(_default_first(request.limits), 1):
        name = "default" if number == 1 else f"default-{number}"
        try:
            remaining, seconds = remaining_of(result), seconds_until_reset(result)
        except Exception:  # a storage of the fork's own choice may raise anything
            log.warning("no RateLimit fields: the storage does not answer", exc_info=True)
            return response
        policies.append(f'"{name}";q={result.limit.amount};w={result.limit.get_expiry()}')
        states.append(f'"{name}";r={remaining};t={seconds}')
    if policies:
        response.headers.add("RateLimit-Policy", ", ".join(policies))
        response.headers.add("RateLimit", ", ".join(states))
    restore_retry_after(response)
    return response
