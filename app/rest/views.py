"""The views of a blueprint: functions, classes and results of ``as_view``, each with its HTTP methods."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import wraps
from operator import attrgetter
from typing import Any, Final

from flask.views import MethodView, View
from werkzeug.routing import Rule

from app.rest import arguments, body, negotiation, query
from app.rest.collected_violations import checked
from app.rest.current import services
from app.rest.operations import Operation, synchronous
from app.rest.request import Request, application, current
from app.wire.decoder import Decoder
from app.wire.schemas.base import QuerySchema

Handler = Callable[..., Any]
WITHOUT_PARAMETERS: Final = Decoder(QuerySchema())
OPTIONS: Final = frozenset(inspect.signature(Rule.__init__).parameters) - {"self", "string", "endpoint", "methods"}
"""The options of Werkzeug's rule that ``add_url_rule`` accepts."""
UNHANDLED: Final = {
    "OPTIONS": "OPTIONS is handled for every route, with Allow and the CORS fields",
    "HEAD": "the handler of GET handles HEAD",
    "TRACE": "TRACE is not supported, because it repeats credentials",
    "CONNECT": "CONNECT is for proxies",
}


def named(view: Any) -> str:
    """Return the name of a view, which is the default endpoint.

    Raises:
        TypeError: it is not a view.
    """
    if isinstance(view, type) and not issubclass(view, View):
        raise TypeError(f"{view.__name__} is not a view: derive it from flask.views.MethodView")
    if not callable(view):
        raise TypeError(f"a view is a function or a class derived from flask.views.MethodView, not {view!r}")
    name: str = view.__name__
    return name


def handlers(view: Any, methods: Iterable[str] | None) -> dict[str, Handler]:
    """Return the function that handles each method.

    Raises:
        TypeError: a method has no function, or must not have a handler.
    """
    if isinstance(methods, str):
        raise TypeError(f'methods is a list of names, such as methods=["{methods}"]')
    view_class = view if isinstance(view, type) else getattr(view, "view_class", None)
    offered = view.methods if hasattr(view, "methods") else None
    if view_class is not None and issubclass(view_class, MethodView) and not offered:
        raise TypeError(f"{view_class.__name__} handles no method: define get, post, put, patch or delete")
    wanted = [each.upper() for each in (methods or offered or ("GET",))]
    if "GET" in wanted and not hasattr(view_class, "head"):
        wanted = [each for each in wanted if each != "HEAD"]
    for method in wanted:
        if method in UNHANDLED:
            raise TypeError(f"{named(view)} cannot handle {method}: {UNHANDLED[method]}")
    order = [each for each in ("GET", "POST", "PUT", "PATCH", "DELETE") if each in wanted]
    return {method: _handler(view, view_class, method) for method in dict.fromkeys((*order, *wanted))}


def _handler(view: Any, view_class: Any, method: str) -> Handler:
    name = method.lower() if view_class is not None and issubclass(view_class, MethodView) else "dispatch_request"
    handler: Handler | None = view if view_class is None else getattr(view_class, name, None)
    if handler is None:
        raise TypeError(f"{view_class.__name__} has no method {name}")
    return handler


def check_options(options: Mapping[str, Any]) -> None:
    """Check the options for Werkzeug's rule.

    Raises:
        TypeError: an option is unknown.
    """
    if unknown := sorted(options.keys() - OPTIONS):
        raise TypeError(f"route does not support {', '.join(unknown)}. Supported: {', '.join(sorted(OPTIONS))}")


def guarded(view: Any, endpoint: str, operations: Mapping[str, Operation]) -> Handler:
    """Return the function for Flask. Before each method it checks Accept, the body and the concurrency limit."""
    whole = view.as_view(endpoint) if isinstance(view, type) and issubclass(view, View) else view
    if len(operations) == 1:
        return _guarded(whole, *operations.values())
    by_method = {method: _guarded(whole, operation) for method, operation in operations.items()}

    @wraps(whole)
    def begin(*args: Any, **kwargs: Any) -> Any:
        method = current().method
        return by_method["GET" if method == "HEAD" else method](*args, **kwargs)

    return begin


def _guarded(view: Handler, operation: Operation) -> Handler:
    """Return a view that first checks Accept and reads the body."""
    call = synchronous(view) if operation.is_checked else checked(view)
    bulkhead = attrgetter("hashing" if operation.hashes else "bulkhead")

    @wraps(view)
    def begin(*args: Any, **kwargs: Any) -> Any:
        request = current()
        negotiation.check_accept(request, operation.produces)
        if operation.consumes:
            _read(request, operation)
        with bulkhead(services()) if operation.needs_slot else nullcontext():
            if operation.parameters is None and request.query_string:
                arguments.decoded(request, WITHOUT_PARAMETERS, query.parse(request))
            return call(*args, **kwargs)

    return begin


def _read(request: Request, operation: Operation) -> None:
    """Read the body up to the operation's limit, or up to Flask's limit if a hook has set it."""
    if request._max_content_length is None:  # noqa: SLF001 -- Flask's property hides whether a hook has set it
        request.max_content_length = operation.body_limit(application().config["MAX_BODY_BYTES"])
    if "json" not in operation.bodies:
        body.read_form(request, operation.consumes)
    elif operation.is_body_required or body.is_present(request):
        request.body = body.read(request, operation.consumes)
    else:
        request.body = {}
