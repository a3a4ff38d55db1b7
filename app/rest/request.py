"""The request at hand, with what hooks and decorators find out about it for one another."""

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import flask
from limits import RateLimitItem

from app.observability.trail import Trail
from app.rest import operations
from app.wire import addresses

if TYPE_CHECKING:
    from app.errs import Violation

_WITHOUT_PREFIX: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


class Request(flask.Request):
    """A request, of which more is known the further it comes."""

    began: float
    trail: Trail
    body: Any = None
    """The JSON value that was sent."""
    asked: Mapping[str, Any] = {}
    """What the query says."""
    limits: tuple[tuple[RateLimitItem, int, int], ...] = ()
    """The limits that it counts against, with the requests left and the seconds until there are more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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

    @cached_property
    def client_address(self) -> str:
        """The address of the client, as far as our proxies are believed."""
        trusted = application().config["TRUSTED_PROXIES"]
        return addresses.client_address(self.remote_addr or "", self.sent("X-Forwarded-For") or "", trusted)


current: Final = cast("Callable[[], Request]", flask.request._get_current_object)  # type: ignore[attr-defined]  # noqa: SLF001 -- public, says Werkzeug
"""Returns the request itself, which costs less to ask than Flask's stand-in for whichever is at hand."""
application: Final = cast("Callable[[], flask.Flask]", flask.current_app._get_current_object)  # type: ignore[attr-defined]  # noqa: SLF001 -- as above
"""Returns the application that it has come to."""


@cache
def _key(name: str) -> str:
    """Return what a header field is called in the environment (RFC 3875, section 4.1.18)."""
    key = name.upper().replace("-", "_")
    return key if key in _WITHOUT_PREFIX else f"HTTP_{key}"
