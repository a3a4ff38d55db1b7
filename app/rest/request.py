"""The request at hand, with what hooks and decorators find out about it for one another."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import IO, TYPE_CHECKING, Any, Final, cast

import flask
from flask.globals import _cv_app, _cv_request
from flask_limiter import RequestLimit
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream, get_input_stream

from app.observability.batches import BatchResult
from app.rest import operations
from app.wire import client_addresses

if TYPE_CHECKING:
    from app.errs import Violation

KEY: Final = "app.request"
"""Where the environment has the request until ``rest.middleware`` has answered; Flask forgets it earlier."""
HELD: Final = "app.held"
"""Is in the environment of a request that has the middleware around it, which resets the context variables."""
_WITHOUT_PREFIX: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


class Request(flask.Request):
    """A request, of which more is known the further it comes."""

    body: Any = None
    """The JSON value that was sent."""
    fit_body: Any = None
    """The same, if no text in it has an unfit character; see ``app.wire.invalid_text``."""
    listing: Mapping[str, Any] = {}
    """What the query says."""
    shared_code: str | None = None
    """The code of an error that shares a log entry with others."""
    batch: BatchResult | None = None
    """The outcome, where several items are created at once."""
    is_simulated: bool = False
    """Whether its error is one that the caller has asked for."""
    limits: tuple[RequestLimit, ...] = ()
    """The limits that it counts against."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.environ[KEY] = self
        self.before: tuple[object, ...] | None = None
        """The values that context variables had before the hooks; ``None`` where the middleware resets them."""
        self.violations: list[Violation] = []
        """What is wrong with it, until all of it is decoded."""

    def sent(self, name: str) -> str | None:
        """Return a header field, straight from where the server has put it."""
        found: str | None = self.environ.get(_key(name))
        return found

    @cached_property
    def operation(self) -> operations.Operation | None:
        """The operation that it asks for; ``None`` when no route matches."""
        if self.url_rule is None:
            return None
        method = "GET" if self.method == "HEAD" else self.method
        return operations.table(application()).get((self.url_rule.endpoint, method))

    @property
    def is_dispatched(self) -> bool:
        """Tell whether a view will run: a route matches, and Flask does not answer OPTIONS by itself."""
        rule = self.url_rule
        is_automatic = self.method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)
        return rule is not None and not is_automatic

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, as Flask has it; a chunked one that is larger than MAX_CONTENT_LENGTH is rejected, not cut off."""
        limit = self.max_content_length
        if limit is None or self.content_length is not None or "wsgi.input_terminated" not in self.environ:
            return get_input_stream(self.environ, max_content_length=limit)
        return cast("IO[bytes]", _Chunked(self.environ["wsgi.input"], limit))

    @cached_property
    def client_address(self) -> str:
        """The address of the client, as far as our proxies are believed."""
        trusted = application().config["TRUSTED_PROXIES"]
        return client_addresses.client_address(self.remote_addr or "", self.sent("X-Forwarded-For") or "", trusted)

    @property
    def logged_client(self) -> str | None:
        """The address of the client for a log entry; ``None`` where the operator does not want it there.

        It is ``None`` as well once the application's context is gone, for an answer that begins so late.
        """
        if _cv_app.get(None) is None:
            return None
        return self.client_address if application().config["LOG_CLIENT"] else None


class _Chunked(LimitedStream):
    """A body of unknown length. Werkzeug's own stream ends at the limit, as if the body did (3.1.9)."""

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
    """Return the current request itself; Flask's stand-in for it costs several times as much.

    Raises:
        RuntimeError: there is none, in Flask's words.
    """
    try:
        return cast("Request", _cv_request.get().request)
    except LookupError:
        return cast("Request", flask.request._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 -- public, says Werkzeug


def application() -> flask.Flask:
    """Return the current application itself, as above.

    Raises:
        RuntimeError: there is none, in Flask's words.
    """
    try:
        return _cv_app.get().app
    except LookupError:
        return cast("flask.Flask", flask.current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 -- as above


@lru_cache(256)
def _key(name: str) -> str:
    """Return what a header field is called in the environment (RFC 3875, section 4.1.18)."""
    key = name.upper().replace("-", "_")
    return key if key in _WITHOUT_PREFIX else f"HTTP_{key}"
