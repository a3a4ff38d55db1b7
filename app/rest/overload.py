"""Load shedding (C23a): a 503 for requests that would wait too long for a thread, before any processing.

Not a hook: the response is written to the socket directly. The server and the application are most of the cost of a
request, and this cost is saved for other requests.
"""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from app import request_context
from app.errs.platform import ServiceUnavailable
from app.observability import logs, metrics
from app.rest import early_errors
from app.rest.errors import instance_of
from app.rest.path_prefix import Mount

EVERY: Final = 1.0
"""Seconds between two error entries. Each rejected request has an access entry; those of one second share a cause."""
_PLAIN: Final = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!\"$->@-~]*)(?:\?[!-\"$-~]*)? HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)
"""An unambiguous request head (RFC 9112, sections 3 and 5). All other requests wait for the parser."""
_FIELD: Final = re.compile(rb"([^:]+):[\t ]*(.*?)[\t ]*\r\n")
_ALONE: Final = ("HOST", "CONTENT-LENGTH")
_LENGTH: Final = re.compile(r"[0-9]{1,7}")


class Overload:
    """Rejects requests with the problem documents of an application. Not thread-safe."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config, self._mount = config, Mount(config)
        self._error = ServiceUnavailable(
            detail="more requests wait for a thread than can be processed in time", retry_after=1
        )
        self._logged_at = float("-inf")

    def reject(self, received: bytes, *, may_follow: bool, waited: float = 0.0, peer: str = "") -> tuple[bytes, int]:
        """Return the response to the first request in these bytes, and the length of that request.

        The length is 0 if the connection must be closed. The response is empty if the bytes are not a plain request.

        Args:
            received: the received bytes.
            may_follow: true if the connection can be kept for another request.
            waited: the seconds for which the request has waited.
            peer: the address of the connected peer; empty on a Unix socket.
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
        token = request_context.request_id.set(request.request_id)
        if now - self._logged_at >= EVERY:
            self._logged_at = now
            logs.error(self._error, self._error, {**fields}, stack=False)
        logs.access({**fields, "code": self._error.code})
        request_context.request_id.reset(token)


def _body_length(fields: dict[str, str]) -> int | None:
    """Return the length of the body in bytes, or ``None`` if the head does not contain it."""
    if "TRANSFER-ENCODING" in fields or "EXPECT" in fields:
        return None
    length = fields.get("CONTENT-LENGTH", "0")
    return int(length) if _LENGTH.fullmatch(length) else None
