"""Measures every request, around the whole chain: not a hook of Flask's, since whatever happens inside must count."""

from collections.abc import Callable, Iterable
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from app.observability import metrics
from app.rest.application import Application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DEGRADED: Final = "Degraded"
Fields = list[tuple[str, str]]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None
Write = Callable[[bytes], Any]


def install(app: Application) -> None:
    """Install the meter."""
    metrics.begin()
    app.wsgi_app = Meter(app.wsgi_app)  # type: ignore[method-assign]  # as Flask's documentation says


class Meter:
    """Hands requests to the application; what that does not answer is measured by who does."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, and measure how long that took."""
        began, status, route = perf_counter(), "", metrics.UNMATCHED

        def note(line: str, headers: Fields, exc_info: ExcInfo = None) -> Write:
            nonlocal status, route
            status, route = line[:3], _route(environ)
            for name, value in headers:
                if name == DEGRADED:
                    for each in value.split(", "):
                        metrics.DEGRADED.labels(each.partition(";")[0]).inc()
            return start_response(line, headers, exc_info)

        metrics.IN_FLIGHT.inc()
        try:
            body = self._app(environ, note)
        finally:
            metrics.IN_FLIGHT.dec()
        metrics.request(environ["REQUEST_METHOD"], route, status, perf_counter() - began)
        return body


def _route(environ: "WSGIEnvironment") -> str:
    """Return the pattern that the path matches; the request forgets it when it is over."""
    rule = environ["werkzeug.request"].url_rule
    return rule.rule if rule else metrics.UNMATCHED
