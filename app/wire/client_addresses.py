"""The client address that rate limits count (C22)."""

import ipaddress
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from app.observability.repeated_warnings import RepeatedWarning

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
EVERYTHING: Final = "*"
"""The scope of the limit that all operations of all protocols share. A function's endpoint can't have this name."""
IPV4_PREFIX: Final = 24
"""Bits of an IPv4 address that are the network in limits of login attempts."""
IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that identify one customer of a network provider."""
KEPT: Final = 4096
"""Parsed addresses in the cache."""
LONGEST: Final = 100
"""Characters of an address with zone, brackets and port. A longer text is not an address."""
UNKNOWN: Final = "unknown"
"""The common name of clients without an address: a Unix socket without X-Forwarded-For."""
UNREADABLE: Final = RepeatedWarning("limits")
NAMELESS: Final = RepeatedWarning("limits")
IGNORED: Final = RepeatedWarning("limits", interval=math.inf)
MISSING: Final = RepeatedWarning("limits", interval=math.inf)
_WITH_PORT: Final = re.compile(
    r"(?:(?P<v4>[0-9.]{7,15})"
    r"|\[(?P<v6>[0-9A-Fa-f:.]{2,45}(?:%[^\[\]]*)?)\]"
    r"|(?P<full>[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7})(?=:))"
    r"(?P<port>:[0-9]{1,5})?"
)
"""An address and a port that is not part of it: after IPv4, after brackets, or after eight groups of IPv6.

``2001:db8::1:8080`` is an address without a port (RFC 5952, section 6).
"""
_MAX_PORT: Final = 65535


class _Client(NamedTuple):
    address: Address
    bucket: str
    """The name in rate limits. For IPv6 it is the network."""


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the client's address: the peer's, or the address that trusted proxies report. For IPv6, the network.

    A peer on a Unix socket has no address and is always trusted, because the file's permissions limit the connections.
    A port is removed. If a proxy reports a text that is not an address, the client counts as that proxy, and a warning
    is logged once a minute: the client may have invented everything to the left of that text.

    Args:
        peer: the address of the connected peer.
        forwarded: ``X-Forwarded-For``.
        trusted: the networks of trusted proxies.
    """
    client = _parsed(peer)
    if not forwarded:
        return UNKNOWN if client is None else client.bucket
    is_proxy = not peer or (client is not None and _is_within(client, trusted))
    reported = list(filter(None, map(str.strip, forwarded.split(",")))) if is_proxy else []
    if client is not None and not is_proxy:
        _warn_ignored(client)
    while reported and is_proxy:
        text = reported.pop()
        found = _parsed(text)
        if found is None:
            _warn(text, by=client)
            break
        client, is_proxy = found, _is_within(found, trusted)
    return UNKNOWN if client is None else client.bucket


def counted(client: str, peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return a client address for a limit, and log a warning if a trusted proxy does not report an address.

    Not for log entries, where such a client is harmless: it may be a health check.

    Args:
        client: the result of ``client_address`` for the other arguments.
        peer: the address of the connected peer.
        forwarded: ``X-Forwarded-For``.
        trusted: the networks of trusted proxies.
    """
    if client == UNKNOWN:
        NAMELESS.warn(
            "Clients without an address share one rate limit: a peer on a unix socket sends no X-Forwarded-For."
        )
    elif trusted and not forwarded and (proxy := _parsed(peer)) is not None and _is_within(proxy, trusted):
        MISSING.warn(
            f"The trusted proxy {proxy.address} sends no X-Forwarded-For: its clients share one rate limit."
            " Configure the proxy to set the header field. This warning is logged once."
        )
    return client


def network_of(client: str) -> str:
    """Return the network of a client address: the /24 of an IPv4 address, or the /64 itself."""
    found = _parsed(client)
    return client if found is None else str(ipaddress.ip_network((found.address, IPV4_PREFIX), strict=False))


def _warn_ignored(client: _Client) -> None:
    """Log that the header field is ignored. A public address may be that of a person, and is not logged."""
    peer = f"the peer {client.address}" if client.address.is_private else "a peer with a public address"
    IGNORED.warn(
        f"X-Forwarded-For of {peer} is ignored, because TRUSTED_PROXIES does not contain it. If the peer is your proxy,"
        " add its address: until then, its clients share one rate limit. This warning is logged once."
    )


def _warn(text: str, *, by: _Client | None) -> None:
    proxy = "the proxy on the unix socket" if by is None else f"the proxy {by.address}"
    shape = "".join("0" if each.isdigit() else "a" if each.isalnum() else each for each in text[:LONGEST])
    UNREADABLE.warn(
        f"X-Forwarded-For of {proxy} ends with a text of the form {shape!a}, which is not an address:"
        " its clients share one rate limit."
    )


def _is_within(client: _Client, networks: Sequence[Network]) -> bool:
    return any(client.address in network for network in networks)


def _parsed(text: str) -> _Client | None:
    """Return the address, or ``None`` if the text is not an address."""
    return _read(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=KEPT)
def _read(text: str) -> _Client | None:
    """Return the address. An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) is IPv4."""
    text = text.strip('"')
    found = _WITH_PORT.fullmatch(text)
    if found:
        if found["port"] and int(found["port"][1:]) > _MAX_PORT:
            return None
        text = found["v4"] or found["v6"] or found["full"]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return _Client(address, str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False)))
    address = getattr(address, "ipv4_mapped", address)
    return _Client(address, str(address))
