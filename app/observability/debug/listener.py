"""The server of the debug listener, on loopback."""

import hmac
import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

from app import product
from app.observability.debug import flame_graph, profile, stacks

HEADER: Final = "X-Debug-Token"
LONGEST: Final = 60
USUAL: Final = 5
TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
INDEX: Final = """\
/debug/stacks                      the stack of each thread, and its request
/debug/profile?seconds=5           a flame graph of 1 to 60 seconds; &format=speedscope or &format=collapsed
/debug/vars                        pool, breakers, slots, limiter, log, build
"""
Answer = tuple[HTTPStatus, str, str]
"""Status, media type, body."""


class Listener:
    """Responds on 127.0.0.1 to clients with the token."""

    def __init__(self, *, port: int, token: str, variables: Callable[[], Mapping[str, object]]) -> None:
        """Bind the port.

        Raises:
            OSError: the port is in use.
        """
        profiling = threading.Lock()

        class Handler(_Handler):
            def _answer_to(self, path: str, query: Mapping[str, list[str]]) -> Answer:
                match path:
                    case "/debug/":
                        return HTTPStatus.OK, TEXT, INDEX
                    case "/debug/stacks":
                        return HTTPStatus.OK, TEXT, stacks.report()
                    case "/debug/vars":
                        return HTTPStatus.OK, JSON, json.dumps(variables(), indent=1, default=str) + "\n"
                    case "/debug/profile":
                        return _profiled(profiling, query)
                return HTTPStatus.NOT_FOUND, TEXT, INDEX

        Handler.token = token.encode()
        self._server = _Server(("127.0.0.1", port), Handler)
        self.port: Final[int] = self._server.server_address[1]

    def start(self) -> None:
        """Serve in threads that end with the process."""
        threading.Thread(target=self._server.serve_forever, name="debug", daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _profiled(profiling: threading.Lock, query: Mapping[str, list[str]]) -> Answer:
    """Return a profile; one at a time, because concurrent profiles would mostly record each other."""
    [seconds], [form] = query.get("seconds", [str(USUAL)])[:1], query.get("format", ["html"])[:1]
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 3 and 1 <= int(seconds) <= LONGEST):
        return HTTPStatus.BAD_REQUEST, TEXT, f"seconds must be an integer between 1 and {LONGEST}\n"
    if form not in {"html", "speedscope", "collapsed"}:
        return HTTPStatus.BAD_REQUEST, TEXT, "format must be html, speedscope or collapsed\n"
    if not profiling.acquire(blocking=False):
        return HTTPStatus.CONFLICT, TEXT, "another profile is being taken\n"
    try:
        taken = profile.taken(int(seconds))
    finally:
        profiling.release()
    if form == "speedscope":
        return HTTPStatus.OK, JSON, json.dumps(taken.speedscope())
    if form == "collapsed":
        return HTTPStatus.OK, TEXT, taken.collapsed()
    return HTTPStatus.OK, HTML, flame_graph.page(taken)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Bind without a DNS query for the local host name."""
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore disconnected clients; the log is for the service's own work."""


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    token = b""

    def do_GET(self) -> None:
        """Respond if the client has the token."""
        if not hmac.compare_digest(self.headers.get(HEADER, "").encode("latin-1"), self.token):
            self._send(HTTPStatus.FORBIDDEN, TEXT, "")
            return
        parts = urlsplit(self.path)
        self._send(*self._answer_to(parts.path, parse_qs(parts.query, keep_blank_values=True)))

    def _answer_to(self, path: str, query: Mapping[str, list[str]]) -> Answer:
        raise NotImplementedError

    def _send(self, status: HTTPStatus, media_type: str, body: str) -> None:
        data = body.encode()
        self.send_response(status)
        fields = {
            "Content-Type": media_type,
            "Content-Length": str(len(data)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": flame_graph.POLICY,
        }
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Return an empty body instead of the base class's page, which quotes the request."""
        self._send(HTTPStatus(code), TEXT, "")

    def version_string(self) -> str:
        """Return the value of the ``Server`` field."""
        return product.SLUG

    def log_message(self, *_: object) -> None:
        """Log nothing."""
