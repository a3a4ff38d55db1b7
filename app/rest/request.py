"""The current request, with attributes that hooks and decorators set for each other."""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import IO, TYPE_CHECKING, Any, Final, cast

import flask
from flask.globals import _cv_app, _cv_request
from flask_limiter import RequestLimit
from werkzeug import wsgi
from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream, get_input_stream

from app.library_versions import is_compared
from app.observability.batch_log import BatchResult
from app.rest import operations
from app.wire import client_addresses

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from app.errs import Violation

KEY: Final = "app.request"
"""The key of the request in the environment, until ``rest.middleware`` has finished. Flask removes it earlier."""
HELD: Final = "app.held"
"""The key that marks the environment of a request inside the middleware, which resets the context variables."""
IS_COMPARED: Final = is_compared("werkzeug")
_WITHOUT_PREFIX: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


class Request(flask.Request):
    """A request. Hooks and decorators set its attributes during processing."""

    body: Any = None
    """The JSON value of the body."""
    fit_body: Any = None
    """The same, if no text in it has an unfit character; see ``app.wire.invalid_text``."""
    listing: Mapping[str, Any] = {}
    """The decoded query."""
    shared_code: str | None = None
    """The code of an error that shares a log entry with others."""
    batch: BatchResult | None = None
    """The result of a batch."""
    is_simulated: bool = False
    """True if the caller requested its error with a simulation."""
    limits: tuple[RequestLimit, ...] = ()
    """The limits that it counts against."""

    def __init__(self, environ: "WSGIEnvironment", populate_request: bool = True, shallow: bool = False) -> None:
        """Set the attributes that Werkzeug's constructor sets, except those below, in a third of its time."""
        if not IS_COMPARED:
            super().__init__(environ, populate_request, shallow)
        else:
            self.environ, self.shallow = environ, shallow
            self.method = environ.get("REQUEST_METHOD", "GET").upper()
            self.scheme = environ.get("wsgi.url_scheme", "http")
            self.root_path = _decoded(environ.get("SCRIPT_NAME")).rstrip("/")
            self.path = "/" + _decoded(environ.get("PATH_INFO")).lstrip("/")
            self.query_string = environ.get("QUERY_STRING", "").encode("latin1")
            self.remote_addr = environ.get("REMOTE_ADDR")
            if populate_request and not shallow:
                environ["werkzeug.request"] = self
        environ[KEY] = self
        self.before: tuple[object, ...] | None = None
        """The values of context variables before the hooks, or ``None`` if the middleware resets them."""
        self.violations: list[Violation] = []
        """The collected violations, until the whole request is decoded."""

    @cached_property
    def server(self) -> tuple[str, int | None] | None:  # type: ignore[override]  # an attribute there
        """The address of the server."""
        return wsgi._get_server(self.environ)  # noqa: SLF001 -- as Werkzeug's constructor does

    @cached_property
    def headers(self) -> EnvironHeaders:  # type: ignore[override]  # an attribute there
        """The header fields."""
        return EnvironHeaders(self.environ)

    @property
    def blueprints(self) -> list[str]:
        """The blueprint of the route, and those that it is nested in, as in Flask."""
        rule = self.url_rule
        return [] if rule is None else _blueprints(rule.endpoint)

    def close(self) -> None:
        """Close uploaded files, as in Werkzeug."""
        if "files" in self.__dict__:
            super().close()

    def sent(self, name: str) -> str | None:
        """Return a header field directly from the environment."""
        found: str | None = self.environ.get(_key(name))
        return found

    @cached_property
    def operation(self) -> operations.Operation | None:
        """The requested operation, or ``None`` if no route matches."""
        if self.url_rule is None:
            return None
        method = "GET" if self.method == "HEAD" else self.method
        return operations.table(application()).get((self.url_rule.endpoint, method))

    @property
    def is_dispatched(self) -> bool:
        """True if a view will run: a route matches, and it is not an automatic OPTIONS response."""
        rule = self.url_rule
        is_automatic = self.method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)
        return rule is not None and not is_automatic

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body as in Flask. A chunked body larger than MAX_CONTENT_LENGTH is rejected, not truncated."""
        limit = self.max_content_length
        if limit is None or self.content_length is not None or "wsgi.input_terminated" not in self.environ:
            return get_input_stream(self.environ, max_content_length=limit)
        return cast("IO[bytes]", _Chunked(self.environ["wsgi.input"], limit))

    @cached_property
    def client_address(self) -> str:
        """The address of the client, as reported by trusted proxies."""
        return client_of(self.environ, application().config)

    @property
    def counted_address(self) -> str:
        """The address of the client for a rate limit."""
        return client_addresses.counted(self.client_address, *_origin(self.environ, application().config))

    @property
    def logged_client(self) -> str | None:
        """The address of the client for a log entry, or ``None`` if LOG_CLIENT is off.

        It is also ``None`` without an application context, for a response that starts after its end.
        """
        if _cv_app.get(None) is None:
            return None
        return self.client_address if application().config["LOG_CLIENT"] else None


def client_of(environ: "WSGIEnvironment", config: Mapping[str, Any]) -> str:
    """Return the address of the client of a request, as reported by trusted proxies."""
    return client_addresses.client_address(*_origin(environ, config))


def _origin(
    environ: "WSGIEnvironment", config: Mapping[str, Any]
) -> tuple[str, str, Sequence[client_addresses.Network]]:
    """Return the peer, X-Forwarded-For, and the trusted proxies."""
    return environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), config["TRUSTED_PROXIES"]


class _Chunked(LimitedStream):
    """A body of unknown length. Werkzeug's stream ends at the limit like at the end of the body (3.1.9)."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit + 1, is_max=True)

    def readinto(self, buffer: Any) -> int | None:
        """Read into the buffer.

        Raises:
            RequestEntityTooLarge: the body is larger than the limit.
        """
        size = super().readinto(buffer)
        if self.is_exhausted:
            raise RequestEntityTooLarge
        return size


def current() -> Request:
    """Return the current request object. Flask's proxy for it is several times slower.

    Raises:
        RuntimeError: there is no request, with Flask's message.
    """
    try:
        request: Request = _cv_request.get().request  # type: ignore[assignment]  # of the application's class
    except LookupError:
        request = flask.request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 -- public in Werkzeug
    return request


def application() -> flask.Flask:
    """Return the current application object, as above.

    Raises:
        RuntimeError: there is no application, with Flask's message.
    """
    try:
        return _cv_app.get().app
    except LookupError:
        return cast("flask.Flask", flask.current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 -- as above


def _decoded(text: str | None) -> str:
    """Return the characters of a text in the environment, each of which stands for a byte (PEP 3333)."""
    return "" if text is None else text if text.isascii() else text.encode("latin1").decode(errors="replace")


@lru_cache(1024)
def _blueprints(endpoint: str) -> list[str]:
    """Return the names of blueprints in an endpoint, innermost first."""
    name = endpoint.rpartition(".")[0]
    return [name, *_blueprints(name)] if name else []


@lru_cache(256)
def _key(name: str) -> str:
    """Return the name of a header field in the environment (RFC 3875, section 4.1.18)."""
    key = name.upper().replace("-", "_")
    return key if key in _WITHOUT_PREFIX else f"HTTP_{key}"
