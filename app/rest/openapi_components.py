"""What the OpenAPI document says of this service as a whole: its components, and their descriptions."""

from collections.abc import Mapping
from typing import Any, Final

from app import errs
from app.rest.operations import EVERYWHERE
from app.wire import timestamps
from app.wire.simulation import FIELD

JSON_TYPES: Final[Mapping[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dict[str, str]: {"type": "object", "additionalProperties": {"type": "string"}},
    list[str]: {"type": "array", "items": {"type": "string"}},
}
FACTS: Final[Mapping[str, str]] = {
    "allowed": "What is allowed instead.",
    "available": "The media types that the operation returns.",
    "budget_ms": "The time budget of the request, in milliseconds.",
    "checks": "The result of each check.",
    "count": "The number of items that failed.",
    "limit": "The largest number that is allowed.",
    "method": "The method of the request.",
    "order_status": "The state of the order.",
    "position": "The position of the fault, from 1.",
    "reason": "What is wrong.",
    "spent_in": "The stage that used up the time budget.",
    "supported": "The media types that the operation reads.",
    "token": "The part of the parameter that is wrong.",
    "window_seconds": "The seconds for which the limit counts.",
}
"""Descriptions of the typed properties of errors, by name."""
SIMULATION: Final = f"""
To test your error handling, send `{FIELD}: TASK_TITLE_TAKEN`: an operation that declares this error answers with it and
does nothing else. With `; after=2` the first two requests are handled as usual, with `; delay=1.5` the error takes 1.5
seconds. The header field is not a parameter of the operations, so set it in your HTTP client.
"""
TAGS: Final = r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'
PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "Request-Timeout": {
        "description": "Shortens the time budget of this request: decimal seconds such as 2.5, at least 0.05.",
        "schema": {
            "type": "string",
            "pattern": r"^([0-9]*[1-9][0-9]*(\.[0-9]+)?|0+\.([1-9][0-9]*|0[5-9][0-9]*))$",
        },
    },
    "Idempotency-Key": {
        "description": "A UUID of yours: the same request with it gets the first answer again, for 24 hours.",
        "schema": {
            "type": "string",
            "pattern": r'^([!#-+\--~]([ !#-+\--~]{0,253}[!#-+\--~])?|"([ !#-\[\]-~]|\\["\\]){1,255}")$',
        },
    },
    "If-Match": {
        "description": "The entity tag that the resource must still have; several joined by commas, or * for any.",
        "schema": {"type": "string", "pattern": TAGS},
    },
    "If-Match-To-Replace": {
        "name": "If-Match",
        "description": "The entity tag of the resource to replace; several joined by commas, or * for any.",
        "required": True,
        "schema": {"type": "string", "pattern": TAGS},
    },
    "If-None-Match": {
        "description": "An entity tag that is known already; 304 when it is still current.",
        "schema": {"type": "string"},
    },
    "If-None-Match-To-Write": {
        "name": "If-None-Match",
        "description": "An entity tag that the resource must not have; several joined by commas, or * for any.",
        "schema": {"type": "string", "pattern": TAGS},
    },
}
BEARER: Final[Mapping[str, Any]] = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "Verified as RFC8725 recommends. "
    "For development, `flask tokens issue --subject alice --scope tasks` prints one.",
}
PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": [
        "type",
        "title",
        "status",
        "instance",
        "kind",
        "code",
        "request_id",
        "timestamp",
        "retryable",
    ],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The address of the error's page in the catalogue."},
        "title": {"type": "string", "description": "A short summary of the error. The text can change."},
        "status": {"type": "integer", "format": "int32", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What happened in this request, and how to fix it."},
        "instance": {"type": "string", "description": "The path of the request."},
        "kind": {
            "type": "string",
            "enum": [kind.string for kind in errs.Kind],
            "description": "The category of the error.",
        },
        "code": {"type": "string", "pattern": f"^{errs.CODE.pattern}$", "description": "The name of the error."},
        "param": {"type": "string", "description": "The parameter that caused the error."},
        "errors": {
            "type": "array",
            "maxItems": 100,
            "items": {"$ref": "#/components/schemas/Violation"},
            "description": "All violations of the request, at most 100.",
        },
        "truncated": {"type": "boolean", "description": "Whether there are more violations or failures than listed."},
        "request_id": {"type": "string", "description": "The ID of the request, as in X-Request-Id."},
        "timestamp": {
            "type": "string",
            "format": "date-time",
            "pattern": timestamps.PATTERN,
            "description": "When the error occurred, in UTC.",
        },
        "trace_id": {"type": "string", "description": "The W3C trace ID, if the request is traced."},
        "retryable": {
            "type": "boolean",
            "description": "Whether the same request may be sent again: it cannot make a change twice.",
        },
        "retry_after": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "description": "The seconds to wait, as in Retry-After.",
        },
        "retry": {
            "type": "object",
            "description": "Advice for retries.",
            "properties": {
                "max_attempts": {"type": "integer", "format": "int32", "description": "Attempts in all."},
                "backoff": {"type": "string", "description": "How the pause grows."},
                "initial_ms": {
                    "type": "integer",
                    "format": "int32",
                    "description": "The first pause, in milliseconds.",
                },
            },
        },
    },
}
ANY_PROBLEM: Final[Mapping[str, Any]] = {
    **PROBLEM,
    "description": "A problem document (RFC 9457). One that is answered before a request is read has no `instance`.",
    "required": [name for name in PROBLEM["required"] if name != "instance"],
}
ITEM_PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "The problem document of one item of a batch, without what holds for the whole request.",
    "required": [name for name in PROBLEM["required"] if name != "request_id"],
    "properties": {
        name: each for name, each in PROBLEM["properties"].items() if name not in {"request_id", "trace_id"}
    },
}
VIOLATION: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "A violated rule, with its location: a pointer, a parameter or a header field.",
    "required": ["field", "code", "message"],
    "properties": {
        "field": {"type": "string", "description": "The property or parameter, such as `tags[2]`."},
        "pointer": {"type": "string", "description": "A JSON Pointer (RFC 6901) into the body."},
        "parameter": {"type": "string", "description": "The name of the query or path parameter."},
        "header": {"type": "string", "description": "The name of the header field."},
        "code": {
            "type": "string",
            "enum": [*errs.violation_codes()],
            "description": "The name of the rule. The catalogue has a page for each: `/errors/violations`.",
        },
        "message": {"type": "string", "description": "A sentence for developers."},
    },
}


def introduction(public_url: str, *, simulates_errors: bool) -> str:
    """Return the description of the document."""
    universal = ", ".join(f"`{named.code}`" for named in EVERYWHERE)
    text = f"""\
Each operation lists exactly the errors that it answers with. An error is a problem document (RFC 9457) whose `type`
leads to its page in the [catalogue]({public_url}/errors); 401 and 403 have an empty body and a challenge instead.

An operation with a body reads at most `x-max-body-bytes` of it, and answers 413 to a larger one before it is read.

A request that reaches no operation ends with one of {universal}.
"""
    return text + SIMULATION if simulates_errors else text
