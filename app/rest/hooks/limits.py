"""Counts requests per client address. Before authentication, so that guessing tokens is limited too (C22)."""

import math
from functools import cache
from typing import Final, cast

from flask import Flask, Response
from flask_limiter import Limiter
from limits import RateLimitItem, parse_many

from app.errs.platform import RateLimitExceeded
from app.rest.limit_storage import SCHEME, WindowStorage
from app.rest.request import current
from app.wire import addresses
from app.wiring import Services

FLASKS_OWN: Final = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs")


def install(app: Flask) -> None:
    """Install the hook. Flask-Limiter counts; its own hooks, which would stand behind all of ours, go."""
    services: Services = app.extensions["candor-services"]
    limiter = Limiter(
        key_func=lambda: current().client_address,
        storage_uri=f"{SCHEME}://",
        storage_options={"windows": services.windows},  # type: ignore[dict-item]  # our own storage takes an object
        strategy="fixed-window",
        headers_enabled=False,
    )
    limiter.init_app(app)
    app.extensions["candor-limiter"] = limiter
    for functions in FLASKS_OWN:
        getattr(app, functions)[None].pop()
    storage = cast("WindowStorage", limiter.storage)

    def count() -> None:
        """Count the request: against the limit of all operations, and then against that of its own.

        Raises:
            RateLimitExceeded: nothing is left of one of them.
        """
        request = current()
        operation = request.operation
        if not (request.is_dispatched if operation is None else operation.is_limited):
            return
        address = request.client_address
        own = app.config[operation.limit] if operation and operation.limit else ""
        for scope, limit in _limits(app.config["RATE_LIMIT"], own, operation.name if operation else ""):
            expiry = limit.get_expiry()
            hits, left = storage.window(limit.key_for(address, scope), expiry)
            seconds = min(max(1, math.ceil(left)), expiry)
            request.limits += ((limit, max(0, limit.amount - hits), seconds),)
            if hits > limit.amount:
                raise RateLimitExceeded(limit=limit.amount, window_seconds=expiry, retry_after=seconds)

    app.before_request(count)
    app.after_request(_tell)


@cache
def _limits(of_all: str, of_one: str, operation: str) -> tuple[tuple[str, RateLimitItem], ...]:
    """Return the limits, in Flask-Limiter's notation, each with what it limits."""
    return tuple(
        (scope, limit)
        for scope, said in ((addresses.EVERYTHING, of_all), (operation, of_one))
        if said
        for limit in parse_many(said)
    )


def _tell(response: Response) -> Response:
    """Tell what is left (draft-ietf-httpapi-ratelimit-headers)."""
    policies, states = [], []
    for number, (limit, left, seconds) in enumerate(current().limits, 1):
        name = "default" if number == 1 else f"default-{number}"
        policies.append(f'"{name}";q={limit.amount};w={limit.get_expiry()}')
        states.append(f'"{name}";r={left};t={seconds}')
    if policies:
        response.headers.add("RateLimit-Policy", ", ".join(policies))
        response.headers.add("RateLimit", ", ".join(states))
    return response
