"""Readers of settings; the error text of each completes "NAME …"."""

import ipaddress
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses
from typing import Final
from urllib.parse import urlsplit

from limits import parse_many

from app.config.rules import LOOPBACK

LONGEST_INTEGER: Final = 12
LARGEST_LIMIT: Final = 2**31 - 1
"""The maximum number of requests; Redis uses larger counters internally."""
LONGEST_WINDOW: Final = 366 * 24 * 60 * 60
"""The maximum length of a window in seconds."""
LONGEST_PATH: Final = 107 if sys.platform == "linux" else 103
"""The maximum length of a Unix socket's path in bytes."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PUBLIC_URL: Final = re.compile(r"[a-z]+://[A-Za-z0-9._~\[\]:-]+(/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?")
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_ZONE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ORIGIN: Final = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")
_TOKEN_URL: Final = re.compile(r"https?://[A-Za-z0-9._\[\]:-]+([/?#][A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*)?")
_KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROJECT: Final = re.compile(r"(/[A-Za-z0-9._-]+)*/[0-9]+")
KEY_BYTES: Final = 32
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")


def one_of(*allowed: str) -> Callable[[str], str]:
    """Accept one of these words."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """Accept a number in this range."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("must be a number") from None
        if not low <= value <= high:
            raise ValueError(f"must be between {low:g} and {high:g}")
        return value

    return parse


def integer(low: int, high: int) -> Callable[[str], int]:
    """Accept an integer in this range, in ASCII digits."""

    def parse(text: str) -> int:
        is_short = text.isascii() and text.isdigit() and len(text) <= LONGEST_INTEGER
        if not is_short or not low <= int(text) <= high:
            raise ValueError(f"must be an integer between {low} and {high}")
        return int(text)

    return parse


def boolean(text: str) -> bool:
    """Accept ``true`` and ``false``."""
    return one_of("true", "false")(text) == "true"


def words(text: str) -> tuple[str, ...]:
    """Accept words separated by spaces or commas."""
    return tuple(text.replace(",", " ").split())


def limit(text: str) -> str:
    """Accept a rate limit, or several for different windows; zero is rejected, because it would allow no requests."""
    try:
        found = parse_many(text)
    except ValueError:
        raise ValueError("must be a limit such as '100 per second' or '5/minute;100/hour'") from None
    if not all(0 < each.amount <= LARGEST_LIMIT and 0 < each.get_expiry() <= LONGEST_WINDOW for each in found):
        raise ValueError(f"must allow 1 to {LARGEST_LIMIT} requests, in a window of at most a year")
    if len({each.get_expiry() for each in found}) < len(found):
        raise ValueError("must not have two limits for one window")
    return text


def host(text: str) -> str:
    """Accept an address or a name to listen on; brackets around an IPv6 address are dropped, its zone is kept."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    address, has_zone, zone = bare.partition("%")
    with suppress(ValueError):
        if not has_zone:
            return str(ipaddress.ip_address(bare))
        if _ZONE.fullmatch(zone):
            return f"{ipaddress.IPv6Address(address)}%{zone}"
    if not _HOST.fullmatch(text) or text.replace(".", "").isdigit():
        raise ValueError("must be an IP address or a host name, without a port")
    return text


def targets(text: str) -> tuple[str, ...]:
    """Accept hosts with ports, such as ``127.0.0.1:9091`` and ``[::1]:9091``."""
    found = []
    for word in words(text):
        name, _, port = word.rpartition(":")
        try:
            found.append(authority(host(name), integer(1, 65535)(port)))
        except ValueError:
            raise ValueError("must list hosts with ports, such as 127.0.0.1:9091") from None
    return tuple(found)


def url(*schemes: str) -> Callable[[str], str]:
    """Accept a URL of one of these schemes, and drop a trailing slash."""

    def parse(text: str) -> str:
        if not _is_url(text, schemes):
            raise ValueError(f"must be a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text.rstrip("/")

    return parse


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.netloc) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def mail_address(text: str) -> str:
    """Accept the value of a From header: one address, with or without a display name."""
    try:
        ((_name, spec),) = getaddresses([text])
        address = Address(addr_spec=spec)
    except (ValueError, IndexError, HeaderParseError):
        address = Address()
    if not address.username or not address.domain or not text.isascii() or not text.isprintable():
        raise ValueError("must be an address such as 'Support <support@example.com>'")
    return text


def public_url(text: str) -> str:
    """Accept a base URL for links in responses."""
    if not _is_url(text, ("http", "https")) or not _PUBLIC_URL.fullmatch(text):
        raise ValueError("must be http:// or https://, a host and optionally a path; no user, query or fragment")
    return text.rstrip("/")


def script_name(text: str) -> str:
    """Accept the path of a public URL; see ``public_url``."""
    if not text.startswith("/") or not _PUBLIC_URL.fullmatch(f"http://h{text}"):
        raise ValueError("must be a path such as /api")
    return text.rstrip("/")


def scopes(text: str) -> tuple[str, ...]:
    """Accept scopes that a challenge can quote (RFC 6749, section 3.3)."""
    if not all(map(_SCOPE.fullmatch, words(text))):
        raise ValueError("must list scopes of printable ASCII, without quotes and backslashes")
    return words(text)


def sentry_dsn(text: str) -> str:
    """Accept the address of a project: a URL with a public key as its user, and the number of the project."""
    parts = urlsplit(text) if _is_url(text, ("http", "https")) else None
    if parts is None or not parts.username or not parts.hostname or not _PROJECT.fullmatch(parts.path):
        raise ValueError("must be a DSN such as https://key@sentry.example.com/1")
    return text


def trace_url(text: str) -> str:
    """Accept a URL with a placeholder for the ID of a trace."""
    if not _is_url(text, ("http", "https")) or "{trace_id}" not in text:
        raise ValueError("must be a URL that starts with http:// or https:// and contains {trace_id}")
    return text


def token_url(text: str) -> str:
    """Accept the URL of a page of a front end with a placeholder for a token; https unless the page is on this
    machine.
    """
    parts = urlsplit(text) if _is_url(text, ("http", "https")) else None
    is_placed = parts and text.count("{token}") == 1 and "{token}" in f"{parts.path}?{parts.query}#{parts.fragment}"
    if parts is None or not is_placed or not _TOKEN_URL.fullmatch(text.replace("{token}", "")):
        raise ValueError(
            "must be a URL with {token} once after the host, such as https://app.example.com/activate#{token}"
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must start with https:// unless the page is on this machine")
    return text


def keys(text: str) -> tuple[tuple[str, str], ...]:
    """Accept keys with their names: ``2026-11:secret``; each at least as long as HS256 requires (RFC 7518, 3.2)."""
    named = [tuple(word.split(":", 1)) for word in words(text)]
    if not all(len(each) == 2 and _KEY_ID.fullmatch(each[0]) for each in named):
        raise ValueError("must list keys as name:secret")
    if len({each[0] for each in named}) < len(named):
        raise ValueError("must not use a key name twice")
    if min((len(each[1].encode()) for each in named), default=KEY_BYTES) < KEY_BYTES:
        raise ValueError(f"must have at least {KEY_BYTES} bytes in each secret; `openssl rand -hex 32` generates one")
    return tuple((name, secret) for name, secret in named)


def unix_socket(text: str) -> str:
    """Accept the path of a Unix socket in gunicorn's notation."""
    if not text.startswith("unix:/") or text.endswith("/"):
        raise ValueError("must be unix: and an absolute path, such as unix:/run/app/1.sock")
    if len(text.removeprefix("unix:").encode()) > LONGEST_PATH:
        raise ValueError(f"must have a path of at most {LONGEST_PATH} bytes, the system's limit for sockets")
    return text


def origins(text: str) -> tuple[str, ...]:
    """Accept origins in the form that browsers send."""
    for origin in words(text):
        if not _ORIGIN.fullmatch(origin) or not _is_url(origin, ("http", "https")):
            raise ValueError("must list exact origins such as https://app.example.com")
        if urlsplit(origin).port == DEFAULT_PORTS[urlsplit(origin).scheme]:
            raise ValueError("must not contain a default port: browsers do not send it")
    return words(text)


def networks(text: str) -> tuple[Network, ...]:
    """Accept addresses and networks; IPv4-mapped ones (``::ffff:10.0.0.0/104``) become IPv4."""
    try:
        return tuple(_plain(ipaddress.ip_network(word)) for word in words(text))
    except ValueError:
        raise ValueError("must list addresses or networks such as 10.0.0.0/8") from None


def _plain(network: Network) -> Network:
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    prefix = network.prefixlen - (ipaddress.IPV6LENGTH - ipaddress.IPV4LENGTH)
    return network if mapped is None or prefix < 0 else ipaddress.ip_network((mapped, prefix))


def authority(host: str, port: int) -> str:
    """Return host and port in URL syntax: an IPv6 address has brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
