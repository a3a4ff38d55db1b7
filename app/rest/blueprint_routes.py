"""The routes of a blueprint. Each is an operation that requires the blueprint's scope and is listed in OpenAPI."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import flask
import flask_smorest
from flask.blueprints import BlueprintSetupState
from flask.sansio.app import App
from flask_smorest.utils import load_info_from_docstring
from limits import parse_many

from app.rest import arguments, conditional, openapi_operations, operations, scopes, views
from app.rest.operations import PUBLIC, SIGNED_IN, Operation
from app.rest.public_routes import is_marked
from app.wire.deprecation import Deprecation

View = TypeVar("View", bound=Callable[..., Any])
Handler = Callable[..., Any]
INSTEAD: Final = {
    "paginate": "describe the query with a subclass of ListSchema, which uses page tokens",
    "etag": "put @conditional on the handler, and return the header field ETag from it",
    "ARGUMENTS_PARSER": "describe the arguments with schemas: they are decoded without webargs",
}


class Routes(flask_smorest.Blueprint):
    """The part of a blueprint that registers views."""

    def __init__(
        self,
        name: str,
        import_name: str,
        *args: Any,
        scope: str | None = SIGNED_IN,
        scope_to_write: str | None = None,
        is_limited: bool = True,
        max_body_bytes: int | None = None,
        description: str = "",
        **options: Any,
    ) -> None:
        """Create a blueprint.

        Args:
            name: the name of the resource, in the plural.
            import_name: the name of its module.
            args: further arguments of Flask's blueprint.
            scope: the required scope, one of ``app.rest.scopes``, or ``PUBLIC`` for operations without a token.
            scope_to_write: the required scope for methods other than GET, if it differs.
            is_limited: true if its requests count against the rate limit.
            max_body_bytes: the largest body of operations that declare no other size. Default: 64 KiB for JSON,
                MAX_BODY_BYTES for a form.
            description: the description for the reference page.
            options: options of Flask's blueprint, such as ``url_prefix``.

        Raises:
            TypeError: a scope is unknown, or the size is invalid.
        """
        arguments.check_size(max_body_bytes)
        scopes.check(scope)
        scopes.check(scope_to_write)
        super().__init__(name, import_name, *args, description=description, **options)
        self.scope = scope
        self.scope_to_write = scope_to_write or scope
        self.is_limited = is_limited
        self.max_body_bytes = max_body_bytes
        self._views: dict[str, Any] = {}
        self._rules: set[tuple[Any, ...]] = set()
        self._prepare_doc_cbks.append(openapi_operations.document_operation)

    def __init_subclass__(cls) -> None:
        """Reject a subclass that overrides an unused feature."""
        super().__init_subclass__()
        if "ARGUMENTS_PARSER" in vars(cls):
            reject("ARGUMENTS_PARSER")

    def route(
        self,
        rule: str,
        *,
        parameters: list[Any] | None = None,
        tags: list[str] | None = None,
        endpoint: str | None = None,
        **options: Any,
    ) -> Callable[[View], View]:
        """Register a view function or a class: ``add_url_rule`` as a decorator, which must be the topmost."""

        def decorate(view: View) -> View:
            self.add_url_rule(rule, endpoint, view, parameters=parameters, tags=tags, **options)
            operations.mark_routed(view)
            return view

        return decorate

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Any = None,
        provide_automatic_options: bool | None = None,
        *,
        methods: Sequence[str] | None = None,
        parameters: list[Any] | None = None,
        tags: list[str] | None = None,
        produces: tuple[str, ...] | None = None,
        is_documented: bool = True,
        limit: str | None = None,
        deprecated: Deprecation | None = None,
        **options: Any,
    ) -> None:
        """Register a view: Accept is checked and the body is read before it runs.

        Args:
            rule: the path below the prefix of the blueprint.
            endpoint: the name for ``url_for``. Default: the name of the view.
            view_func: a function, a class derived from ``MethodView``, or the result of its ``as_view``.
            provide_automatic_options: has no effect: OPTIONS is always handled.
            methods: the methods. Default: GET, or the methods that a class defines.
            parameters: for OpenAPI, the parameters of every operation of the path.
            tags: for OpenAPI, instead of the blueprint's name.
            produces: the media types of its responses.
            is_documented: true if OpenAPI lists it. Pages and their assets are not listed.
            limit: a setting with an additional rate limit for this route.
            deprecated: the deprecation of its operations, which each of their responses contains.
            options: options of Werkzeug's rule, such as ``defaults`` and ``strict_slashes``.

        Raises:
            TypeError: the view, its endpoint or an option is not accepted.
        """
        views.check_options(options)
        _check_limit(limit)
        _check_deprecated(deprecated)
        handlers = views.handlers(view_func, methods) if views.named(view_func) else {}
        endpoint = self._endpoint(endpoint, view_func)
        self._claim(rule, handlers, options)
        declared: dict[str, Any] = {"produces": produces, "limit": limit, "is_documented": is_documented}
        declared |= {"deprecation": deprecated, "is_public": is_marked(view_func)}
        table = {method: self._operation(handler, method, **declared) for method, handler in handlers.items()}
        begin = views.guarded(view_func, endpoint, table)
        flask.Blueprint.add_url_rule(self, rule, endpoint, begin, methods=[*handlers], **options)
        self.record(partial(_register, rule=rule, endpoint=endpoint, table=table))
        if is_documented:
            self._document(endpoint, handlers, table, view_func, parameters=parameters, tags=tags)

    def _endpoint(self, endpoint: str | None, view: Any) -> str:
        """Return the endpoint of a view. A function or class can have several routes, each with its own endpoint."""
        name = endpoint or views.named(view)
        if endpoint is None and self._views.get(name) is view:
            name = f"{name}_{len(self._views)}"
        if name in self._views:
            raise TypeError(f"{self.name} already has an endpoint {name!r}: rename the view, or pass endpoint=")
        self._views[name] = view
        return name

    def _claim(self, rule: str, methods: dict[str, Any], options: dict[str, Any]) -> None:
        """Reserve the methods of a path."""
        for method in methods:
            claim = (method, rule, options.get("host"), options.get("subdomain"))
            if claim in self._rules:
                raise TypeError(f"{self.name} already has a handler of {method} {rule}: the second is never called")
            self._rules.add(claim)

    def _operation(
        self,
        handler: Handler,
        method: str,
        *,
        produces: tuple[str, ...] | None,
        limit: str | None,
        is_documented: bool,
        deprecation: Deprecation | None,
        is_public: bool,
    ) -> Operation:
        """Return the complete operation of a handler."""
        operation = operations.drafted(handler)
        operation.scope = self.scope if method in conditional.READS else self.scope_to_write
        if is_public or is_marked(handler):
            operation.scope = PUBLIC
        operation.is_limited, operation.limit, operation.is_documented = self.is_limited, limit, is_documented
        operation.deprecation = deprecation
        if operation.consumes and operation.max_body_bytes is None:
            operation.max_body_bytes = self.max_body_bytes
        if produces is not None:
            operation.produces = tuple(produces)
        operation.complete()
        return operation

    def _document(
        self,
        endpoint: str,
        handlers: dict[str, Handler],
        table: dict[str, Operation],
        view: Any,
        *,
        parameters: list[Any] | None,
        tags: list[str] | None,
    ) -> None:
        """Store the data for smorest's ``register_views_in_doc``."""
        is_function = len(handlers) == 1 and next(iter(handlers.values())) is view
        kept: dict[str, Any] = {"parameters": parameters}
        for method, handler in handlers.items():
            operation = table[method]
            operation.operation_id = endpoint if is_function else f"{method.lower()}_{endpoint}"
            if method in self.HTTP_METHODS:
                kept[method.lower()] = {
                    **getattr(handler, "_apidoc", {}),
                    "operation": operation,
                    "blueprint": self.name,
                    "docstring": load_info_from_docstring(handler.__doc__, delimiter=self.DOCSTRING_INFO_DELIMITER),
                    "tags": tags,
                }
        self._docs[endpoint] = kept


def reject(name: str) -> NoReturn:
    """Reject a part of flask-smorest.

    Raises:
        TypeError: always, with the alternative.
    """
    raise TypeError(f"{name} of flask-smorest is not supported: {INSTEAD[name]}")


def _check_limit(limit: object) -> None:
    if limit is not None and not (isinstance(limit, str) and limit.isidentifier() and limit.isupper()):
        raise TypeError(f"limit is the name of a setting, such as 'TOKEN_RATE_LIMIT', not {limit!r}")


def _check_deprecated(deprecated: object) -> None:
    if deprecated is not None and not isinstance(deprecated, Deprecation):
        raise TypeError(f"deprecated is a Deprecation of app.wire.deprecation, not {deprecated!r}")


def _register(state: BlueprintSetupState, *, rule: str, endpoint: str, table: dict[str, Operation]) -> None:
    """Add the operations of a route to the application's table, with their complete paths.

    Raises:
        TypeError: the setting of a limit is unknown, or is not a limit.
    """
    full, path = f"{state.name_prefix}.{state.name}.{endpoint}".lstrip("."), rule
    if state.url_prefix is not None:
        path = "/".join((state.url_prefix.rstrip("/"), rule.lstrip("/"))) if rule else state.url_prefix
    for method, operation in table.items():
        name = f"{method} {path}"
        if operation.limit is not None:
            _check_setting(state.app, operation.limit, name)
        operations.register(state.app, full, method, operation.copy(name=name))


def _check_setting(app: App, setting: str, name: str) -> None:
    if setting not in app.config:
        raise TypeError(f"{name} has limit={setting!r}, and app.config has no such setting: set it in app/factory.py")
    try:
        parse_many(app.config[setting])
    except (TypeError, ValueError):
        raise TypeError(f"{name} has limit={setting!r}, whose value is not a limit such as '5 per minute'") from None
