"""The answer to whoever would wait too long for a thread (C23a): 503, before any work is done for the request.

Not a hook: it is written to the socket by hand, because getting through server and application is most of what a
request costs, and what is saved on the refused is there for the others.
"""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from app import context
from app.errs.platform import ServiceUnavailable
from app.observability import logs, metrics
from app.rest import early_errors
from app.rest.errors import instance_of
from app.rest.mounting import Mount

EVERY: Final = 1.0
"""Seconds between two error lines: each refusal has its access line, and all of one second the same cause."""
_PLAIN: Final = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!\"$->@-~]*)(?:\?[!-\"$-~]*)? HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)
"""A head that leaves no doubt (RFC 9112, sections 3 and 5); whatever else is sent waits for the parser's judgement."""
_FIELD: Final = re.compile(rb"([^:]+):[\t ]*(.*?)[\t ]*\r\n")
_ALONE: Final = ("HOST", "CONTENT-LENGTH")
_LENGTH: Final = re.compile(r"[0-9]{1,7}")


class Overload:
    """Refuses requests in the words of an application. For one thread."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config, self._mount = config, Mount(config)
        self._error = ServiceUnavailable(detail="more wait for a thread than can be served in time", retry_after=1)
        self._logged_at = float("-inf")

    def reject(self, received: bytes, *, may_follow: bool, waited: float = 0.0, peer: str = "") -> tuple[bytes, int]:
        """Return the answer to the request that these bytes begin with, and how many of them are that request.

        The number is 0 where the connection is to be closed, and there is no answer to what is no plain request.

        Args:
            received: what has been received.
            may_follow: whether the connection may be kept for another request.
            waited: for how many seconds the request has.
            peer: the address of whoever has connected; empty on a unix socket.
        """
        found = _PLAIN.match(received)
        sent = (
            [(name.upper().decode(), value.decode("latin-1")) for name, value in _FIELD.findall(found[3])]
            if found
            else []
        )
        fields = dict(sent)
        if found is None or "HOST" not in fields or any(sum(name == each for name, _ in sent) > 1 for each in _ALONE):
            return b"", 0
        body = _body_length(fields)
        is_kept = may_follow and body is not None and found.end() + body <= len(received)
        is_kept = is_kept and "close" not in fields.get("CONNECTION", "").lower()
        method, path = found[1].decode(), unquote(found[2].decode())
        seen = early_errors.RawRequest(method=method, path=path, fields=fields, peer=peer, seconds=waited)
        self._log(seen)
        metrics.LOAD_SHED.labels("request_queue").inc()
        instance = instance_of(self._mount.public(seen.path or ""))
        answer = early_errors.response_bytes(self._error, seen, self._config, instance=instance, is_kept=is_kept)
        return answer, found.end() + (body or 0) if is_kept else 0

    def _log(self, request: early_errors.RawRequest) -> None:
        now, fields = time.monotonic(), request.logged(HTTPStatus.SERVICE_UNAVAILABLE, self._config)
        token = context.request_id.set(request.request_id)
        if now - self._logged_at >= EVERY:
            self._logged_at = now
            logs.error(self._error, self._error, {**fields}, stack=False)
        logs.access({**fields, "code": self._error.code})
        context.request_id.reset(token)


def _body_length(fields: dict[str, str]) -> int | None:
    """Return the octets of the body; ``None`` when the head alone does not tell."""
    if "TRANSFER-ENCODING" in fields or "EXPECT" in fields:
        return None
    length = fields.get("CONTENT-LENGTH", "0")
    return int(length) if _LENGTH.fullmatch(length) else None
