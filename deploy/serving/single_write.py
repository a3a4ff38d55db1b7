"""Responses in one write, head and body together, that state correctly if the connection stays open.

gunicorn writes them one after the other, and a worker killed in between leaves a client with half a response, which no
proxy can request again. In one write, a body that fits the socket's buffer arrives completely or not at all.
"""

import time
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi


class SingleWriteResponse(wsgi.Response):  # type: ignore[misc]  # gunicorn is untyped
    """Keeps the head until there is a body to send with it, or the end of the response."""

    sock: Any
    status: str
    headers: list[tuple[str, str]]
    headers_sent: bool

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._head = b""

    def send_headers(self) -> None:
        """Build the head, but keep it; it announces the close when the rest of the request has not arrived."""
        if self.headers_sent:
            return
        if not self.must_close and not self.req.body.is_over():
            self.force_close()
        lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
        self._head = "".join(lines).encode("latin-1")
        self.headers_sent = True

    def default_headers(self) -> list[str]:
        """Return the first lines of the head, in the server's version (RFC 9110, section 6.2)."""
        return [f"HTTP/1.1 {self.status}\r\n", *super().default_headers()[1:]]

    def close(self) -> None:
        """Send the kept head of a response without a body."""
        self.send_headers()
        self._flush()
        super().close()

    def sendfile(self, respiter: object) -> bool:
        """Leave files to ``write``."""
        return False

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            self._flush()
            super()._emit_body(data)
        else:
            head, self._head = self._head, b""
            util.write(self.sock, head + data)

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head:
            util.write(self.sock, head)


def install() -> None:
    """Make gunicorn use this response class, and build the date once a second."""
    wsgi.Response = SingleWriteResponse
    date = lru_cache(maxsize=1)(util.http_date)
    util.http_date = lambda: date(int(time.time()))
