"""``REDIS_URL``: one server, a list of servers of which one is the primary, or Sentinels that know the primary."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

SENTINEL: Final = "+sentinel"
SCHEMES: Final = ("redis", "rediss", f"redis{SENTINEL}", f"rediss{SENTINEL}")
PORT: Final = 6379
SENTINEL_PORT: Final = 26379
OWN: Final = ("sentinel_username", "sentinel_password")
"""The options that are for the Sentinels."""


@dataclass(frozen=True, slots=True)
class RedisServers:
    """The servers of a URL.

    Args:
        addresses: host and port of each server; of each Sentinel if there is a ``service``.
        service: the name of the primary that the Sentinels know, if there are any.
        urls: the URL of each server; with Sentinels, one URL with the options for the primary.
        sentinel: the options for the Sentinels.
    """

    addresses: tuple[tuple[str, int], ...]
    service: str | None
    urls: tuple[str, ...]
    sentinel: dict[str, Any]


def redis_url(text: str) -> str:
    """Accept a URL that the Redis client supports and does not partly ignore: with a database number and known
    options.

    Raises:
        ValueError: it is another URL; the message doesn't quote it.
    """
    from redis import Redis, RedisError  # noqa: PLC0415 -- the metrics exporter needs no client

    text = text.rstrip("/")
    urls = servers(text).urls
    try:
        for url in urls:
            Redis.from_url(url).connection_pool.make_connection()
    except (TypeError, ValueError, RedisError):
        raise ValueError("must not have options that the Redis client does not know") from None
    return text


def servers(text: str) -> RedisServers:
    """Return the servers of a URL.

    Raises:
        ValueError: the URL is invalid; the message completes "REDIS_URL …".
    """
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise ValueError("must be a URL that starts with redis:// or rediss://")
    credentials, at, places = parts.netloc.rpartition("@")
    has_sentinels, path = parts.scheme.endswith(SENTINEL), parts.path.strip("/")
    service, _, database = path.partition("/") if has_sentinels else ("", "", path)
    if has_sentinels and not service:
        raise ValueError("must name the primary that the Sentinels know, such as redis+sentinel://a,b,c/mymaster/0")
    if database and not database.isdigit():
        raise ValueError("must end with a database number, such as redis://cache:6379/0")
    addresses = tuple(_address(place, SENTINEL_PORT if has_sentinels else PORT) for place in places.split(","))
    options = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([each for each in options if not (has_sentinels and each[0] in OWN)])
    scheme, end = parts.scheme.removesuffix(SENTINEL), f"/{database}{'?' if query else ''}{query}"
    urls = (f"{scheme}://{credentials}{at}{_spelled(*address)}{end}" for address in addresses)
    return RedisServers(
        addresses,
        unquote(service) or None,
        (next(urls),) if has_sentinels else tuple(urls),
        {name.removeprefix("sentinel_"): value for name, value in options if has_sentinels and name in OWN},
    )


def _address(place: str, port: int) -> tuple[str, int]:
    """Return host and port of one server.

    Raises:
        ValueError: there is no host, or the port is not a number.
    """
    try:
        parts = urlsplit(f"//{place}")
        found = (parts.hostname, parts.port or port)
    except ValueError:
        found = (None, port)
    if not found[0]:
        raise ValueError("must have a host, and a port between 1 and 65535, for each server")
    return found[0], found[1]


def _spelled(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
