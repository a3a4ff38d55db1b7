"""A worker that processes requests from received bytes: plain ones directly, all others as gunicorn does."""

import errno
import os
import threading
import time
from io import BytesIO
from typing import Any, Final

from gunicorn import util
from gunicorn.http import wsgi

from app.resilience import deadline, draining
from deploy.serving import gunicorn_private
from deploy.serving.connection_state import REJECTED, Framing, Incoming
from deploy.serving.gunicorn_logger import Logger
from deploy.serving.plain_request import PlainRequest
from deploy.serving.plain_response import Reply
from deploy.serving.request_body import ChunkedReader
from deploy.serving.request_parser import Request, close_while_draining
from deploy.serving.worker import Worker

GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN})
"""Errors of a client that has closed."""
_PER_REQUEST: Final = frozenset(
    {"wsgi.input", "wsgi.early_hints", "REQUEST_METHOD", "QUERY_STRING", "RAW_URI", "PATH_INFO"}
)


class Connection:
    """A connection, its received bytes, and the part of the environment that all its requests share."""

    __slots__ = ("again", "base", "began_at", "environ", "fd", "has_end", "incoming", "lock", "since")

    def __init__(self, base: Any, incoming: Incoming) -> None:
        self.base: Final = base
        """The same connection for gunicorn's own methods."""
        self.fd: Final[int] = base.sock.fileno()
        self.incoming: Final = incoming
        self.lock: Final = threading.Lock()
        self.again = self.has_end = False
        """True if more can be received; if the client has closed its side."""
        self.environ: dict[str, Any] | None = None
        self.since = time.monotonic()
        """When it began to wait for a request."""
        self.began_at: float | None = None
        """When the head of a request with an incomplete body had arrived."""

    def begin(self) -> float | None:
        """Return ``began_at`` of a request that is about to be processed, and forget it."""
        began_at, self.began_at = self.began_at, None
        return began_at


class DirectWorker(Worker):
    """Processes complete requests of its connections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._conns: dict[int, Connection] = {}
        self._bodies: dict[Connection, None] = {}
        """Connections with incomplete bodies."""

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Process a request that is not plain, as the base class does."""
        if self._is_crowded:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def _answer(self, conn: Connection) -> bool:
        """Process a complete request."""
        began_at, plain = conn.begin(), conn.incoming.plain
        if began_at is not None:
            self._bodies.pop(conn, None)
            deadline.began_at.set(began_at)
        try:
            is_kept = self._answer_strictly(conn) if plain is None else self._answer_plain(conn, plain)
        finally:
            if began_at is not None:
                deadline.began_at.set(None)
        conn.since = time.monotonic()
        return is_kept

    def _answer_plain(self, conn: Connection, request: PlainRequest) -> bool:
        """Process a plain request; the steps are those of the base class's ``handle_request``."""
        sock = conn.base.sock
        reply = Reply(request, sock, self.cfg)
        try:
            environ = self._environ(conn, request)
            environ["wsgi.early_hints"] = reply.early_hints
            self.nr += 1
            if self.nr >= self.max_requests and self.alive:
                self.log.info("Autorestarting worker after current request.")
                self.alive = False
            request.must_close = not self.alive or not self.cfg.keepalive or self._is_crowded or draining.has_begun()
            body = self.wsgi(environ, reply.start)
            try:
                is_kept = reply.send(body)
            finally:
                if hasattr(body, "close"):
                    body.close()
        except OSError as fault:
            if fault.errno not in GONE:
                self.log.exception("Socket error processing request.")
            return False
        except BaseException as fault:  # also the SystemExit of a handler
            if reply.headers_sent:
                self.log.exception("Error handling request")
            else:
                self.handle_error(request, sock, conn.base.client, fault)
            return False
        conn.incoming.drop()
        return is_kept

    def _answer_strictly(self, conn: Connection) -> bool:
        """Process a request with gunicorn's parser and its own loop, which may wait for the rest of it."""
        base = conn.base
        base.parser, base.initialized, base.data_ready = None, False, True
        base.init()
        base.parser.unreader.unread(conn.incoming.data)
        if self.handle(base) is not True:
            return False
        base.sock.setblocking(False)
        conn.again = True
        conn.incoming.restart(base.parser.unreader.take_buffered())
        return True

    def _environ(self, conn: Connection, request: PlainRequest) -> dict[str, Any]:
        """Return the environment of a plain request, equal to that of ``wsgi.create``."""
        base = conn.base
        if conn.environ is None:
            _, environ = wsgi.create(request, base.sock, base.client, base.server, self.cfg)
            conn.environ = {
                key: value
                for key, value in environ.items()
                if key not in _PER_REQUEST and not key.startswith(("HTTP_", "CONTENT_"))
            }
            conn.environ["wsgi.multithread"] = True
        environ = conn.environ.copy()
        environ.update(request.fields)
        path = request.path
        environ["REQUEST_METHOD"], environ["RAW_URI"], environ["QUERY_STRING"] = (
            request.method,
            request.uri,
            request.query,
        )
        environ["PATH_INFO"] = util.unquote_to_wsgi_str(path) if "%" in path else path
        environ["wsgi.input"] = BytesIO(conn.incoming.body())
        if isinstance(base.server, str):
            environ["SERVER_NAME"], environ["SERVER_PORT"] = _server(base.server, request.fields["HTTP_HOST"])
        return environ

    @property
    def _is_crowded(self) -> bool:
        """True if no further connection can be kept."""
        return len(self._conns) > int(self.max_keepalived)

    def _examine(self, data: bytes) -> Framing | None:
        """Return the framing of a request, according to gunicorn's parser; ``None`` if its head is incomplete."""
        source = gunicorn_private.ReceivedBytes(data)
        try:
            request = Request(self.cfg, source, ("", 0))
        except gunicorn_private.Incomplete:
            return None
        except Exception:  # it is raised again, and reported, when the request is processed
            return REJECTED
        reader, head = request.body.reader, len(data) - source.left
        length = None if isinstance(reader, ChunkedReader) else int(reader.length)
        return Framing(head, length, request.body.is_awaited)

    def _max_octets(self) -> int:
        """Return the maximum length of a plain head; 0 if the configuration needs gunicorn's own objects."""
        cfg = self.cfg
        is_ours = (
            cfg.pre_request is close_while_draining
            and cfg.post_request is gunicorn_private.NO_POST_REQUEST
            and type(self.log).access is Logger.access
            and "SCRIPT_NAME" not in os.environ
        )
        limits = [limit for limit in (cfg.limit_request_line, cfg.limit_request_field_size) if limit]
        return min([8190, *limits]) if is_ours else 0


def _server(path: str, host: str) -> tuple[str, str]:
    """Return the name and the port of a server on a Unix socket: gunicorn takes them from the Host field."""
    if ":" in path:
        name, port = path.split(":")[:2]
    elif host:
        name, port = [*host.split(":"), "80"][:2]
    else:
        name, port = path, ""
    return name, port
