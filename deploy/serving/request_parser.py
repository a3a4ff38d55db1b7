"""Requests, parsed more strictly than gunicorn does, and kept when they are rejected, for the log of the rejection.

The end of a request must be unambiguous (RFC 9112, sections 6.1, 6.3 and 11.2).
"""

import re
from functools import cache
from typing import Any, Final

from gunicorn import http
from gunicorn.http import message, wsgi
from gunicorn.http.errors import InvalidHeader, InvalidRequestLine, ParseException, UnsupportedTransferCoding
from gunicorn.http.parser import RequestParser

from app.resilience import draining
from deploy.serving.request_body import Body, ChunkedReader

NEWEST: Final = (1, 1)
"""The version of responses (RFC 9110, section 6.2: the highest that a server conforms to)."""
UNKNOWN_CODINGS: Final = re.compile(r"(?:(?!chunked[ \t]*,)[\w.+-]+[ \t]*,[ \t]*)*[\w.+-]+", re.ASCII | re.IGNORECASE)
"""A list of codings with ``chunked`` at the end at most; `http.conf` has the same for nginx."""
CONTINUE: Final = "100-continue"


class Request(message.Request):  # type: ignore[misc]  # gunicorn is untyped
    """A request with an unambiguous length and host; Upgrade is ignored, and any expectation except 100-continue."""

    version: tuple[int, int]
    uri: str
    path: str
    headers: list[tuple[str, str]]
    body: Any

    _policy_expect_continue = False
    """gunicorn rejects other expectations, and requests the body before it is needed; see ``Body``."""

    def __init__(self, *args: Any) -> None:
        try:
            super().__init__(*args)
        except ParseException as exc:
            exc.request = self
            raise

    def parse(self, unreader: Any) -> Any:
        """Read the head, and return the bytes read beyond it.

        Raises:
            ParseException: it is malformed, or ambiguous.
        """
        rest = super().parse(unreader)
        self._names = {name for name, _ in self.headers}
        if self.version >= NEWEST and not self.sent("HOST"):
            raise InvalidHeader("HOST")
        self.version = min(self.version, NEWEST)
        if "close" in self.listed("CONNECTION"):
            self.force_close()
        if not self.uri.startswith("/"):
            self._take_path_of(self.uri)
        if "UPGRADE" in self._names:
            self.headers = [field for field in self.headers if field[0] != "UPGRADE"]
        return rest

    def set_body_reader(self) -> None:
        """Determine the length of the body.

        Raises:
            UnsupportedTransferCoding: it has a coding that neither gunicorn nor the service decodes.
            ParseException: its length is ambiguous.
        """
        codings = [value.lower() for value in self.sent("TRANSFER-ENCODING")]
        if codings not in ([], ["chunked"]):
            is_clear = self.version == NEWEST and not self.sent("CONTENT-LENGTH")
            if is_clear and len(codings) == 1 and UNKNOWN_CODINGS.fullmatch(codings[0]):
                raise UnsupportedTransferCoding(codings[0])
            raise InvalidHeader("TRANSFER-ENCODING")
        super().set_body_reader()
        reader = ChunkedReader(self, self.unreader) if codings else self.body.reader
        is_awaited = self.version == NEWEST and CONTINUE in self.listed("EXPECT")
        self.body = Body(reader, self.unreader.sock, is_awaited=is_awaited)

    def sent(self, name: str) -> list[str]:
        """Return the value of each field with this name, which is in upper case."""
        return [value for each, value in self.headers if each == name] if name in self._names else []

    def listed(self, name: str) -> set[str]:
        """Return the members of a field that is a list, in lower case."""
        return {member.strip(" \t").lower() for value in self.sent(name) for member in value.split(",")}

    def _peer_trusted_for_forwarded(self) -> tuple[dict[str, str], list[str]]:
        """Trust no header field of a proxy here: `app/wire/client_addresses.py` decides about them."""
        return {}, []

    def _take_path_of(self, target: str) -> None:
        """Require a host in, or for, a target of another form than a path (RFC 9112, section 3.2)."""
        is_absolute = re.match(r"https?://[^/?#]", target, re.IGNORECASE)
        if not is_absolute and target != "*":
            raise InvalidRequestLine(target)
        self.path = self.path or "/"


class Parser(RequestParser):  # type: ignore[misc]  # gunicorn is untyped
    """Reads the requests of a connection."""

    mesg: Request | None
    mesg_class = Request

    def finish_body(self, deadline: float | None = None, max_bytes: int | None = None) -> bool:
        """Return True if another request can be read, after discarding the rest of the previous body."""
        return (self.mesg is not None and self.mesg.body.is_at_end) or bool(super().finish_body(deadline, max_bytes))


def close_while_draining(_worker: object, request: Any) -> None:
    """While draining, close the connection after the response; the client's next one may reach another instance."""
    if draining.has_begun():
        request.force_close()


def install() -> None:
    """Make gunicorn use this parser, and set the attributes that are the same for all requests once."""
    http.RequestParser = Parser
    common = cache(wsgi.base_environ)
    wsgi.base_environ = lambda cfg: common(cfg).copy()
