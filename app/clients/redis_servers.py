"""Connections to the primary among several Redis servers. Each of them can become a replica, or be lost."""

from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.connection import SSLConnection, parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from redis.sentinel import Sentinel

from app.config import redis_url

TIMEOUT_SECONDS: Final = 0.2
"""Seconds to connect, and seconds to wait for a reply."""
RESP: Final = 2
"""The protocol version. Every server supports it without HELLO, a command that old servers and some proxies reject."""
MOVED: Final = (ReadOnlyError, RedisConnectionError, RedisTimeoutError)
"""The errors of a server that is lost, or not the primary."""


class Primary:
    """The primary of ``REDIS_URL``, as far as this process knows. Errors are those of Redis."""

    def __init__(self, url: str) -> None:
        servers = redis_url.servers(url)
        self._clients = [_primary_of_sentinels(servers)] if servers.service else [*map(_client, servers.urls)]
        self._at = 0

    @property
    def client(self) -> Redis:
        """Return the client of the server that is used at present."""
        return self._clients[self._at]

    def script(self, text: str) -> Script:
        """Return a script; pass it to ``run``."""
        return self._clients[0].register_script(text)

    def run(self, script: Script, *, keys: list[str], args: list[Any] | None = None) -> Any:
        """Return the result of a script. After an error, the next call may use another server.

        Raises:
            RedisError: the server does not respond, is a replica, or rejects the script.
        """
        client = self.client
        try:
            return script(keys=keys, args=args or [], client=client)
        except MOVED as error:
            self._leave(client, error)
            raise

    def _leave(self, client: Redis, error: Exception) -> None:
        """Use the next server of the list. Its address may also lead to another server now, therefore connect again.

        Connections in use belong to other threads, which get their own errors.
        """
        if isinstance(error, ReadOnlyError):
            client.connection_pool.disconnect(inuse_connections=False)
        if client is self.client:
            self._at = (self._at + 1) % len(self._clients)


def _options() -> dict[str, Any]:
    return {
        "protocol": RESP,
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def _client(url: str) -> Redis:
    return Redis.from_url(url, **_options())


def _primary_of_sentinels(servers: redis_url.RedisServers) -> Redis:
    """Return a client that connects to the primary that the Sentinels know."""
    primary: dict[str, Any] = dict(parse_url(servers.urls[0]))  # type: ignore[no-untyped-call] # of redis
    is_encrypted = primary.pop("connection_class", None) is SSLConnection
    for name in ("host", "port"):
        primary.pop(name, None)
    sentinels = Sentinel(  # type: ignore[no-untyped-call] # of redis
        servers.addresses,
        sentinel_kwargs={**_options(), **servers.sentinel, "ssl": is_encrypted},
    )
    options = {**_options(), **primary, "ssl": is_encrypted}
    client: Redis = sentinels.master_for(servers.service, **options)  # type: ignore[no-untyped-call] # of redis
    return client
