"""A flask-smorest blueprint whose operations decode strictly, encode by compiled schema, and declare their errors.

The order of a request through a handler's decorators: Accept, body, a work slot (``route``), the idempotency key
(``once``), then everything that has a place for violations (``arguments``, ``conditional``), and, once all of them are
known, the handler (``response``).
"""

from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, Final, TypeVar

import flask
import flask_smorest
import marshmallow as ma
import orjson
from flask import Flask, Response

from app.errs.requests import ValidationFailed
from app.observability import metrics
from app.rest import body, conditional, negotiation, openapi, operations, query
from app.rest.current import clock, services
from app.rest.json_response import JsonResponse
from app.rest.request import Request, current
from app.wire.decoder import Decoder
from app.wire.encoder import OPTIONS, Encoder
from app.wire.reading import Reading
from app.wire.schemas.base import QuerySchema, Schema, names

WITHOUT_PARAMETERS: Final = Decoder(QuerySchema())
View = TypeVar("View", bound=Callable[..., Any])
Wrapper = Callable[..., Any]


class Blueprint(flask_smorest.Blueprint):
    """A blueprint that cannot be made without saying who may call it."""

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        scope: str | None,
        scope_to_write: str | None = None,
        is_limited: bool = True,
        url_prefix: str | None = None,
        description: str = "",
    ) -> None:
        """Make a blueprint.

        Args:
            name: of the resource, in the plural.
            import_name: of its module.
            scope: what a token must have, or ``PUBLIC``.
            scope_to_write: what it must have instead for every method but GET, when that is another.
            is_limited: whether its requests count against the rate limit.
            url_prefix: where its routes begin.
            description: for the reference page.
        """
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)
        self.scope = scope
        self.scope_to_write = scope_to_write or scope
        self.is_limited = is_limited
        self._prepare_doc_cbks.append(openapi.document_operation)

    def route(
        self,
        rule: str,
        *,
        methods: tuple[str, ...] = ("GET",),
        produces: tuple[str, ...] = operations.JSON,
        is_documented: bool = True,
        limit: str | None = None,
    ) -> Callable[[View], View]:
        """Register a handler: check Accept and read the body before it runs.

        What a browser alone asks for (a page, its assets) is not documented: an operation like any, but no part of the
        OpenAPI document. ``limit`` names the setting with a rate limit of its own, which counts beside that of all.
        """

        def decorate(view: View) -> View:
            operation = operations.draft(view)
            operation.name = f"{methods[0]} {self.url_prefix or ''}{rule}"
            operation.scope = self.scope if methods[0] in conditional.READS else self.scope_to_write
            operation.is_limited, operation.produces = self.is_limited, produces
            operation.is_documented, operation.limit = is_documented, limit
            operation.complete()

            @wraps(view)
            def begin(*args: Any, **kwargs: Any) -> Any:
                request = current()
                negotiation.check_accept(request, operation.produces)
                if operation.consumes:
                    request.body = body.read(request, operation.consumes)
                with services().slots if operation.needs_slot else nullcontext():
                    if operation.parameters is None and request.query_string:
                        decoded(request, WITHOUT_PARAMETERS, query.parse(request))
                    return view(*args, **kwargs)

            begin._apidoc = deepcopy(getattr(view, "_apidoc", {}))  # type: ignore[attr-defined]  # noqa: SLF001 -- smorest's own
            begin._apidoc |= {"operation": operation, "operation_id": view.__name__}  # type: ignore[attr-defined]  # noqa: SLF001 -- as above
            add_url_rule = self.add_url_rule if is_documented else partial(flask.Blueprint.add_url_rule, self)
            add_url_rule(rule, view.__name__, begin, methods=list(methods))
            self.record(
                lambda state: operations.register(state.app, f"{self.name}.{view.__name__}", methods, operation)
            )
            return view

        return decorate

    def arguments(
        self, schema: type[ma.Schema], *, location: str = "json", content_types: tuple[str, ...] = operations.JSON
    ) -> Callable[[Callable[..., Any]], Wrapper]:
        """Hand the handler what the schema makes of the query or the body; violations wait for one another."""
        decode = Decoder(schema())
        known = decode.schema.fields
        metrics.know_fields(names(decode.schema))
        nothing_asked = decode({}, Reading(datetime.now(UTC)), []) if location == "query" else None

        def decorate(view: Callable[..., Any]) -> Wrapper:
            operation = operations.draft(view)
            operation.add(getattr(schema, "raises", ()))
            if location == "json":
                operation.consumes = content_types
            else:
                operation.parameters = tuple(known)

            @wraps(view)
            def with_arguments(*args: Any, **kwargs: Any) -> Any:
                request = current()
                if location == "json":
                    return view(*args, decoded(request, decode, request.body), **kwargs)
                sent = query.parse(request, known)
                asked = decoded(request, decode, sent) if sent else nothing_asked
                request.asked = asked or {}
                return view(*args, asked, **kwargs)

            _document(with_arguments, "arguments").setdefault("parameters", []).append(
                {"in": location, "required": True, "schema": schema}
            )
            return with_arguments

        return decorate

    def response(
        self,
        status: HTTPStatus,
        schema: type[ma.Schema] = Schema,
        *,
        also: HTTPStatus | None = None,
        headers: tuple[str, ...] = (),
    ) -> Callable[[Callable[..., Any]], Wrapper]:
        """Run the handler unless there are violations, and encode what it returns.

        A handler returns a value, or a value and headers, or those and a status, which must be ``also``; a page
        returns a finished response. ``headers`` names the fields that a success carries, for OpenAPI.
        """
        encode = Encoder(schema())

        def decorate(view: Callable[..., Any]) -> Wrapper:
            operation = operations.draft(view)

            @wraps(view)
            def respond(*args: Any, **kwargs: Any) -> Response:
                if violations := current().violations:
                    raise ValidationFailed(violations=query.in_order(violations, operation.parameters or ()))
                value, fields, chosen = _unpacked(view(*args, **kwargs))
                if isinstance(value, Response):
                    return value
                encoded = conditional.encode(value, encode)
                return JsonResponse(orjson.dumps(encoded, option=OPTIONS), chosen or status, fields)

            for each in filter(None, (status, also)):
                doc = {"schema": schema, "description": each.phrase, "content_type": None}
                _document(respond, "response").setdefault("responses", {}).setdefault(each, []).append(doc)
            respond.__dict__["_apidoc"]["headers"] = headers
            return respond

        return decorate

    def calls(self, use_case: Callable[..., object], *, needs_database: bool = True) -> Callable[[View], View]:
        """Declare that the handler calls this use case, whose errors become the operation's."""

        def decorate(view: View) -> View:
            operations.declare_calls(view, use_case, needs_database=needs_database)
            return view

        return decorate


def decoded(request: Request, decode: Decoder, data: object) -> Any:
    """Return what a schema makes of the data; violations are kept until everything is decoded."""
    return decode(data, Reading(clock().now(), request.asked), request.violations)


def _document(view: Callable[..., Any], feature: str) -> dict[str, Any]:
    """Return where smorest keeps what it writes into OpenAPI of a feature."""
    view.__dict__["_apidoc"] = deepcopy(view.__dict__.get("_apidoc", {}))
    part: dict[str, Any] = view.__dict__["_apidoc"].setdefault(feature, {})
    return part


def _unpacked(result: Any) -> tuple[Any, dict[str, str], HTTPStatus | None]:
    match result:
        case (value, dict() as headers, HTTPStatus() as status):
            return value, headers, status
        case (value, dict() as headers):
            return value, headers, None
    return result, {}, None


def register(app: Flask, api: flask_smorest.Api, blueprints: tuple[Blueprint, ...]) -> None:
    """Register blueprints with the application and the OpenAPI document."""
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
