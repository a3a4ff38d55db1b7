"""Counts requests per client address. Before authentication, so that guessing tokens is limited too (C22)."""

import math
import time
from functools import cache

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter, RequestLimit
from limits import RateLimitItem, parse_many

from app.errs.platform import RateLimitExceeded
from app.rest import limit_storage, operations
from app.wire import addresses
from app.wiring import Services


def install(app: Flask) -> None:
    """Install the hook: Flask-Limiter counts where it is initialized."""
    services: Services = app.extensions["candor-services"]
    limiter = OperationLimiter(
        key_func=client_address,
        storage_uri=f"{limit_storage.SCHEME}://",
        storage_options={"windows": services.windows},  # type: ignore[dict-item]  # our own storage takes an object
        strategy="fixed-window",
        headers_enabled=False,
    )
    limiter.init_app(app)
    app.extensions["candor-limiter"] = limiter
    app.after_request(_tell)


class OperationLimiter(Limiter):
    """Flask-Limiter, which asks for each request anew what applies to it: here, the operation tells."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        """Count the request: against the limit of all operations, and then against that of its own.

        Raises:
            RateLimitExceeded: nothing is left of one of them.
        """
        operation = operations.current()
        if operation is None or not operation.is_limited:
            return
        address, applied = client_address(), list[RequestLimit]()
        g.limits = applied
        for scope, limit in _limits(current_app.config["RATE_LIMIT"], _of_operation(operation), operation.name):
            applied.append(
                RequestLimit(self, limit, [address, scope], breached=False, shared=scope == addresses.EVERYTHING)
            )
            if not self.limiter.hit(limit, address, scope):
                seconds, window = _left(applied[-1])[1], limit.get_expiry()
                raise RateLimitExceeded(limit=limit.amount, window_seconds=window, retry_after=seconds)


def _of_operation(operation: operations.Operation) -> str:
    """Return the limit that the operation has for itself, if it has one."""
    return current_app.config[operation.limit] if operation.limit else ""


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
    for number, applied in enumerate(g.pop("limits", ()), 1):
        name = "default" if number == 1 else f"default-{number}"
        left, seconds = _left(applied)
        policies.append(f'"{name}";q={applied.limit.amount};w={applied.limit.get_expiry()}')
        states.append(f'"{name}";r={left};t={seconds}')
    if policies:
        response.headers["RateLimit-Policy"] = ", ".join(policies)
        response.headers["RateLimit"] = ", ".join(states)
    return response


def _left(applied: RequestLimit) -> tuple[int, int]:
    """Return the requests left and the seconds until the window ends."""
    seconds = math.ceil(applied.reset_at - time.time())
    return max(0, applied.remaining), min(max(1, seconds), applied.limit.get_expiry())


def client_address() -> str:
    """Return the client's address."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return addresses.client_address(request.remote_addr or "", forwarded, current_app.config["TRUSTED_PROXIES"])
