"""Health checks over HTTP. Rate limits and Accept do not apply to them."""

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
    """Return ok if the process is alive. No dependency is checked."""
    return {"status": "ok"}


@blp.route("/readyz", produces=())
@blp.response(HTTPStatus.OK, ReadinessSchema)
@blp.calls(ReadinessService.report, needs_database=False)
def get_readiness() -> Any:
    """Return ok if the instance is ready: the database is writable and its schema has the version of the code."""
    return {"status": "ok", "checks": services().readiness.report()}
