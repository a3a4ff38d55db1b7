"""The server of ``GET /metrics``, on a separate port and in separate threads."""

import socket
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from app import product
from app.observability import metrics

PATH: Final = "/metrics"
MOST: Final = 8
"""The maximum number of concurrent requests; further connections are closed."""
BACKLOG: Final = 64
_LOG: Final = product.logger("metrics")


def serve(host: str, port: int, *, setting: str) -> None:
    """Serve this process's metrics. If the port cannot be bound, log a warning and continue without.

    Args:
        host: METRICS_HOST.
        port: the port; 0 for none.
        setting: the name of the port's setting.
    """
    if not port:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        exposition = MetricsServer(socket.create_server((host, port), family=family, backlog=BACKLOG), metrics.REGISTRY)
    except OSError as fault:
        _LOG.warning("no metrics are served on METRICS_HOST=%s %s=%d: %s", host, setting, port, fault.strerror)
        return
    threading.Thread(target=exposition.serve_forever, name="metrics", daemon=True).start()


class MetricsServer(ThreadingHTTPServer):
    """Serves metrics on an open socket."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, registry: CollectorRegistry) -> None:
        super().__init__(listener.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.metrics = registry
        self._places = threading.Semaphore(MOST)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle the request in a thread, unless there are too many."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle the request, then free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error; a client that disconnects is not an error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            _LOG.exception("metrics scrape failed")


class Handler(BaseHTTPRequestHandler):
    """Handles one request."""

    server: MetricsServer
    protocol_version = "HTTP/1.1"
    timeout = 5  # seconds for a client to send its request and to read the response

    def do_GET(self) -> None:
        """Return the metrics as text or OpenMetrics."""
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        encode, media_type = _encoder(self.headers.get("Accept") or "")
        self._respond(HTTPStatus.OK, media_type, encode(self.server.metrics))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Return a short text instead of the base class's HTML page; 501 for an unknown method becomes 405."""
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        self._respond(status, "text/plain; charset=utf-8", f"{status.phrase}: use GET {PATH}.\n".encode())

    def version_string(self) -> str:
        """Return the value of the ``Server`` field, without a version (C4)."""
        return product.SLUG

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Log nothing about scrapes."""

    def _respond(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return the preferred encoder of Accept; text if the library cannot parse it (a version that is not a number,
    0.26).
    """
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        return choose_encoder("")
