"""The OpenAPI document: flask-smorest's ``Api``, with the errors, header fields and security of this service.

It is built when ``spec`` is first read: building takes most of the time that ``create_app`` would.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from http import HTTPStatus
from threading import RLock
from typing import Any, Final

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import Flask

from app import errs
from app.rest import header_fields
from app.rest.converters import ResourceId, resource_id_schema
from app.rest.errors import BODILESS, MEDIA_TYPE, status_of
from app.rest.header_fields import key
from app.rest.operations import EVERYWHERE
from app.wire import timestamps

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

An operation with a body reads at most `x-max-body-bytes` of it, and answers 413 to a larger one before it is read.

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
        "timestamp": {"type": "string", "format": "date-time", "pattern": timestamps.PATTERN},
        "trace_id": {"type": "string"},
        "retryable": {
            "type": "boolean",
            "description": "Whether the same request may be sent again: it cannot make a change twice.",
        },
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

_PROBLEM_CONTENT: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_GENERATED: Final = "Generated"
"""The name of the schema that marshmallow makes of a dict."""


class Api(flask_smorest.Api):
    """flask-smorest's API, with the errors of this service in place of smorest's error handling and responses."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, *args: Any, **options: Any) -> None:
        self._unwritten: list[Callable[[], None]] = []
        self._writing = RLock()
        super().__init__(*args, **options)

    @property
    def spec(self) -> Any:
        """The document, an ``APISpec``, with everything that is registered so far; ``None`` before ``init_app``."""
        with self._writing:
            while self._unwritten:
                write = self._unwritten.pop(0)
                try:
                    write()
                except Exception:
                    self._unwritten.insert(0, write)  # so that an incomplete document is never served
                    raise
        return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._spec = spec

    def register_blueprint(self, blp: Any, *, parameters: list[Any] | None = None, **options: Any) -> None:
        """Register a blueprint, and document it; one of flask-smorest's own gets the errors of this service."""
        if not hasattr(blp, "scope_to_write") and _document_stock not in blp._prepare_doc_cbks:  # noqa: SLF001 -- smorest has no other way in
            blp._prepare_doc_cbks.append(_document_stock)  # noqa: SLF001 -- as above
        name = options.get("name", blp.name)
        self._app.extensions["flask-smorest"]["blp_name_to_api"][name] = self
        self._app.register_blueprint(blp, **options)
        self._unwritten.append(partial(self._document, blp, name, parameters))

    def _document(self, blp: Any, name: str, parameters: list[Any] | None) -> None:
        """Document a blueprint, as flask-smorest does when it registers one."""
        blp.register_views_in_doc(self, self._app, self._spec, name=name, parameters=parameters)
        self._spec.tag({"name": name, "description": blp.description})

    def _init_spec(self, *, marshmallow_plugin: MarshmallowPlugin | None = None, **options: Any) -> None:
        """Prepare the document.

        Raises:
            ValueError: OPENAPI_VERSION is 2, which has no place for most of what is documented here.
        """
        version = str(self.config.get("OPENAPI_VERSION", options.get("openapi_version")))
        if version.startswith("2"):
            raise ValueError(f"OPENAPI_VERSION {version} is not supported: use 3.1.0, or leave it out")
        self._named: dict[str, Any] = {}
        plugin = marshmallow_plugin or MarshmallowPlugin(schema_name_resolver=self._name_of)  # type: ignore[arg-type]  # an instance, too, and None inlines
        super()._init_spec(marshmallow_plugin=plugin, **options)

    def _name_of(self, schema: Any) -> str | None:
        """Return the name of a schema in the document; ``None`` for one that was made of a dict, which has none.

        A schema class that is used with different modifiers, such as ``only``, has a number from the second on.
        """
        name, cls = resolver(schema), resolve_schema_cls(schema)
        if name == _GENERATED:
            return None
        found, number = name, 0
        while found in self._spec.components.schemas and self._named.get(found) is cls:
            number += 1
            found = f"{name}{number}"
        self._named[found] = cls
        return found

    def _register_error_handlers(self) -> None:
        """Leave errors to ``rest.errors``."""

    def _register_responses(self) -> None:
        """Offer a response for each status by name, as smorest does: ``alt_response(404, "NOT_FOUND")``."""
        for status in HTTPStatus:
            has_problem = status >= HTTPStatus.BAD_REQUEST and status not in BODILESS
            content = {"content": _PROBLEM_CONTENT} if has_problem else {}
            self._spec.components.response(status.name, {"description": status.phrase, **deepcopy(content)}, lazy=True)
        default = {"description": "Any error", "content": deepcopy(_PROBLEM_CONTENT)}
        self._spec.components.response("DEFAULT_ERROR", default, lazy=True)

    def init_app(self, app: Flask, *, spec_kwargs: dict[str, Any] | None = None) -> None:
        """Prepare the document: headers, parameters, security and the schema of every named error."""
        super().init_app(app, spec_kwargs=spec_kwargs)
        self.register_converter(ResourceId, resource_id_schema)
        self._unwritten.append(self._document_components)

    def _document_components(self) -> None:
        components = self._spec.components
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


def _document_stock(doc: dict[str, Any], _info: dict[str, Any], **_: object) -> dict[str, Any]:
    """Complete an operation of a blueprint of flask-smorest itself: violations are answered with 400 here, not 422."""
    responses = doc.get("responses", {})
    if responses.get(HTTPStatus.UNPROCESSABLE_ENTITY) == HTTPStatus.UNPROCESSABLE_ENTITY.name:
        del responses[HTTPStatus.UNPROCESSABLE_ENTITY]
        responses.setdefault(HTTPStatus.BAD_REQUEST, HTTPStatus.BAD_REQUEST.name)
    doc.setdefault("security", [{"bearer": []}])
    return doc
