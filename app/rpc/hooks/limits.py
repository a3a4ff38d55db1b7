"""Counts calls per client address, together with requests. Before authentication, so that guessing is limited (C22)."""

import math
from collections.abc import Callable
from urllib.parse import unquote

from app.errs.platform import RateLimitExceeded
from app.extensions import limiter
from app.rate_limiting import calls
from app.rpc.calls import Call
from app.wire.addresses import client_address


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Count the call.

    Raises:
        RateLimitExceeded: there were too many.
    """
    exceeded = calls.count(limiter, address_of(call))
    if exceeded:
        length = exceeded.limit.get_expiry()
        wait = min(max(1, math.ceil(exceeded.left)), length)
        raise RateLimitExceeded(limit=exceeded.limit.amount, window_seconds=length, retry_after=wait)
    return proceed()


def address_of(call: Call) -> str:
    """Return the client's address."""
    forwarded, trusted = call.metadata.get("x-forwarded-for", ""), call.app.config["TRUSTED_PROXIES"]
    return client_address(_address(call.peer), forwarded, trusted)


def _address(peer: str) -> str:
    """Return the address of a peer as gRPC spells it (``ipv4:127.0.0.1:5``, ``ipv6:%5B::1%5D:5``); none of a socket."""
    family, _, place = unquote(peer).partition(":")
    return place.rpartition(":")[0].strip("[]") if family.startswith("ipv") else ""
