"""Flask's contexts, with attributes that are made when they are read. Few requests read them."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.ctx import AppContext, RequestContext
from flask.sessions import SessionMixin
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class CheapRequestContext(RequestContext):
    """Flask's request context, with a URL adapter that is created on first use."""

    def __init__(self, app: Flask, environ: "WSGIEnvironment", request: Any = None, session: Any = None) -> None:
        if request is None:
            request = app.request_class(environ)
            request.json_module = app.json
        self.app, self.request = app, request
        if session is not None:
            self._session = session
        self.flashes = None
        self._after_request_functions = []
        self._cv_tokens = []
        self.is_plain = True

    @cached_property
    def _session(self) -> SessionMixin:  # type: ignore[override]  # an attribute there
        """The session, which Flask opens when the request begins; here also later, if it is always empty."""
        opening = self.app.session_interface
        session = opening.open_session(self.app, self.request)
        return opening.make_null_session(self.app) if session is None else session

    @cached_property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]  # an attribute there
        """The adapter for ``url_for``, or ``None`` if the host is not trusted, which ends the request."""
        try:
            return self.app.create_url_adapter(self.request)
        except HTTPException as error:
            self.request.routing_exception = error
            return None


class CheapAppContext(AppContext):
    """Flask's application context, with a URL adapter that is created on first use."""

    def __init__(self, app: Flask) -> None:
        self.app, self.g, self._cv_tokens = app, app.app_ctx_globals_class(), []

    @cached_property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]  # an attribute there
        """The adapter for ``url_for`` outside of a request."""
        return self.app.create_url_adapter(None)
