"""Support for instrumentation packages that are added to the application: Sentry SDK, OpenTelemetry.

Each is imported only if it is in use.
"""

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from flask import Flask

from app.observability import logs

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SPAN: Final = "opentelemetry-flask.span_key"
"""The key of the request's span in OpenTelemetry's instrumentation of Flask."""


def settle(app: Flask) -> None:
    """Adapt to the packages that are in use. Called once, at the first request."""
    if sentry := sys.modules.get("sentry_sdk.integrations.logging"):
        # Flask's signal sends exceptions. Log entries would add a second event for each, and one for each 503.
        sentry.ignore_logger(logs.ERRORS.name)
    if getattr(app, "_is_instrumented_by_opentelemetry", False):
        _trace_first(app)


def _trace_first(app: Any) -> None:
    """Run OpenTelemetry's hook before hooks that return responses (401, 429). Each request then has a span."""
    hooks: list[Any] = app.before_request_funcs.get(None, [])
    if app._before_request in hooks:  # noqa: SLF001 -- set by ``FlaskInstrumentor``
        hooks.remove(app._before_request)  # noqa: SLF001
        hooks.insert(0, app._before_request)  # noqa: SLF001


def note_answer(environ: "WSGIEnvironment", status: str, fields: list[tuple[str, str]]) -> None:
    """Add the response to the span while it is open. OpenTelemetry's wrapper around the middleware is too late."""
    add, mode = _noting()
    add(environ[SPAN], status, fields, None, mode)


@cache
def _noting() -> tuple[Any, Any]:
    semconv = import_module("opentelemetry.instrumentation._semconv")
    mode = semconv._OpenTelemetrySemanticConventionStability._get_opentelemetry_stability_opt_in_mode(  # noqa: SLF001
        semconv._OpenTelemetryStabilitySignalType.HTTP  # noqa: SLF001 -- the instrumentations have no other way
    )
    return import_module("opentelemetry.instrumentation.wsgi").add_response_attributes, mode
