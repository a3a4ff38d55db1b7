"""Counts calls per client address, together with requests. Before authentication, so that guessing is limited (C22)."""

import math
from collections.abc import Callable
from functools import cache
from urllib.parse import unquote

from limits import RateLimitItem, parse_many

from app.errs.platform import RateLimitExceeded
from app.rpc.calls import Call
from app.wire.addresses import EVERYTHING, client_address


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Count the call.

    Raises:
        RateLimitExceeded: there were too many.
    """
    address = address_of(call)
    for limit in _limits(call.app.config["RATE_LIMIT"]):
        seconds = limit.get_expiry()
        window = call.services.windows.hit(limit.key_for(address, EVERYTHING), seconds=seconds)
        if window.hits > limit.amount:
            wait = min(max(1, math.ceil(window.left)), seconds)
            raise RateLimitExceeded(limit=limit.amount, window_seconds=seconds, retry_after=wait)
    return proceed()


def address_of(call: Call) -> str:
    """Return the client's address."""
    forwarded, trusted = call.metadata.get("x-forwarded-for", ""), call.app.config["TRUSTED_PROXIES"]
    return client_address(_address(call.peer), forwarded, trusted)


@cache
def _limits(text: str) -> tuple[RateLimitItem, ...]:
    return tuple(parse_many(text))


def _address(peer: str) -> str:
    """Return the address of a peer as gRPC spells it (``ipv4:127.0.0.1:5``, ``ipv6:%5B::1%5D:5``); none of a socket."""
    family, _, place = unquote(peer).partition(":")
    return place.rpartition(":")[0].strip("[]") if family.startswith("ipv") else ""
