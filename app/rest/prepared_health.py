"""The response to ``GET /healthz``, kept from an earlier request: Flask processes only the first health check.

That holds while no code of a fork observes requests: hooks, view and classes are those that ``rest.register``
installed, and ``rest.dispatch`` does not pass requests to Flask's ``wsgi_app``. ``rest.middleware`` is around it:
request ID, access log, metrics and CORS are as usual. Flask processes a request with an unusual header field.
"""

from typing import TYPE_CHECKING, Any, Final

from flask import Flask

from app.rest import dispatch
from app.rest.hooks import well_formed
from app.rest.request import client_of
from app.rest.wsgi_response import Answer, Fields

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PATH: Final = "/healthz"
ENDPOINT: Final = "health.get_health"
BLUEPRINT: Final = "health"
_OF_SERVERS: Final = (
    "PATH_INFO QUERY_STRING RAW_URI REMOTE_ADDR REMOTE_PORT REQUEST_METHOD SCRIPT_NAME SERVER_NAME SERVER_PORT"
    " SERVER_PROTOCOL SERVER_SOFTWARE app.held gunicorn.socket wsgi.early_hints wsgi.errors wsgi.file_wrapper"
    " wsgi.input wsgi.input_terminated wsgi.multiprocess wsgi.multithread wsgi.run_once wsgi.url_scheme wsgi.version"
)
_OF_CLIENTS: Final = (
    "HTTP_ACCEPT HTTP_ACCEPT_ENCODING HTTP_ACCEPT_LANGUAGE HTTP_CONNECTION HTTP_HOST HTTP_ORIGIN HTTP_REQUEST_ID"
    " HTTP_TRACEPARENT HTTP_USER_AGENT HTTP_X_FORWARDED_FOR HTTP_X_FORWARDED_PROTO HTTP_X_REAL_IP HTTP_X_REQUEST_ID"
    " HTTP_X_TRACE_ID"
)
USUAL: Final = frozenset(f"{_OF_SERVERS} {_OF_CLIENTS}".split())
"""Keys of the environment on which Flask's response does not depend; that of Host is checked."""
FUNCTIONS: Final = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors")


class PreparedHealth:
    """The kept response of an application."""

    def __init__(self, app: Flask) -> None:
        """Store the hooks, which are those of the service: ``rest.register`` has just installed them."""
        self._app, self._own = app, observers(app, BLUEPRINT)
        self._kept: tuple[str, Fields, str, list[bytes]] | None = None

    def fits(self, environ: "WSGIEnvironment") -> bool:
        """Return True if the response to a request for PATH can be kept, and code of a fork would not miss it."""
        return (
            environ["REQUEST_METHOD"] == "GET"
            and environ.get("RAW_URI") == PATH
            and environ.keys() <= USUAL
            and well_formed.is_authority(environ.get("HTTP_HOST", "//"))
            and dispatch.is_plain(self._app)
            and not dispatch.depends_on_host(self._app, environ)
            and observers(self._app, BLUEPRINT) == self._own
        )

    def keep(self, answer: Answer, body: Any) -> None:
        """Keep a response."""
        if self._kept is None and answer.endpoint == ENDPOINT and answer.status == "200 OK" and type(body) is list:
            self._kept = answer.status, [*answer.fields], answer.route, [*body]

    def answer(self, answer: Answer) -> list[bytes] | None:
        """Complete the answer, and return the body, if a response was kept."""
        if self._kept is None:
            return None
        answer.status, fields, answer.route, body = self._kept
        answer.fields, answer.endpoint = [*fields], ENDPOINT
        answer.client = client_of(answer.environ, self._app.config) if self._app.config["LOG_CLIENT"] else None
        return [*body]


def observers(app: Flask, *blueprints: str) -> list[Any]:
    """Return a copy of everything that processes or observes a request for a view of these blueprints."""
    functions = [[*getattr(app, name).get(place, ())] for name in FUNCTIONS for place in (None, *blueprints)]
    classes = [app.request_class, app.response_class, type(app.json), type(app.session_interface)]
    return [*functions, [*app.teardown_appcontext_funcs], app.view_functions.get(ENDPOINT), *classes]
