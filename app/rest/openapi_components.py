"""The components of the OpenAPI document, and the description of the API."""

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
    "allowed": "The allowed values.",
    "available": "The media types that the operation returns.",
    "budget_ms": "The time budget of the request, in milliseconds.",
    "checks": "The result of each check.",
    "count": "The number of items that failed.",
    "limit": "The largest allowed number.",
    "method": "The method of the request.",
    "order_status": "The state of the order.",
    "position": "The position of the problem, from 1.",
    "reason": "The problem.",
    "spent_in": "The stage in which the time budget ran out.",
    "supported": "The supported media types.",
    "token": "The invalid part of the parameter.",
    "window_seconds": "The length of the limit's window in seconds.",
}
"""Descriptions of the typed properties of errors, by name."""
SIMULATION: Final = f"""
To test your error handling, send `{FIELD}: TASK_TITLE_TAKEN`. An operation that declares this error returns it without
any other effect. With `; after=2` the first two requests are handled normally. With `; delay=1.5` the error takes 1.5
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
        "description": "A UUID that you generate. Retries of the request with it get the first response, for 24 hours.",
        "schema": {
            "type": "string",
            "pattern": r'^([!#-+\--~]([ !#-+\--~]{0,253}[!#-+\--~])?|"([ !#-\[\]-~]|\\["\\]){1,255}")$',
        },
    },
    "If-Match": {
        "description": "The entity tag that the resource must have. Separate several by commas, or send * for any.",
        "schema": {"type": "string", "pattern": TAGS},
    },
    "If-Match-To-Replace": {
        "name": "If-Match",
        "description": "The entity tag of the resource to replace. Separate several by commas, or send * for any.",
        "required": True,
        "schema": {"type": "string", "pattern": TAGS},
    },
    "If-None-Match": {
        "description": "An entity tag that you already have. The status is 304 if it is still current.",
        "schema": {"type": "string"},
    },
    "Read-After": {
        "description": "The values of Read-After in earlier responses, separated by commas. "
        "The response contains at least the data that they had. Without replicas, this is always so.",
        "schema": {"type": "string"},
    },
    "If-None-Match-To-Write": {
        "name": "If-None-Match",
        "description": "An entity tag that the resource must not have. Separate several by commas, or send * for any.",
        "schema": {"type": "string", "pattern": TAGS},
    },
}
# Spectral's rule for tokens finds RFC8725 in this spelling only.
BEARER: Final[Mapping[str, Any]] = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A JWT, verified according to RFC8725. "
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
        "truncated": {"type": "boolean", "description": "True if there are more violations or failures than listed."},
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
            "description": "True if a retry of the same request can succeed and cannot make a change twice.",
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
                "max_attempts": {"type": "integer", "format": "int32", "description": "The total number of attempts."},
                "backoff": {"type": "string", "description": "The growth of the pauses."},
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
    "description": "A problem document (RFC 9457). It has no `instance` if the request could not be parsed.",
    "required": [name for name in PROBLEM["required"] if name != "instance"],
}
ITEM_PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "The problem document of one item of a batch, without properties of the whole request.",
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
Each operation lists all errors that it returns. An error is a problem document (RFC 9457). Its `type` is the address of
its page in the [catalogue]({public_url}/errors). 401 and 403 have no body and a challenge instead.

An operation with a body reads at most `x-max-body-bytes`. It returns 413 to a larger body before it is read.

A request that reaches no operation gets one of {universal}.
"""
    return text + SIMULATION if simulates_errors else text
