"""The Flask application: its hooks are handed the request, and it looks for nothing that this house does not have.

There are no sessions, coroutines, subdomains or redirects here; what Flask does about them for each request is left
out. Hooks that are registered with Flask itself are called inside of ours, and ``after_this_request`` where there are
any of those.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from flask import Flask, Response, request_tearing_down
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter, Rule

from app.rest.request import Request, current

Before = Callable[[Request], Response | None]
After = Callable[[Request, Response], Response]
End = Callable[[], None]


class Sessionless(SessionInterface):
    """There is no session."""

    _NONE: Final = NullSession()

    def open_session(self, app: Flask, request: Any) -> NullSession:
        """Return what cannot be written to."""
        return self._NONE


class Application(Flask):
    """Flask, with hooks that stand around its own ones."""

    request_class = Request
    session_interface = Sessionless()
    recover: Callable[[Exception], Response]
    """Answers whatever is raised."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.befores: list[Before] = []
        self.afters: list[After] = []
        self.ends: list[End] = []

    def hook(self, *, before: Before | None = None, after: After | None = None, end: End | None = None) -> None:
        """Install a hook, inside those that are there.

        Args:
            before: called on the way in; what it answers is the answer.
            after: called on the way out, with the answer of those inside it.
            end: called when all is over, whatever has happened.
        """
        if before:
            self.befores.append(before)
        if after:
            self.afters.insert(0, after)
        if end:
            self.ends.insert(0, end)

    def preprocess_request(self) -> Any:
        """Call the hooks, then Flask's own, if there are any."""
        request = current()
        for before in self.befores:
            answered = before(request)
            if answered is not None:
                return answered
        return super().preprocess_request() if any(self.before_request_funcs.values()) else None

    def process_response(self, response: Response) -> Response:
        """Call Flask's own hooks, if there are any, then ours."""
        if any(self.after_request_funcs.values()):
            response = super().process_response(response)
        request = current()
        for after in self.afters:
            response = after(request, response)
        return response

    def dispatch_request(self) -> Any:
        """Call the handler; that there is one, and that it is not asked for OPTIONS, a hook has seen to."""
        request = current()
        rule = cast("Rule", request.url_rule)
        return self.view_functions[rule.endpoint](**cast("dict[str, Any]", request.view_args))

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call Flask's own hooks, if there are any, and in any case ours."""
        try:
            if any(self.teardown_request_funcs.values()) or request_tearing_down.receivers:
                super().do_teardown_request(exc)
        finally:
            for end in self.ends:
                end()

    def make_response(self, rv: Any) -> Response:
        """Return a finished response as it is."""
        return rv if isinstance(rv, Response) else super().make_response(rv)

    def handle_user_exception(self, e: Exception) -> Response:
        """Answer it."""
        return self.recover(e)

    def create_url_adapter(self, request: Any) -> MapAdapter | None:
        """Return what finds the route: by path and method, whatever the host."""
        return (
            None
            if request is None
            else MapAdapter(
                self.url_map,
                server_name="",
                script_name=request.root_path,
                subdomain="",
                url_scheme=request.scheme,
                path_info=request.path,
                default_method=request.method,
            )
        )

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is."""
        return func
