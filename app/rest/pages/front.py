"""The index page, and the assets that all pages share."""

from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import Response, url_for

from app import errs, product
from app.errs.requests import ValidationFailed
from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.pages import catalogue_entries
from app.rest.pages.rendering import HTML, JSON, file_of, negotiated
from app.wire.schemas.front import ServiceIndexSchema

FORMATS: Final = (JSON, HTML)
STATIC: Final = Path(__file__).with_name("static")

blp = Blueprint("front", __name__, scope=operations.PUBLIC, description="The index of the service.")


@blp.route("/", produces=FORMATS)
@blp.response(HTTPStatus.OK, ServiceIndexSchema)
def get_front() -> Any:
    """Return the name of the service and links to its pages."""
    links = {
        "docs": url_for("docs.get_docs"),
        "openapi": url_for("docs.get_openapi"),
        "errors": url_for("catalogue.list_errors"),
        "health": url_for("health.get_health"),
        "readiness": url_for("health.get_readiness"),
    }
    sample = catalogue_entries.find(errs.slug(ValidationFailed.code))
    return negotiated("front", {"name": product.NAME, "links": links, "sample": sample}, FORMATS)


@blp.route("/assets/<path:name>", produces=(), is_documented=False)
@blp.response(HTTPStatus.OK)
def get_asset(name: str) -> Response:
    """Return a stylesheet, a script or an image."""
    return file_of(STATIC, name)
