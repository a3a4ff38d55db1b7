"""Counts requests per client address. Before authentication, so that guessing tokens is limited too (C22)."""

import ipaddress
import math
import time
from typing import Final

from flask import Flask, Response, current_app, request
from flask_limiter import Limit, Limiter, RequestLimit
from flask_limiter import RateLimitExceeded as LimiterRefused

from app.errs.platform import RateLimitExceeded
from app.rest import limit_storage, operations
from app.rest.errors import answer
from app.wiring import Services

IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that one customer of a network has to himself."""


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
    """Return the client's address: the peer's, or what trusted proxies say of it; an IPv6 network counts as one.

    A peer on a unix socket has no address and is always trusted: the file's permissions say who may connect.
    """
    trusted = current_app.config["TRUSTED_PROXIES"]
    address = request.remote_addr or ""
    said = list(filter(None, map(str.strip, request.headers.get("X-Forwarded-For", "").split(","))))
    is_proxy = not address or _is_within(address, trusted)
    while said and is_proxy:
        address = said.pop()
        is_proxy = _is_within(address, trusted)
    return _bucket(address)


def _is_within(address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def _bucket(address: str) -> str:
    parsed = _parsed(address)
    if parsed is None:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address; IPv4 in the dress of IPv6 (RFC 4291, section 2.5.5.2) is IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
