"""Counts requests per client address. Before authentication, so that guessing tokens is limited too (C22)."""

import ipaddress
import math
from typing import Final, NamedTuple

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItem, parse_many

from app.errs.platform import RateLimitExceeded
from app.resilience.windows import Window
from app.rest import operations
from app.rest.current import services

IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that one customer of a network has to himself."""


class Applied(NamedTuple):
    """A limit, and the window in which the request was counted."""

    limit: RateLimitItem
    window: Window

    @property
    def left(self) -> int:
        """Return the number of requests left."""
        return max(0, self.limit.amount - self.window.hits)

    @property
    def seconds(self) -> int:
        """Return the seconds until the next window opens, at least."""
        return min(max(1, math.ceil(self.window.left)), self.limit.get_expiry())


def install(app: Flask) -> None:
    """Install the hook."""
    app.extensions["candor-limits"] = tuple(sorted(parse_many(app.config["RATE_LIMIT"])))
    app.before_request(_count)
    app.after_request(_tell)


def _count() -> None:
    """Count the request against each limit in turn, the one of the shortest window first.

    Raises:
        RateLimitExceeded: nothing is left of one.
    """
    operation = operations.current()
    if operation is None or not operation.is_limited:
        return
    address, windows = client_address(), services().windows
    applied: list[Applied] = []
    g.limits = applied
    for limit in current_app.extensions["candor-limits"]:
        seconds = limit.get_expiry()
        applied.append(Applied(limit, windows.hit(f"{address}/{limit.amount}/{seconds}", seconds=seconds)))
        if applied[-1].window.hits > limit.amount:
            raise RateLimitExceeded(limit=limit.amount, window_seconds=seconds, retry_after=applied[-1].seconds)


def _tell(response: Response) -> Response:
    """Tell what is left (draft-ietf-httpapi-ratelimit-headers)."""
    policies, states = [], []
    for number, applied in enumerate(g.get("limits", ()), 1):
        name = "default" if number == 1 else f"default-{number}"
        policies.append(f'"{name}";q={applied.limit.amount};w={applied.limit.get_expiry()}')
        states.append(f'"{name}";r={applied.left};t={applied.seconds}')
    if policies:
        response.headers["RateLimit-Policy"] = ", ".join(policies)
        response.headers["RateLimit"] = ", ".join(states)
    return response


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
