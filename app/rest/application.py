"""The Flask application, with the request class of this service and one log entry per unexpected exception."""

import logging
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from app.rest import dispatch, errors, known_routes
from app.rest.hooks import special_targets
from app.rest.request import Request, current

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ExcInfo = tuple[type, BaseException, TracebackType] | tuple[None, None, None]


class Application(Flask):
    """A Flask application. Register hooks, error handlers and blueprints as Flask's documentation describes."""

    request_class = Request
    url_map_class = known_routes.RouteMap

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config["PROPAGATE_EXCEPTIONS"] = False

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Process a request as Flask does, faster if the application has no receivers of signals and no overrides."""
        if dispatch.is_plain(self):
            return dispatch.answer(self, environ, start_response)
        return super().wsgi_app(environ, start_response)

    def make_default_options_response(self) -> Response:
        """Return 204 to OPTIONS, with the methods and media types of the path, unless the view handles it."""
        return special_targets.options(self, current())

    def log_exception(self, exc_info: ExcInfo) -> None:
        """Log an exception that no error handler handled, with its causes and the request ID. Flask calls this.

        Handlers of ``app.logger``, such as an ``SMTPHandler``, get the record that Flask writes.
        """
        if exc_info[1] is not None:
            errors.report_unexpected(exc_info[1])
        propagates = "Exception on %s [%s]"
        record = self.logger.makeRecord(
            self.logger.name, logging.ERROR, __file__, 0, propagates, (request.path, request.method), exc_info
        )
        for handler in self.logger.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
