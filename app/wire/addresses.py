"""Whom a request counts for: the address of the client (C22)."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
EVERYTHING: Final = "*"
"""The scope of the limit that all operations share, of every protocol. It cannot be an endpoint named by a function."""
IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that one customer of a network has to himself."""
KEPT: Final = 4096
"""Addresses that need not be parsed again."""


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the client's address: the peer's, or what trusted proxies say of it; an IPv6 network counts as one.

    A peer on a unix socket has no address and is always trusted: the file's permissions say who may connect.

    Args:
        peer: the address of who has connected.
        forwarded: ``X-Forwarded-For``.
        trusted: which proxies are believed.
    """
    address = peer
    said = list(filter(None, map(str.strip, forwarded.split(","))))
    is_proxy = not address or _is_within(address, trusted)
    while said and is_proxy:
        address = said.pop()
        is_proxy = _is_within(address, trusted)
    return _bucket(address)


def _is_within(address: str, networks: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


@lru_cache(maxsize=KEPT)
def _bucket(address: str) -> str:
    parsed = _parsed(address)
    if parsed is None:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))


@lru_cache(maxsize=KEPT)
def _parsed(address: str) -> Address | None:
    """Return the address; IPv4 in the dress of IPv6 (RFC 4291, section 2.5.5.2) is IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
