"""The names of gunicorn that are private, or undocumented, and that the service's workers need.

`tests/unit/serving/test_gunicorn_private.py` fails if a new version of gunicorn changes them.
"""

from typing import Any, Final

from gunicorn.config import PostRequest
from gunicorn.http import wsgi
from gunicorn.http.unreader import Unreader
from gunicorn.workers import gthread

DEFER: Final[object] = gthread._DEFER  # noqa: SLF001 -- here only
"""The result of ``handle`` for a new connection on which nothing was received."""
TConn: Final[Any] = gthread.TConn
"""A connection of gunicorn's threaded worker."""
ThreadWorker: Final[Any] = gthread.ThreadWorker
NO_POST_REQUEST: Final[Any] = PostRequest.post_request
"""gunicorn's default of the ``post_request`` hook, which does nothing."""


class Incomplete(Exception):
    """The parser needs more bytes than it got."""


class ReceivedBytes(Unreader):  # type: ignore[misc]  # gunicorn is untyped
    """A source for gunicorn's parser that has only the received bytes."""

    sock = None

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.unread(data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Raise, because there are no more bytes."""
        raise Incomplete

    @property
    def left(self) -> int:
        """The number of bytes that were not parsed."""
        return len(self.buf.getvalue())


def send_early_hints(request: Any, sock: Any, response: Any, fields: Any) -> None:
    """Send 103 as ``wsgi.early_hints`` of gunicorn does, unless the response has started."""
    wsgi._make_early_hints_callback(request, sock, response)(fields)  # noqa: SLF001 -- as above
