"""Counts requests per client address. Before authentication, so that guessing tokens is limited too (C22)."""

import math
import time

from flask import Flask, Response, current_app, request
from flask_limiter import Limit, Limiter, RequestLimit
from flask_limiter import RateLimitExceeded as LimiterRefused

from app.errs.platform import RateLimitExceeded
from app.rest import limit_storage, operations
from app.rest.errors import answer
from app.wire import addresses
from app.wiring import Services


def install(app: Flask) -> None:
    """Install the hook: Flask-Limiter counts where it is initialized."""
    services: Services = app.extensions["candor-services"]
    limiter = Limiter(
        key_func=client_address,
        application_limits=[app.config["RATE_LIMIT"]],
        default_limits=[Limit(_of_operation)],
        storage_uri=f"{limit_storage.SCHEME}://",
        storage_options={"windows": services.windows},  # type: ignore[dict-item]  # our own storage takes an object
        strategy="fixed-window",
        headers_enabled=False,
    )
    limiter.request_filter(_is_exempt)
    limiter.init_app(app)
    app.extensions["candor-limiter"] = limiter
    app.register_error_handler(LimiterRefused, _refuse)
    app.after_request(_tell)


def _of_operation() -> str:
    """Return the limit that the operation has for itself, if it has one."""
    operation = operations.current()
    return current_app.config[operation.limit] if operation and operation.limit else ""


def _applied() -> list[RequestLimit]:
    """Return the limits that this request was counted against, those of all operations first."""
    limiter: Limiter = current_app.extensions["candor-limiter"]
    return sorted(limiter.current_limits, key=lambda each: not each.shared)


def _is_exempt() -> bool:
    operation = operations.current()
    return operation is None or not operation.is_limited


def _refuse(_: Exception) -> Response:
    """Answer a request for which nothing is left."""
    breached = next(each for each in _applied() if each.breached)
    seconds = _left(breached)[1]
    limit = breached.limit
    return answer(RateLimitExceeded(limit=limit.amount, window_seconds=limit.get_expiry(), retry_after=seconds))


def _tell(response: Response) -> Response:
    """Tell what is left (draft-ietf-httpapi-ratelimit-headers)."""
    policies, states = [], []
    for number, applied in enumerate(_applied(), 1):
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
