"""The answer to whoever would wait too long for a thread (C23a): 503, before any work is done for the request.

Not a hook: it is written to the socket by hand, because getting through server and application is most of what a
request costs, and what is saved on the refused is there for the others.
"""

import re
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

import orjson
from flask import Flask

from app import context
from app.errs.platform import ServiceUnavailable
from app.observability import logs
from app.rest.errors import MEDIA_TYPE, Occasion, headers_of, instance_of, problem
from app.rest.hooks import cors, request_id
from app.wire import timestamps

STATUS: Final = HTTPStatus.SERVICE_UNAVAILABLE
EVERY: Final = 1.0
"""Seconds between two error lines: each refusal has its access line, and all of one second the same cause."""
_PLAIN: Final = re.compile(
    rb"(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<path>/[!\"$->@-~]*)(?:\?[!-\"$-~]*)? HTTP/1\.1\r\n"
    rb"(?P<fields>(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)
"""A head that leaves no doubt (RFC 9112, sections 3 and 5); whatever else is sent waits for the parser's judgement."""
_FIELD: Final = re.compile(rb"([^:]+):[\t ]*(.*?)[\t ]*\r\n")
_ALONE: Final = (b"host", b"content-length")
_LENGTH: Final = re.compile(r"[0-9]{1,7}")


class Overload:
    """Refuses requests in the words of an application. For one thread."""

    def __init__(self, app: Flask) -> None:
        self._public_url: str = app.config["PUBLIC_URL"]
        self._origins: tuple[str, ...] = app.config["CORS_ORIGINS"]
        self._error = ServiceUnavailable(detail="more wait for a thread than can be served in time", retry_after=1)
        self._said_at = float("-inf")

    def refusal(self, received: bytes, *, may_follow: bool) -> tuple[bytes, int]:
        """Return the answer to the request that these bytes begin with, and how many of them are that request.

        The number is 0 where the connection is to be closed, and there is no answer to what is no plain request.

        Args:
            received: what has been received.
            may_follow: whether the connection may be kept for another request.
        """
        found = _PLAIN.match(received)
        sent = [
            (name.lower(), value.decode("latin-1")) for name, value in _FIELD.findall(found["fields"] if found else b"")
        ]
        fields = dict(sent)
        if found is None or any(sum(name == each for name, _ in sent) > 1 for each in _ALONE) or b"host" not in fields:
            return b"", 0
        body = _body_length(fields)
        is_kept = may_follow and body is not None and found.end() + body <= len(received)
        is_kept = is_kept and "close" not in fields.get(b"connection", "").lower()
        answer = self._answer(found["method"].decode(), found["path"].decode(), fields, is_kept)
        return answer, found.end() + (body or 0) if is_kept else 0

    def _answer(self, method: str, target: str, fields: dict[bytes, str], is_kept: bool) -> bytes:
        now, path = datetime.now(UTC), unquote(target)
        token = context.request_id.set(request_id.chosen(fields.get(name.lower().encode()) for name in request_id.SENT))
        self._log({"method": method, "route": "unmatched", "path": path, "status": STATUS.value})
        occasion = Occasion(
            public_url=self._public_url,
            instance=instance_of(unquote_to_bytes(target)),
            timestamp=timestamps.render(now),
            request_id=context.request_id.get(),
        )
        context.request_id.reset(token)
        body = orjson.dumps(problem(self._error, occasion))
        headers = {
            "Date": format_datetime(now, usegmt=True),
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(body)),
            "Connection": "keep-alive" if is_kept else "close",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Origin",
            **dict.fromkeys(request_id.ANSWERED, occasion.request_id or ""),
            **headers_of(self._error, STATUS, method=method),
            **cors.permission(fields.get(b"origin"), self._origins),
        }
        head = [f"HTTP/1.1 {STATUS.value} {STATUS.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*head, "", ""]).encode("latin-1") + (b"" if method == "HEAD" else body)

    def _log(self, fields: dict[str, object]) -> None:
        now = time.monotonic()
        if now - self._said_at >= EVERY:
            self._said_at = now
            logs.error(self._error, self._error, {**fields}, stack=False)
        logs.access({**fields, "code": self._error.code})


def _body_length(fields: dict[bytes, str]) -> int | None:
    """Return the octets of the body; ``None`` when the head alone does not tell."""
    if b"transfer-encoding" in fields or b"expect" in fields:
        return None
    length = fields.get(b"content-length", "0")
    return int(length) if _LENGTH.fullmatch(length) else None
