"""The catalogue of errors: what each means, who has to act, and what it looks like (C11)."""

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
    """List every error that this service can answer with."""
    return negotiated("errors", {"errors": catalogue_entries.summaries()}, FORMATS)


@blp.route("/errors/<slug>", produces=FORMATS, parameters=[SLUG])
@blp.response(HTTPStatus.OK, ErrorEntrySchema)
@blp.calls(catalogue_entries.find, needs_database=False)
def get_error(slug: str) -> Any:
    """Explain one error: when it occurs, what to do, what it looks like."""
    return negotiated("error", catalogue_entries.find(slug), FORMATS)


@blp.route("/errors/violations", produces=FORMATS)
@blp.response(HTTPStatus.OK, ViolationCatalogueSchema)
def list_violations() -> Any:
    """List every code of violations. A request with violations is answered with VALIDATION_FAILED."""
    return negotiated("violations", {"violations": catalogue_entries.violations()}, FORMATS)


@blp.route("/errors/violations/<violation>", produces=FORMATS, parameters=[VIOLATION])
@blp.response(HTTPStatus.OK, ViolationEntrySchema)
@blp.calls(catalogue_entries.find_violation, needs_database=False)
def get_violation(violation: str) -> Any:
    """Explain one code of violations: its rule, and how to fix the request."""
    return negotiated("violation", catalogue_entries.find_violation(violation), FORMATS)
