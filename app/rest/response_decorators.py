"""``@blp.response`` and ``@blp.alt_response``: conversion of a handler's value to a response, and its OpenAPI entry."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, cast

import flask_smorest
import marshmallow as ma
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from app import errs
from app.rest import conditional, openapi_operations, operations
from app.rest.collected_violations import failure
from app.rest.error_statuses import status_error
from app.rest.errors import status_of
from app.rest.json_response import BODILESS, JsonResponse
from app.rest.path_prefix import located
from app.rest.request import application, current
from app.wire.encoder import Encoder, dumps

Handler = Callable[..., Any]
Encode = Callable[[Any], Any]
Status = int | str | HTTPStatus
STOCK: Final = flask_smorest.Blueprint
"""The class whose methods are compared, to find overrides in a subclass."""


def decorator(
    blueprint: Any, status: Status, schema: Any, *, also: HTTPStatus | None, document: dict[str, Any]
) -> Callable[[Handler], Handler]:
    """Return the decorator that encodes a handler's values with a schema.

    Raises:
        TypeError: the status or the schema is invalid.
    """
    chosen = number_of(status)
    headers, content_type = document.pop("headers"), document["content_type"]
    names, described = ((), headers) if isinstance(headers, Mapping) else (tuple(headers or ()), None)
    instance = _instance(schema)
    encode = _encoding(blueprint, instance)
    documented = schema if instance is None or not isinstance(schema, dict) else type(instance)
    if not _is_stock(blueprint, "_make_doc_response_schema"):
        documented = blueprint._make_doc_response_schema(instance)  # noqa: SLF001 -- for subclasses, as in smorest's manual

    entries = {
        each: {"description": each.phrase, **described_by(documented, {**document, "headers": described})}
        for each in filter(None, (chosen, also))
    }

    def decorate(view: Handler) -> Handler:
        respond = _responding(view, chosen, encode)
        operation = operations.extend(respond)
        operation.is_checked = True
        if content_type is not None:
            operation.produces = (content_type,)
        for each, entry in entries.items():
            openapi_operations.part(respond, "response").setdefault("responses", {}).setdefault(each, []).append(entry)
        respond.__dict__["_apidoc"]["headers"] = names
        return respond

    return decorate


def alternative(
    status: Status,
    response: Any,
    errors: Iterable[Any],
    *,
    schema: Any,
    document: dict[str, Any],
) -> Callable[[Handler], Handler]:
    """Return the decorator that adds another response: a reference, a schema, or errors of the catalogue.

    Raises:
        TypeError: an error has another status, or is not in the catalogue.
    """
    is_range = str(status) == "default" or str(status).upper().endswith("XX")
    key: Any = str(status) if is_range else number_of(status)
    named = [response, *errors] if isinstance(response, type) else [*errors]
    for each in catalogued(named):
        if status_of(each) != key:
            raise TypeError(f"{each.__name__} has the status {status_of(each).value}, not {status}")
    entry: Any = response
    if not isinstance(response, str):
        phrase = "" if is_range else key.phrase
        entry = {"description": phrase, **described_by(schema, document)}

    def decorate(view: Handler) -> Handler:
        passing = operations.pass_through(view)
        operations.draft(passing).add(named or ([] if is_range else _of_status(key)))
        if not named or schema is not None:
            openapi_operations.part(passing, "response").setdefault("responses", {}).setdefault(key, []).append(entry)
        return passing

    return decorate


def described_by(schema: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the documentation of a response for smorest, without unset entries.

    Raises:
        TypeError: both ``example`` and ``examples`` are set.
    """
    if document.get("example") is not None and document.get("examples") is not None:
        raise TypeError("example and examples are mutually exclusive: omit one of them")
    given = {name: value for name, value in {"schema": schema, **document}.items() if value is not None}
    return {**given, "content_type": document.get("content_type")}


def catalogued(errors: Iterable[Any]) -> Iterable[type[errs.Error]]:
    """Yield errors that are in the catalogue.

    Raises:
        TypeError: an error is not in the catalogue.
    """
    for each in errors:
        if not (isinstance(each, type) and issubclass(each, errs.Error)):
            raise TypeError(f"{each!r} is not an error: declare classes of app.errs, such as errs.tasks.TaskNotFound")
        if errs.named_errors().get(getattr(each, "code", "")) is not each:
            raise TypeError(
                f"{each.__name__} is not in the catalogue: define it in a module of app/errs that app/errs/__init__.py "
                "imports"
            )
        yield each


def number_of(status: Status) -> HTTPStatus:
    """Return a status.

    Raises:
        TypeError: it is not an HTTP status.
    """
    try:
        return HTTPStatus(int(status))
    except ValueError:
        raise TypeError(f"{status!r} is not an HTTP status") from None


def _of_status(status: HTTPStatus) -> list[type[errs.Error]]:
    """Return the error of ``abort`` with this status."""
    return [] if status < HTTPStatus.BAD_REQUEST else [status_error(status)]


def _instance(schema: Any) -> ma.Schema | None:
    if isinstance(schema, type) and issubclass(schema, ma.Schema):
        return schema()
    if schema is None or isinstance(schema, ma.Schema):
        return schema
    if isinstance(schema, dict) and any(isinstance(each, ma.fields.Field) for each in schema.values()):
        return ma.Schema.from_dict(schema)()
    if isinstance(schema, (str, dict)):
        return None  # a separate document, for handlers that return finished responses
    raise TypeError(f"response takes a schema class or instance, not {schema!r}")


def _encoding(blueprint: Any, schema: ma.Schema | None) -> Encode:
    """Return the function that encodes values. A subclass of the blueprint can wrap them, as in smorest's manual."""
    if schema is None:
        encode: Encode = _as_it_is
    else:
        encoder = Encoder(schema)

        def encode(value: Any) -> Any:
            return conditional.encode(value, encoder)

    if _is_stock(blueprint, "_prepare_response_content"):
        return encode
    return lambda value: blueprint._prepare_response_content(encode(value))  # noqa: SLF001 -- for subclasses, as in smorest's manual


def _as_it_is(value: Any) -> Any:
    return value


def _is_stock(blueprint: Any, name: str) -> bool:
    return getattr(type(blueprint), name) is getattr(STOCK, name)


def _responding(view: Handler, status: HTTPStatus, encode: Encode) -> Handler:
    """Return a view that runs another view unless there are violations, and renders its result."""
    call = operations.synchronous(view)
    has_no_body = status in BODILESS

    @wraps(view)
    def respond(*args: Any, **kwargs: Any) -> Response:
        request = current()
        if request.violations:
            raise failure(request)
        result = call(*args, **kwargs)
        value, fields, chosen = unpacked(result) if type(result) is tuple else (result, None, None)
        if fields and request.environ.get("SCRIPT_NAME") and "Location" in fields:
            fields = Headers(fields)
            fields["Location"] = located(fields["Location"], request.environ)
        if isinstance(value, Response):
            return _completed(value, fields, chosen)
        if has_no_body if chosen is None else chosen in BODILESS:
            return _completed(Response(status=status), fields, chosen)
        provider = application().json
        if type(provider) is DefaultJSONProvider and len(vars(provider)) == 1:
            return JsonResponse(dumps(encode(value)), chosen or status, fields)
        return _completed(cast("Response", provider.response(encode(value))), fields, chosen or status)

    return respond


def unpacked(result: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Return value, header fields and status of a tuple, in Flask's order or with header fields before a status.

    Raises:
        TypeError: the tuple has another form.
    """
    match result:
        case (value, dict() | list() | tuple() | Headers() as fields):
            return value, _mapping(fields), None
        case (value, int() | str() as status):
            return value, None, status
        case (value, dict() | Headers() as fields, int() | str() as status):
            return value, fields, status
        case (value, status, fields):
            return value, _mapping(fields), status
    raise TypeError("a view returns a value, (value, status), (value, headers) or (value, status, headers)")


def _mapping(fields: Any) -> Any:
    return Headers(fields) if isinstance(fields, (list, tuple)) else fields


def _completed(response: Response, fields: Any, status: Any) -> Response:
    """Return a finished response with these header fields and this status."""
    if fields:
        response.headers.extend(fields)
    if status is not None:
        response.status = status if isinstance(status, str) else HTTPStatus(status)
    return response
