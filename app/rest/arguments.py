"""``@blp.arguments``: decodes one part of the request with a schema, and passes the value to the handler.

Violations are collected, and raised together when every part is decoded (see :mod:`app.rest.collected_violations`).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, Final

import marshmallow as ma

from app.errs import Violation
from app.observability import metrics
from app.rest import openapi_operations, operations, query
from app.rest.argument_locations import BODIES, CONSUMED, MULTIPART, location_of, reader, values_for
from app.rest.collected_violations import checked
from app.rest.current import clock
from app.rest.request import Request, current
from app.wire.decode_context import DecodeContext
from app.wire.decoder import Decoder
from app.wire.list_parameters import NOTHING
from app.wire.locations import Location
from app.wire.schemas.base import UNKNOWN_MEMBER, UNKNOWN_PARAMETER, QuerySchema, SchemaLike, names

REJECTED: Final = {
    "validate": "write a method with @validates_schema in the schema",
    "unknown": "set unknown in the schema's Meta, or pass Schema(unknown=EXCLUDE)",
    "error_status_code": "every violation returns 400",
    "error_headers": "set header fields in an after_request function",
    "req": "the request is always the current one",
}
Handler = Callable[..., Any]
Place = Callable[[tuple[Any, ...], dict[str, Any], Any], tuple[tuple[Any, ...], dict[str, Any]]]


def decorator(
    schema: SchemaLike,
    *,
    location: str,
    content_types: tuple[str, ...] | None,
    as_kwargs: bool,
    arg_name: str | None,
    required: bool,
    max_bytes: int | None,
    document: dict[str, Any],
) -> Callable[[Handler], Handler]:
    """Return the decorator of a handler, after checking its options.

    Raises:
        TypeError: the location, the schema or a media type is not supported.
    """
    if as_kwargs and arg_name is not None:
        raise TypeError("as_kwargs and arg_name are mutually exclusive: omit one of them")
    decode = Decoder(_accepted(schema), location=location_of(location))
    metrics.add_field_labels(names(decode.schema))
    place = decode.location
    if decode.schema.many and place is not Location.JSON:
        raise TypeError(f"many=True is for a list in JSON, not for the location {place.value!r}: use fields.List")
    consumes = _consumes(place, content_types)
    check_size(max_bytes)
    if max_bytes is not None and not consumes:
        raise TypeError(f"max_bytes is for a body, and the location {place.value!r} is not in it")
    read = _reader(decode, is_required=required)

    def decorate(view: Handler) -> Handler:
        inner = checked(view)
        passing = _passing(inner, read, as_kwargs=as_kwargs, arg_name=arg_name)
        operation = operations.extend(passing)
        operation.add(getattr(schema, "raises", ()))
        _claim(operation, arg_name, view)
        if consumes:
            _take_body(operation, place, consumes, is_required=required, view=view)
            operation.max_body_bytes = max_bytes or operation.max_body_bytes
        elif place is Location.QUERY:
            _add_parameters(operation, tuple(decode.members), view)
        elif place is Location.HEADERS:
            operation.headers += tuple(name.replace("_", "-") for name in decode.members)
        else:
            operation.others += tuple(decode.members)
        parameter = {"in": place.value, "required": required, "schema": _documented(schema), **document}
        openapi_operations.part(passing, "arguments").setdefault("parameters", []).append(parameter)
        return passing

    return decorate


def check_size(size: object) -> None:
    """Accept a number of bytes, or ``None``.

    Raises:
        TypeError: the value is neither.
    """
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        raise TypeError(f"a body size is a number of bytes, such as 16 * 1024, not {size!r}")


def decoded(request: Request, decode: Decoder, data: object) -> Any:
    """Return the schema's value of the data. Violations are collected until everything is decoded."""
    return decode(data, DecodeContext(clock().now(), request.listing, request.fit_body), request.violations)


def _decoded_after(request: Request, decode: Decoder, data: object, rejected: set[str]) -> Any:
    """Return the same. A field that already has a violation gets no further one, such as that it is missing."""
    found: list[Violation] = []
    value = decode(data, DecodeContext(clock().now(), request.listing), found)
    new = (_of_parameter(each) for each in found if each.field not in rejected)
    request.violations += [each for each in new if each not in request.violations]
    return value


def _of_parameter(violation: Violation) -> Violation:
    """Return a violation, with the code of an unknown parameter in place of that of an unknown field."""
    name = violation.parameter
    if name is None or violation.code != UNKNOWN_MEMBER.code:
        return violation
    return violation._replace(code=UNKNOWN_PARAMETER.code, message=f"{name} {UNKNOWN_PARAMETER.message}")


def _accepted(schema: Any) -> SchemaLike:
    if not isinstance(schema, (ma.Schema, dict)) and not (isinstance(schema, type) and issubclass(schema, ma.Schema)):
        raise TypeError(f"arguments takes a schema class, a schema instance or a dict of fields, not {schema!r}")
    return schema


def _documented(schema: SchemaLike) -> Any:
    return ma.Schema.from_dict(dict(schema)) if isinstance(schema, dict) else schema


def _consumes(location: Location, content_types: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the supported media types. A location outside the body has no media types.

    Raises:
        TypeError: a type is not supported.
    """
    if location not in BODIES:
        if content_types is not None:
            raise TypeError(f"content_type is for a body, and the location {location.value!r} is not in it")
        return ()
    consumes = CONSUMED[location] if content_types is None else content_types
    if location is not Location.JSON and (unread := {*consumes} - {*CONSUMED[location]}):
        readable = " or ".join(CONSUMED[location])
        raise TypeError(f"the location {location.value!r} reads {readable}, not {', '.join(sorted(unread))}")
    return consumes


def _reader(decode: Decoder, *, is_required: bool) -> Callable[[Request], Any]:
    """Return the function that reads and decodes one part of a request."""
    if decode.location is Location.QUERY:
        return _query_reader(decode)
    if decode.location is Location.JSON:
        return partial(_decoded_body, decode=decode)
    values = reader(decode)

    def read(request: Request) -> Any:
        before = len(request.violations)
        data = values(request)
        return _decoded_after(request, decode, data, {each.field for each in request.violations[before:]})

    return read


def _decoded_body(request: Request, decode: Decoder) -> Any:
    """Return the schema's value of the body.

    Raises:
        TypeError: the body was not read, because a decorator without ``functools.wraps`` hides the operation.
    """
    if request.operation is not None and not request.operation.bodies:
        raise TypeError(f"a decorator above @blp.arguments of {request.operation.name} lacks functools.wraps")
    return decoded(request, decode, request.body)


def _query_reader(decode: Decoder) -> Callable[[Request], Any]:
    own, repeatable, nothing_sent = {*decode.members}, decode.repeatable, _constant(decode)

    def read(request: Request) -> Any:
        sent = query.parse(request, own, repeatable)
        if not sent and nothing_sent is not None:
            value = nothing_sent()
        elif not request.violations and isinstance(decode.schema, QuerySchema):
            value = decoded(request, decode, values_for(decode, _share(request, sent, own)))
        else:
            rejected = {each.field for each in request.violations if each.parameter is not None}
            value = _decoded_after(request, decode, values_for(decode, _share(request, sent, own)), rejected)
        request.listing = value if type(value) is dict else {}
        return value

    return read


def _share(request: Request, sent: dict[str, Any], own: set[str]) -> dict[str, Any]:
    """Return the parameters without those of the operation's other schemas."""
    operation = request.operation
    if not sent or operation is None or operation.parameters is None or len(operation.parameters) == len(own):
        return sent
    return {name: value for name, value in sent.items() if name in own or name not in operation.parameters}


def _constant(decode: Decoder) -> Callable[[], Any] | None:
    """Return a function that returns the constant value of an empty query, which is then not decoded.

    The schema's ``make`` is called once for it. The result is ``None`` for a schema that marshmallow loads, and if a
    parameter is required or a default is a callable.
    """
    fields = decode.members.values()
    is_called = any(callable(each.load_default) and each.load_default is not NOTHING for each in fields)
    if decode.uncovered is not None or is_called or any(each.required for each in fields):
        return None
    violations: list[Violation] = []
    value = decode({}, DecodeContext(datetime.now(UTC)), violations)
    if violations:
        return None
    return value.copy if isinstance(value, dict) else lambda: value


def _passing(inner: Handler, read: Callable[[Request], Any], *, as_kwargs: bool, arg_name: str | None) -> Handler:
    """Return a view that passes a value to another view: as an argument, by name, or as keyword arguments."""

    @wraps(inner)
    def with_arguments(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, read(current()), **kwargs)

    @wraps(inner)
    def with_name(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, **kwargs, **{str(arg_name): read(current())})

    @wraps(inner)
    def with_keywords(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, **{**kwargs, **(read(current()) or {})})

    return with_keywords if as_kwargs else with_arguments if arg_name is None else with_name


def _claim(operation: operations.Operation, arg_name: str | None, view: Handler) -> None:
    """Reserve a name of the handler's arguments."""
    if arg_name is None:
        return
    if arg_name in operation.arg_names:
        raise TypeError(f"{view.__name__} has two arguments with arg_name={arg_name!r}: rename one of them")
    operation.arg_names += (arg_name,)


def _add_parameters(operation: operations.Operation, own: tuple[str, ...], view: Handler) -> None:
    """Add query parameters."""
    if twice := {*own}.intersection(operation.parameters or ()):
        raise TypeError(f"{view.__name__} has two query schemas with {', '.join(sorted(twice))}: remove it from one")
    operation.parameters = (*own, *(operation.parameters or ()))


def _take_body(
    operation: operations.Operation, location: Location, consumes: tuple[str, ...], *, is_required: bool, view: Handler
) -> None:
    """Declare that an operation reads the body. A form and files are one body."""
    if operation.bodies and {*operation.bodies, location} != {Location.FORM, Location.FILES}:
        raise TypeError(
            f"{view.__name__} reads the body twice ({operation.bodies[0]}, {location.value}): a request has one body, "
            "so use one schema. Only form and files can be combined"
        )
    operation.consumes = (MULTIPART,) if operation.bodies else consumes
    operation.bodies += (location.value,)
    operation.is_body_required = is_required
