"""What ``/openapi.json`` says: every operation with exactly the errors it declares, by status, with examples."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import flask_smorest
from apispec import APISpec
from flask import Flask

from app import errs
from app.rest import examples, header_fields
from app.rest.converters import ResourceId, resource_id_schema
from app.rest.errors import BODILESS, MEDIA_TYPE, status_of
from app.rest.header_fields import declared, key, of_errors, of_success
from app.rest.operations import EVERYWHERE, PUBLIC, Operation

JSON_TYPES: Final[Mapping[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dict[str, str]: {"type": "object", "additionalProperties": {"type": "string"}},
    list[str]: {"type": "array", "items": {"type": "string"}},
}
INTRODUCTION: Final = f"""\
Each operation lists exactly the errors that it answers with. An error is a problem document (RFC 9457) whose `type`
leads to its page in the [catalogue](/errors); 401 and 403 have an empty body and a challenge instead.

A request that reaches no operation ends with one of {", ".join(f"`{named.code}`" for named in EVERYWHERE)}.
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
        "description": "The entity tag of what is to be replaced; several joined by commas, or * for any.",
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
    "description": "For development, `flask tokens issue --subject alice --scope tasks` prints one.",
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
        "type": {"type": "string", "format": "uri", "description": "Leads to the error's page in the catalogue."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened this time, and how to mend it."},
        "instance": {"type": "string", "description": "The path of the request."},
        "kind": {"enum": [kind.string for kind in errs.Kind]},
        "code": {"type": "string", "pattern": f"^{errs.CODE.pattern}$"},
        "param": {"type": "string"},
        "errors": {"type": "array", "maxItems": 100, "items": {"$ref": "#/components/schemas/Violation"}},
        "truncated": {"const": True, "description": "There is more than is listed."},
        "request_id": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "trace_id": {"type": "string"},
        "retryable": {"type": "boolean", "description": "May the same request succeed later, unchanged?"},
        "retry_after": {"type": "integer", "minimum": 0, "description": "Seconds; the same as Retry-After."},
        "retry": {
            "type": "object",
            "properties": {
                "max_attempts": {"type": "integer"},
                "backoff": {"type": "string"},
                "initial_ms": {"type": "integer"},
            },
        },
    },
}
VIOLATION: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "A broken rule; one of pointer, parameter and header says where.",
    "required": ["field", "code", "message"],
    "properties": {
        "field": {"type": "string"},
        "pointer": {"type": "string", "description": "A JSON Pointer (RFC 6901) into the body."},
        "parameter": {"type": "string"},
        "header": {"type": "string"},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
}


class Api(flask_smorest.Api):
    """flask-smorest's API without its error handling and its default responses, which say other than we do."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Leave errors to ``rest.errors``."""

    def _register_responses(self) -> None:
        """Leave responses to what each operation declares."""

    def init_app(self, app: Flask, *, spec_kwargs: dict[str, Any] | None = None) -> None:
        """Prepare the document: headers, parameters, security and the schema of every named error."""
        super().init_app(app, spec_kwargs=spec_kwargs)
        self.register_converter(ResourceId, resource_id_schema)
        components = self.spec.components
        components.security_scheme("bearer", dict(BEARER))
        components.schema("Problem", dict(PROBLEM))
        components.schema("Violation", dict(VIOLATION))
        for name, description in header_fields.TOLD.items():
            components.header(key(name), {"description": description, "schema": {"type": "string"}})
        for name, parameter in PARAMETERS.items():
            components.parameter(key(name), "header", {"name": name, **parameter})
        for named in errs.named_errors().values():
            if status_of(named) not in BODILESS:
                components.schema(named.__name__, _schema(named))


def _schema(named: type[errs.Error]) -> dict[str, Any]:
    """Return the schema of one named error."""
    own: dict[str, Any] = {
        "code": {"const": named.code},
        "kind": {"const": named.kind.string},
        "status": {"const": status_of(named).value},
        "title": {"const": errs.title(named)},
        **{name: JSON_TYPES[kind] for name, kind in named.declared_facts.items()},
    }
    if named.example.get("failures"):
        own["failures"] = {"type": "array", "maxItems": 100, "items": {"$ref": "#/components/schemas/BatchFailure"}}
    required = ["code", *named.declared_facts]
    described = {"type": "object", "required": required, "properties": own}
    return {"allOf": [{"$ref": "#/components/schemas/Problem"}, described], "description": errs.occurrence(named)}


def document_operation(
    doc: dict[str, Any], doc_info: dict[str, Any], *, app: Flask, spec: APISpec, method: str, **_: object
) -> dict[str, Any]:
    """Complete an operation: its security, header fields, media types, and its errors by status."""
    operation: Operation = doc_info["operation"]
    doc["operationId"] = doc_info["operation_id"]
    if operation.scope is not PUBLIC:
        doc["security"] = [{"bearer": [operation.scope] if operation.scope else []}]
    for content_type in operation.consumes:
        content = doc["requestBody"]["content"]
        content[content_type] = next(iter(content.values()))
    shown = doc_info.get("headers", ())
    doc.setdefault("parameters", []).extend(key(name) for name in _parameters(doc_info, method, shown))
    success = declared(of_success(operation, shown, is_kept=bool(doc_info.get("once"))))
    for response in doc["responses"].values():
        response["headers"] = success
        for media_type in operation.produces[1:]:
            response["content"][media_type] = {"schema": {"type": "string"}}
    if method == "get" and "ETag" in shown:
        doc["responses"][HTTPStatus.NOT_MODIFIED] = {
            "description": HTTPStatus.NOT_MODIFIED.phrase,
            "headers": success,
        }
    for status, response in _errors(operation, app.config["PUBLIC_URL"], method=method):
        doc["responses"][status] = response
    doc["x-errors"] = sorted(named.code for named in operation.raises)
    return doc


def _parameters(doc_info: dict[str, Any], method: str, headers: tuple[str, ...]) -> Iterator[str]:
    """Yield the header fields that an operation reads."""
    yield "Request-Timeout"
    if doc_info.get("once"):
        yield "Idempotency-Key"
    if doc_info.get("conditional"):
        yield "If-Match-To-Replace" if doc_info["needs_if_match"] else "If-Match"
        if method != "get":
            yield "If-None-Match-To-Write"
    if method == "get" and "ETag" in headers:
        yield "If-None-Match"


def _told(group: list[type[errs.Error]], public_url: str) -> str:
    """Return, in Markdown, what each error of one status is, with a link to its page."""
    told = [f"[{named.code}]({public_url}/errors/{errs.slug(named.code)}) {errs.title(named)}" for named in group]
    return told[0] if len(told) == 1 else "\n".join(f"- {each}" for each in told)


def _errors(operation: Operation, public_url: str, *, method: str) -> Iterator[tuple[HTTPStatus, dict[str, Any]]]:
    by_status: dict[HTTPStatus, list[type[errs.Error]]] = {}
    for named in sorted(operation.raises, key=lambda named: named.code):
        by_status.setdefault(status_of(named), []).append(named)
    for status, group in sorted(by_status.items()):
        response: dict[str, Any] = {
            "description": _told(group, public_url),
            "headers": declared(of_errors(operation, group, status, method=method)),
        }
        if status not in BODILESS:
            schemas = [{"$ref": f"#/components/schemas/{named.__name__}"} for named in group]
            response["content"] = {
                MEDIA_TYPE: {
                    "schema": {"oneOf": schemas},
                    "examples": {
                        named.code: {"value": examples.document(named, public_url=public_url)} for named in group
                    },
                }
            }
        yield status, response
