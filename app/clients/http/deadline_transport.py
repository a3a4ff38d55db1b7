"""HTTP connections that enforce the current deadline.

A socket timeout limits only one wait, and a body that arrives byte by byte never waits long. Therefore each wait gets
the remaining time of the deadline as its timeout. ``connect_within`` limits name resolution in the same way.
"""

import ssl
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import httpcore2
import httpx2

from app.resilience import deadline
from app.resilience.timed_connect import connect_within

IDLE: Final = 20.0
"""Seconds that an idle connection is kept: less than common servers keep it."""


class Transport(httpx2.HTTPTransport):
    """Sends requests within the deadline, over a limited number of connections."""

    def __init__(self, *, connections: int, is_encrypted: bool) -> None:
        trusted = ssl.create_default_context() if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        super().__init__(verify=trusted, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=trusted,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE,
            network_backend=_Network(),
        )


def _seconds_left(_timeout: float | None, late: type[Exception]) -> float:
    """Return the remaining seconds of the deadline.

    Raises:
        TypeError: there is no deadline, which is a bug.
        Exception: the deadline has passed; the exception has the given type.
    """
    limit = deadline.current.get()
    if limit is None:
        raise TypeError("an outbound call requires a deadline")
    if limit.is_over:
        raise late("the deadline has passed")
    return limit.remaining()


class _Network(httpcore2.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _seconds_left(timeout, httpcore2.ConnectTimeout)
        connect = partial(self._inner.connect_tcp, host, port, left, local_address, socket_options)
        stream = connect_within(connect, close=httpcore2.NetworkStream.close, within=left)
        if stream is None:
            raise httpcore2.ConnectTimeout("not connected in time")
        return _Stream(stream)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _seconds_left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _seconds_left(timeout, httpcore2.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _seconds_left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
