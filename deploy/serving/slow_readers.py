"""Clients that read their responses slowly: the main loop sends the rest, and no thread waits for them."""

import time
from collections.abc import Callable
from selectors import EVENT_WRITE, BaseSelector
from typing import Final

from deploy.serving.client_socket import SEND_SECONDS
from deploy.serving.direct_worker import Connection


class SlowReaders:
    """Connections whose responses are not sent completely. Only the main loop uses it, which owns them."""

    def __init__(
        self, poller: BaseSelector, resume: Callable[[Connection, bool], None], close: Callable[[Connection], None]
    ) -> None:
        self._poller, self._resume, self._close = poller, resume, close
        self._outcomes: Final[dict[Connection, tuple[bool, float]]] = {}
        """True for a connection that stays open afterwards; and when the client has last read."""

    def add(self, conn: Connection, is_kept: bool) -> None:
        """Send the rest of a response as the client reads it; then call ``resume``, or ``close`` if it does not."""
        self._outcomes[conn] = is_kept, time.monotonic()
        self._poller.register(conn.base.sock, EVENT_WRITE, lambda _: self._send(conn))

    def give_up(self) -> None:
        """Reset the connections of clients that have read nothing for SEND_SECONDS."""
        until = time.monotonic() - SEND_SECONDS
        for conn in [conn for conn, (_, since) in self._outcomes.items() if since < until]:
            conn.base.sock.reset_on_close()
            self._remove(conn)
            self._close(conn)

    def _send(self, conn: Connection) -> None:
        is_kept, _ = self._outcomes[conn]
        try:
            is_sent = conn.base.sock.send_more()
        except OSError:
            self._remove(conn)
            self._close(conn)
            return
        if is_sent:
            self._remove(conn)
            conn.since = time.monotonic()
            self._resume(conn, is_kept)
        else:
            self._outcomes[conn] = is_kept, time.monotonic()

    def _remove(self, conn: Connection) -> None:
        del self._outcomes[conn]
        self._poller.unregister(conn.base.sock)
