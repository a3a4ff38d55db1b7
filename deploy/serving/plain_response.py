"""Responses to plain requests, in one system call; gunicorn's own response class writes all that are not plain.

A response is plain if it is complete, has its length, and has only header fields that gunicorn sends unchanged.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from gunicorn import util
from gunicorn.http import wsgi

from deploy.serving import gunicorn_private
from deploy.serving.plain_request import PlainRequest

_STATUS: Final = re.compile(r"(?!1|204|304)[0-9]{3} [\t -~\x80-\xff]*")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
CONTENT_LENGTH: Final = "Content-Length"
_UNPLAIN: Final = frozenset({*util.hop_headers, "content-length"})
MAX_NAMES: Final = 256
_NAMES: Final = {"Content-Type"}
"""Names of fields that gunicorn sends unchanged, as far as they were sent."""
Fields = list[tuple[str, str]]


class Reply:
    """The response to one plain request (PEP 3333)."""

    __slots__ = ("_cfg", "_full", "_head", "_is_sent", "_length", "_request", "_sock", "_status")

    def __init__(self, request: PlainRequest, sock: Any, cfg: Any) -> None:
        self._request, self._sock, self._cfg = request, sock, cfg
        self._status, self._head, self._length = "", "", -1
        self._full: Any = None
        self._is_sent = False

    def start(self, status: str, fields: Fields, exc_info: Any = None) -> Callable[[bytes], Any]:
        """Begin the response: the application's ``start_response``.

        Raises:
            Exception: gunicorn's errors about invalid fields and repeated calls.
        """
        if exc_info is None and not self._status and self._full is None and self._keep(status, fields):
            return self._write
        write: Callable[[bytes], Any] = self._gunicorns().start_response(status, fields, exc_info)
        return write

    def send(self, body: Iterable[bytes]) -> bool:
        """Send the rest of the response, and return True if the connection stays open.

        Raises:
            OSError: the client has gone.
        """
        if self._status and self._full is None and type(body) is list and len(body) < 2:
            content = body[0] if body else b""
            if type(content) is bytes and len(content) == self._length:
                return self._send_at_once(content)
        full = self._gunicorns()
        if isinstance(body, wsgi.FileWrapper):
            full.write_file(body)
        else:
            for part in body:
                full.write(part)
        full.close()
        self._sock.setblocking(False)
        return not full.should_close()

    def early_hints(self, fields: Any) -> None:
        """Send 103 before the response: the application's ``wsgi.early_hints``."""
        self._sock.setblocking(True)
        gunicorn_private.send_early_hints(self._request, self._sock, self, fields)
        self._sock.setblocking(False)

    @property
    def headers_sent(self) -> bool:
        """True if the response has started."""
        return self._is_sent or (self._full is not None and bool(self._full.headers_sent))

    def _keep(self, status: str, fields: Fields) -> bool:
        """Keep the head, and return True, if it is plain."""
        if self._request.method == "HEAD" or type(status) is not str or not _STATUS.fullmatch(status):
            return False
        length = ""
        for name, value in fields:
            if type(value) is not str:
                return False
            if name == CONTENT_LENGTH and not length:
                length = value
            elif name not in _NAMES and not _is_unchanged(name):
                return False
        values = "".join([value for _, value in fields])
        head = "".join([f"{name}: {value}\r\n" for name, value in fields])
        has_outer_space = ":  " in head or " \r\n" in head  # or an inner one after a colon, which gunicorn handles too
        if not (values.isascii() and values.isprintable() and _LENGTH.fullmatch(length)) or has_outer_space:
            return False
        self._status, self._head, self._length = status, head, int(length)
        return True

    def _send_at_once(self, content: bytes) -> bool:
        closes = self._request.should_close()
        first = f"HTTP/1.1 {self._status}\r\nServer: {wsgi.SERVER}\r\nDate: {util.http_date()}\r\n"
        connection = "Connection: close\r\n" if closes else "Connection: keep-alive\r\n"
        answer = f"{first}{connection}{self._head}\r\n".encode("latin-1") + content
        self._is_sent = True
        self._sock.sendall(answer)
        return not closes

    def _write(self, data: bytes) -> None:
        """Send a part of the body: the ``write`` of PEP 3333."""
        self._gunicorns().write(data)

    def _gunicorns(self) -> Any:
        """Return gunicorn's response, which continues from here."""
        if self._full is None:
            self._sock.setblocking(True)
            self._full = wsgi.Response(self._request, self._sock, self._cfg)
            if self._status:
                self._full.start_response(self._status, _split(self._head))
        return self._full


def _split(head: str) -> Fields:
    """Return the fields of a plain head."""
    lines = head.split("\r\n")[:-1]
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def _is_unchanged(name: object) -> bool:
    if type(name) is not str or name.lower() in _UNPLAIN or not _TOKEN.fullmatch(name):
        return False
    if len(_NAMES) < MAX_NAMES:
        _NAMES.add(name)
    return True
