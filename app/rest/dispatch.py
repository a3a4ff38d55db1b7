"""A faster equivalent of ``Flask.wsgi_app`` for applications without signal receivers and overridden methods.

For each request, Flask 3.1 makes a URL adapter, sends six signals and checks every function for being a coroutine.
Here the same functions run in the same order. If a signal has a receiver, or a method that this file replaces is
overridden or patched, Flask's ``wsgi_app`` processes the request (``is_plain``). So it does with other versions.
"""

from collections.abc import Callable, Iterable
from inspect import CO_COROUTINE
from operator import attrgetter
from types import FunctionType, MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, signals
from flask.ctx import AppContext, RequestContext
from flask.globals import _cv_app, _cv_request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import BadRequestKeyError, HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect, RoutingException

from app.library_versions import is_compared
from app.rest import known_routes
from app.rest.cheap_contexts import CheapAppContext, CheapRequestContext
from app.rest.request import current

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

METHODS: Final = (
    "app_context",
    "create_url_adapter",
    "dispatch_request",
    "do_teardown_appcontext",
    "do_teardown_request",
    "ensure_sync",
    "finalize_request",
    "full_dispatch_request",
    "handle_http_exception",
    "handle_user_exception",
    "make_response",
    "preprocess_request",
    "process_response",
    "raise_routing_exception",
    "request_context",
)
"""The methods of Flask that this module does not call."""
SIGNALS: Final = (
    signals.appcontext_popped,
    signals.appcontext_pushed,
    signals.appcontext_tearing_down,
    signals.request_finished,
    signals.request_started,
    signals.request_tearing_down,
)
"""The signals of Flask that this module does not send."""
ADAPTER: Final = "app-adapter"
PRESERVE: Final = "werkzeug.debug.preserve_context"
"""The key under which Flask's test client stores the function that receives the contexts of a request."""
_RECEIVERS: Final = tuple(signal.receivers for signal in SIGNALS)
_METHODS_OF: Final = attrgetter(*METHODS)
_OF_FLASK: Final = frozenset({"flask.app", "flask.ctx", "flask.sansio.app", "flask.sansio.scaffold"})


def _unpatched(methods: Iterable[Any]) -> tuple[Any, ...]:
    """Return methods as Flask defines them. A method that was patched before this import becomes ``None``."""
    return tuple(
        method if isinstance(method, FunctionType) and method.__globals__["__name__"] in _OF_FLASK else None
        for method in methods
    )


_CLASSES: Final = SimpleNamespace(Flask=Flask, request=RequestContext, app=AppContext)
_AROUND_OF: Final = attrgetter(
    *("Flask.wsgi_app", "request.__init__", "request.push", "request.pop", "request.match_request"),
    *("app.__init__", "app.push", "app.pop"),
)
"""The methods that call ``METHODS``, and the methods of Flask's contexts."""
_OWN: Final = _unpatched(_METHODS_OF(Flask))
_OWN_AROUND: Final = _unpatched(_AROUND_OF(_CLASSES))
IS_COMPARED: Final = is_compared("flask") and is_compared("werkzeug")
_MARK: Final = "_is_coroutine_mark"
"""The attribute that ``inspect.markcoroutinefunction`` sets, from Python 3.12."""


def is_plain(app: Flask) -> bool:
    """Return true if no code observes or replaces the steps of Flask that this module omits."""
    return IS_COMPARED and _cv_app.get(None) is None and _is_untouched(app)


def _is_untouched(app: Flask) -> bool:
    return (
        not (any(_RECEIVERS) and any(signal.has_receivers_for(app) for signal in SIGNALS))
        and _METHODS_OF(type(app)) == _OWN
        and app.__dict__.keys().isdisjoint(METHODS)
        and _AROUND_OF(_CLASSES) == _OWN_AROUND
    )


def answer(app: Flask, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Process a request as the ``wsgi_app`` of a WSGI application."""
    error: BaseException | None = None
    context, around = CheapRequestContext(app, environ), CheapAppContext(app)
    of_app, of_request = _cv_app.set(around), _cv_request.set(context)
    around._cv_tokens.append(of_app)  # noqa: SLF001 -- as ``push`` does, for code that pushes the contexts again
    context._cv_tokens.append((of_request, around))  # noqa: SLF001 -- as above
    try:
        try:
            response = _respond(app, context)
        except Exception as exc:
            error = exc
            response = app.handle_exception(exc)
        except BaseException as exc:
            error = exc
            raise
        return response(environ, start_response)
    finally:
        if PRESERVE in environ:
            environ[PRESERVE](around)
            environ[PRESERVE](context)
        if error is not None and app.should_ignore_error(error):
            error = None
        _end(app, context, error)


def _respond(app: Flask, context: CheapRequestContext) -> Response:
    """Return the response: ``RequestContext.push`` and ``Flask.full_dispatch_request`` with all calls."""
    request, opening = context.request, app.session_interface
    has_session = type(opening) is not SecureCookieSessionInterface or bool(app.secret_key)
    if has_session:
        context._session  # noqa: B018, SLF001 -- this opens it
    _match(app, context)
    app._got_first_request = True  # noqa: SLF001 -- Flask has no other way to close the setup
    try:
        returned = _before(app, request)
        if returned is None:
            returned = _called(app, request)
    except Exception as exc:
        returned = _handled(app, exc)
    context.is_plain = _is_untouched(app)
    if not context.is_plain:  # a hook or the view connected a receiver, or patched a method
        return app.finalize_request(returned)
    response: Any = returned if isinstance(returned, app.response_class) else app.make_response(returned)
    for function in context._after_request_functions:  # noqa: SLF001 -- those of after_this_request
        response = sync(app, function)(response)
    for name in (*request.blueprints, None):
        for function in reversed(app.after_request_funcs.get(name, ())):
            response = sync(app, function)(response)
    if has_session and not opening.is_null_session(context._session):  # noqa: SLF001 -- as Flask does
        opening.save_session(app, context._session, response)  # noqa: SLF001 -- as above
    return response  # type: ignore[no-any-return]


def _match(app: Flask, context: CheapRequestContext) -> None:
    """Find the route with an adapter that all requests share, unless the host matters or the result is a redirect."""
    request: Any = context.request
    environ = request.environ
    if environ["PATH_INFO"] and not depends_on_host(app, environ):
        adapter, path, method = _adapter(app), request.path, environ["REQUEST_METHOD"]
        routes = known_routes.of(adapter)
        if (found := routes.find(path, method)) is not None:
            request.url_rule, request.view_args = found
            return
        try:
            request.url_rule, request.view_args = adapter.match(path, method, return_rule=True)
            routes.learn(path, method, request.url_rule, request.view_args)
        except RequestRedirect:  # it contains the host
            context.match_request()
        except HTTPException as error:
            request.routing_exception = error
    elif context.url_adapter is not None:
        context.match_request()


def _adapter(app: Flask) -> MapAdapter:
    """Return the shared adapter, which is used only to find routes and ignores the host."""
    kept: MapAdapter | None = app.extensions.get(ADAPTER)
    if kept is None or kept.map is not app.url_map:
        kept = app.extensions[ADAPTER] = app.url_map.bind("", subdomain=app.url_map.default_subdomain)
    return kept


def depends_on_host(app: Flask, environ: "WSGIEnvironment") -> bool:
    """Return True if the route of a request can depend on its host."""
    return (
        app.url_map.host_matching
        or type(app.url_map) is not known_routes.RouteMap
        or app.subdomain_matching
        or "HTTP_UPGRADE" in environ
        or app.config["TRUSTED_HOSTS"] is not None
        or app.request_class.trusted_hosts is not None
    )


def _before(app: Flask, request: Any) -> Any:
    """Run the ``url_value_preprocessor`` and ``before_request`` functions until one returns a response."""
    names = (None, *reversed(request.blueprints))
    if app.url_value_preprocessors:
        for name in names:
            for preprocess in app.url_value_preprocessors.get(name, ()):
                preprocess(request.endpoint, request.view_args)
    for name in names:
        for function in app.before_request_funcs.get(name, ()):
            returned = sync(app, function)()
            if returned is not None:
                return returned
    return None


def _called(app: Flask, request: Any) -> Any:
    """Call the view."""
    failed = request.routing_exception
    if failed is not None:
        if not isinstance(failed, RequestRedirect):
            raise failed
        app.raise_routing_exception(request)
    rule = request.url_rule
    if request.method == "OPTIONS" and getattr(rule, "provide_automatic_options", False):
        return app.make_default_options_response()
    return sync(app, app.view_functions[rule.endpoint])(**request.view_args)


def _handled(app: Flask, exc: Exception) -> Any:
    """Return the result of the error handler, or an ``HTTPException`` without one. Raises: any other exception."""
    if isinstance(exc, (RoutingException, BadRequestKeyError)):
        return app.handle_user_exception(exc)
    is_answer = isinstance(exc, HTTPException) and not app.trap_http_exception(exc)
    if is_answer and exc.code is None:  # type: ignore[attr-defined]  # an HTTPException
        return exc
    handler = app._find_error_handler(exc, current().blueprints)  # noqa: SLF001 -- as Flask does
    if handler is not None:
        return sync(app, handler)(exc)
    if not is_answer:
        raise  # noqa: PLE0704 -- called while it is handled
    return exc


def sync(app: Flask, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``app.ensure_sync(function)``, which is the function itself unless it is a coroutine function."""
    inner = function.__func__ if type(function) is MethodType else function
    if type(inner) is not FunctionType or inner.__code__.co_flags & CO_COROUTINE or _MARK in inner.__dict__:
        return app.ensure_sync(function)
    return function


def _end(app: Flask, context: CheapRequestContext, error: BaseException | None) -> None:
    """Run the teardown functions, and remove the request's contexts."""
    if not context.is_plain or len(context._cv_tokens) > 1:  # noqa: SLF001 -- pushed again, and not popped
        context.pop(error)
        return
    request = context.request
    of_request, around = context._cv_tokens.pop()  # noqa: SLF001 -- as above
    try:
        for name in (*request.blueprints, None):
            for function in reversed(app.teardown_request_funcs.get(name, ())):
                sync(app, function)(error)
        request.close()
    finally:
        _cv_request.reset(of_request)
        request.environ["werkzeug.request"] = None
        try:
            for function in reversed(app.teardown_appcontext_funcs):
                sync(app, function)(error)
        finally:
            _cv_app.reset(around._cv_tokens.pop())  # type: ignore[union-attr]  # noqa: SLF001 -- as above
