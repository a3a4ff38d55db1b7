"""The OpenAPI document: flask-smorest's ``Api``, with the errors, header fields and security of this service.

It is built when ``spec`` is first read, because building it takes longer than all other steps of ``create_app``.
"""

from collections.abc import Callable
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
from app.rest import openapi_completion, openapi_responses, response_header_meanings, scopes
from app.rest.converters import ResourceId, resource_id_schema
from app.rest.errors import BODILESS, MEDIA_TYPE, status_of
from app.rest.openapi_components import (
    ANY_PROBLEM,
    BEARER,
    FACTS,
    ITEM_PROBLEM,
    JSON_TYPES,
    PARAMETERS,
    PROBLEM,
    VIOLATION,
)
from app.rest.response_header_meanings import key

_PROBLEM_CONTENT: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_GENERATED: Final = "Generated"
"""The name of a schema that marshmallow creates from a dict."""


class Api(flask_smorest.Api):
    """flask-smorest's API, with the errors of this service instead of smorest's error handling and responses."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, *args: Any, **options: Any) -> None:
        self._unwritten: list[Callable[[], None]] = []
        self._writing = RLock()
        super().__init__(*args, **options)

    @property
    def spec(self) -> Any:
        """The document, an ``APISpec``, with all registrations so far, or ``None`` before ``init_app``."""
        with self._writing:
            while self._unwritten:
                write = self._unwritten.pop(0)
                try:
                    write()
                except Exception:
                    self._unwritten.insert(0, write)  # an incomplete document is never returned
                    raise
        return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._spec = spec

    def register_blueprint(self, blp: Any, *, parameters: list[Any] | None = None, **options: Any) -> None:
        """Register a blueprint, and document it. A stock flask-smorest blueprint gets the errors of this service."""
        if not hasattr(blp, "scope_to_write") and _document_stock not in blp._prepare_doc_cbks:  # noqa: SLF001 -- smorest has no other hook
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
            ValueError: OPENAPI_VERSION is 2, which does not support most of this documentation.
        """
        version = str(self.config.get("OPENAPI_VERSION", options.get("openapi_version")))
        if version.startswith("2"):
            raise ValueError(f"OPENAPI_VERSION {version} is not supported: use 3.1.0, or omit it")
        self._named: dict[str, Any] = {}
        plugin = marshmallow_plugin or MarshmallowPlugin(schema_name_resolver=self._name_of)  # type: ignore[arg-type]  # also an instance, and None inlines
        super()._init_spec(marshmallow_plugin=plugin, **options)
        unlisted = frozenset(
            {"ItemProblem", "PaginationMetadata", *(named.__name__ for named in errs.named_errors().values())}
        )
        made = self._spec.to_dict

        def finished() -> dict[str, Any]:
            document = openapi_completion.finished(made(), unlisted=unlisted)
            openapi_responses.share(document)
            return document

        self._spec.to_dict = finished

    def _name_of(self, schema: Any) -> str | None:
        """Return the name of a schema in the document, or ``None`` for a schema from a dict, which has no name.

        If a schema class is used with different modifiers, such as ``only``, the second and further ones get a number.
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
        """Register no handlers: ``rest.errors`` handles errors."""

    def _register_responses(self) -> None:
        """Define a response for each status by name, as smorest does: ``alt_response(404, "NOT_FOUND")``."""
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
        components.security_scheme("bearer", {**BEARER, "x-scopes": sorted(scopes.SCOPES)})
        components.schema("Problem", dict(ANY_PROBLEM))
        components.schema("ItemProblem", dict(ITEM_PROBLEM))
        components.schema("Violation", dict(VIOLATION))
        for name, description in response_header_meanings.DOCUMENTED.items():
            components.header(key(name), {"description": description, "schema": {"type": "string"}})
        for name, parameter in PARAMETERS.items():
            components.parameter(key(name), "header", {"name": name, **parameter})
        for named in errs.named_errors().values():
            if status_of(named) not in BODILESS:
                components.schema(named.__name__, problem_schema(named))


def problem_schema(named: type[errs.Error]) -> dict[str, Any]:
    """Return the complete schema of one named error, because generators merge ``allOf`` in different ways."""
    own: dict[str, Any] = {
        "code": {**PROBLEM["properties"]["code"], "enum": [named.code]},
        "kind": {**PROBLEM["properties"]["kind"], "enum": [named.kind.string]},
        **{
            name: {**JSON_TYPES[kind], "description": FACTS.get(name, "A value that `detail` contains.")}
            for name, kind in named.declared_facts.items()
        },
    }
    if named.example.get("failures"):
        own["failures"] = {
            "type": "array",
            "maxItems": 100,
            "items": {"$ref": "#/components/schemas/BatchFailure"},
            "description": "The items that were not created.",
        }
    return {
        "type": "object",
        "description": errs.occurrence(named),
        "required": [*PROBLEM["required"], *named.declared_facts],
        "properties": {**PROBLEM["properties"], **own},
    }


def _document_stock(doc: dict[str, Any], _info: dict[str, Any], **_: object) -> dict[str, Any]:
    """Complete an operation of a stock flask-smorest blueprint: violations return 400 here, not 422."""
    responses = doc.get("responses", {})
    if responses.get(HTTPStatus.UNPROCESSABLE_ENTITY) == HTTPStatus.UNPROCESSABLE_ENTITY.name:
        del responses[HTTPStatus.UNPROCESSABLE_ENTITY]
        responses.setdefault(HTTPStatus.BAD_REQUEST, HTTPStatus.BAD_REQUEST.name)
    doc.setdefault("security", [{"bearer": []}])
    return doc
