"""Is the process alive, and may it be sent requests? Exempt from limits, and from Accept."""

from http import HTTPStatus
from typing import Any

from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.current import services
from app.services.readiness import ReadinessService
from app.wire.schemas.health import HealthSchema, ReadinessSchema

blp = Blueprint("health", __name__, scope=operations.PUBLIC, is_limited=False, description="Health checks.")


@blp.route("/healthz", produces=())
@blp.response(HTTPStatus.OK, HealthSchema)
def get_health() -> Any:
    """Say that the process lives; nothing else is asked."""
    return {"status": "ok"}


@blp.route("/readyz", produces=())
@blp.response(HTTPStatus.OK, ReadinessSchema)
@blp.calls(ReadinessService.report, needs_database=False)
def get_readiness() -> Any:
    """Say whether the database can be written and its schema is the one this code was made for."""
    return {"status": "ok", "checks": services().readiness.report()}
