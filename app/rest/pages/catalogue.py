"""The error catalogue: the meaning, the responsible party and an example of each error (C11)."""

from http import HTTPStatus
from typing import Any, Final

from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.pages import catalogue_entries
from app.rest.pages.rendering import HTML, JSON, MARKDOWN, negotiated
from app.wire.schemas.catalogue import (
    ErrorCatalogueSchema,
    ErrorEntrySchema,
    ViolationCatalogueSchema,
    ViolationEntrySchema,
)

FORMATS: Final = (JSON, HTML, MARKDOWN)

SLUG: Final = {
    "in": "path",
    "name": "slug",
    "description": "The code of the error in kebab case.",
    "example": "task-title-taken",
}
VIOLATION: Final = {
    **SLUG,
    "name": "violation",
    "description": "The code of the violation in kebab case.",
    "example": "too-long",
}

blp = Blueprint("catalogue", __name__, scope=operations.PUBLIC, description="The error catalogue.")


@blp.route("/errors", produces=FORMATS)
@blp.response(HTTPStatus.OK, ErrorCatalogueSchema)
def list_errors() -> Any:
    """List all errors that this service can return."""
    return negotiated("errors", {"errors": catalogue_entries.summaries()}, FORMATS)


@blp.route("/errors/<slug>", produces=FORMATS, parameters=[SLUG])
@blp.response(HTTPStatus.OK, ErrorEntrySchema)
@blp.calls(catalogue_entries.find, needs_database=False)
def get_error(slug: str) -> Any:
    """Describe one error: when it occurs, how to fix it, and an example."""
    return negotiated("error", catalogue_entries.find(slug), FORMATS)


@blp.route("/errors/violations", produces=FORMATS)
@blp.response(HTTPStatus.OK, ViolationCatalogueSchema)
def list_violations() -> Any:
    """List all violation codes. A request with violations returns VALIDATION_FAILED."""
    return negotiated("violations", {"violations": catalogue_entries.violations()}, FORMATS)


@blp.route("/errors/violations/<violation>", produces=FORMATS, parameters=[VIOLATION])
@blp.response(HTTPStatus.OK, ViolationEntrySchema)
@blp.calls(catalogue_entries.find_violation, needs_database=False)
def get_violation(violation: str) -> Any:
    """Describe one violation code: its rule, and how to fix the request."""
    return negotiated("violation", catalogue_entries.find_violation(violation), FORMATS)
