"""The reference: the OpenAPI document, and Swagger UI to read and try it (its files come from a wheel, not a CDN)."""

import hashlib
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

import orjson
from flask import Response, current_app

from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.pages.rendering import HTML, POLICY, file_of, page
from app.wire.schemas.openapi import OpenApiDocumentSchema

SWAGGER_UI: Final = str(files("flask_swagger_ui") / "dist")
SWAGGER_UI_POLICY: Final = {**POLICY, "style-src": "'self' 'unsafe-inline'"}
"""Swagger UI writes style attributes; scripts stay as strict as everywhere."""
A_DAY: Final = 86400

blp = Blueprint("docs", __name__, scope=operations.PUBLIC, description="The OpenAPI document.")


@blp.route("/openapi.json")
@blp.response(HTTPStatus.OK, OpenApiDocumentSchema, headers=("ETag",))
def get_openapi() -> Any:
    """Return the OpenAPI document."""
    body, tag = document()
    response = Response(body, mimetype="application/json")
    response.set_etag(tag)
    response.headers["Cache-Control"] = "no-cache"
    return response


@blp.route("/docs", produces=(HTML,), is_documented=False)
@blp.response(HTTPStatus.OK)
def get_docs() -> Response:
    """Show the reference."""
    return page("docs", policy=SWAGGER_UI_POLICY)


@blp.route("/docs/assets/<path:name>", produces=(), is_documented=False)
@blp.response(HTTPStatus.OK)
def get_docs_asset(name: str) -> Response:
    """Send a file of Swagger UI."""
    return file_of(SWAGGER_UI, name, max_age=A_DAY)


def document() -> tuple[bytes, str]:
    """Return the OpenAPI document as JSON, and its entity tag; made once for an application."""
    kept: dict[str, tuple[bytes, str]] = current_app.extensions.setdefault("candor-openapi", {})
    if not kept:
        api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
        body = orjson.dumps(api.spec.to_dict())
        kept["document"] = body, hashlib.sha256(body).hexdigest()[:32]
    return kept["document"]
