"""The API reference: the OpenAPI document, and Swagger UI to read and try it (from a wheel, not from a CDN)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final, NamedTuple

import orjson
from flask import Response, current_app

from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.pages import compression
from app.rest.pages.rendering import HTML, POLICY, file_of, page
from app.wire.schemas.openapi_document import OpenApiDocumentSchema

SWAGGER_UI: Final = str(files("flask_swagger_ui") / "dist")
SWAGGER_UI_POLICY: Final = {**POLICY, "style-src": "'self' 'unsafe-inline'"}
"""Swagger UI writes style attributes. The policy for scripts is the same as on other pages."""
A_DAY: Final = 86400


class Summary(NamedTuple):
    """An operation in the list that the page shows before Swagger UI has loaded."""

    method: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """The OpenAPI document as JSON, plain and compressed, with the tag of the plain form and the operations by tag."""

    plain: bytes
    packed: bytes
    tag: str
    info: Mapping[str, Any]
    operations: Mapping[str, Sequence[Summary]]


blp = Blueprint("docs", __name__, scope=operations.PUBLIC, description="The OpenAPI document.")


@blp.route("/openapi.json")
@blp.response(HTTPStatus.OK, OpenApiDocumentSchema, headers=("ETag", compression.ENCODING))
def get_openapi() -> Any:
    """Return the OpenAPI document."""
    it = document()
    response = compression.negotiated(
        lambda: _tagged(it.plain, it.tag), lambda: _tagged(it.packed, it.tag + compression.SUFFIX)
    )
    response.headers["Cache-Control"] = "no-cache, no-transform"
    return response


@blp.route("/docs", produces=(HTML,), is_documented=False)
@blp.response(HTTPStatus.OK)
def get_docs() -> Response:
    """Return the page of the API reference."""
    return page("docs", policy=SWAGGER_UI_POLICY, it=document())


@blp.route("/docs/assets/<path:name>", produces=(), is_documented=False)
@blp.response(HTTPStatus.OK)
def get_docs_asset(name: str) -> Response:
    """Return a file of Swagger UI."""
    return file_of(SWAGGER_UI, name, max_age=A_DAY)


def document() -> Document:
    """Return the OpenAPI document, which is built once for an application."""
    kept: dict[str, Document] = current_app.extensions.setdefault("app-openapi", {})
    if not kept:
        spec = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
        body = orjson.dumps(spec)
        tag = hashlib.sha256(body).hexdigest()[:32]
        kept["document"] = Document(body, compression.compressed(body), tag, spec["info"], _by_tag(spec))
    return kept["document"]


def _by_tag(spec: Mapping[str, Any]) -> dict[str, list[Summary]]:
    found: dict[str, list[Summary]] = {each["name"]: [] for each in spec.get("tags", ())}
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if "operationId" in operation:
                for tag in operation.get("tags", ("",)):
                    found.setdefault(tag, []).append(Summary(method.upper(), path, operation.get("summary", "")))
    return {tag: operations for tag, operations in found.items() if operations}


def _tagged(body: bytes, tag: str) -> Response:
    response = Response(body, mimetype="application/json")
    response.set_etag(tag)
    return response
