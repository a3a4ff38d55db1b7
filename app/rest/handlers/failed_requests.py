"""Failed requests over HTTP."""

from http import HTTPStatus
from typing import Any, Final

from app.request_context import ADMIN
from app.rest.blueprint import Blueprint
from app.rest.current import services
from app.services.failed_requests import FailureService
from app.wire.schemas.failed_requests import FailureExplanationSchema

REQUEST_ID: Final = {
    "in": "path",
    "name": "request_id",
    "description": "The ID of the request, as in X-Request-Id.",
    "example": "581d28e419d005a96bbbb54325ef6ca8",
}

blp = Blueprint("failures", __name__, scope=ADMIN, url_prefix="/v1", description="Failed requests by ID, for admins.")


@blp.route("/requests/<request_id>", parameters=[REQUEST_ID])
@blp.response(HTTPStatus.OK, FailureExplanationSchema)
@blp.calls(FailureService.explain)
def explain_request(request_id: str) -> Any:
    """Explain a failed request: its outcome, its causes and the recommended actions."""
    return {"request_id": request_id, "occurrences": services().failures.explain(request_id)}
