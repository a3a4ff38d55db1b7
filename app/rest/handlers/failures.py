"""Failed requests over HTTP."""

from http import HTTPStatus
from typing import Any

from app.context import ADMIN
from app.rest.blueprint import Blueprint
from app.rest.current import services
from app.services.failures import FailureService
from app.wire.schemas.failures import ExplanationSchema

blp = Blueprint("failures", __name__, scope=ADMIN, url_prefix="/v1", description="From a request id to the cause.")


@blp.route("/requests/<request_id>")
@blp.response(HTTPStatus.OK, ExplanationSchema)
@blp.calls(FailureService.explain)
def explain_request(request_id: str) -> Any:
    """Explain a failed request: what was asked, why it failed, and what to do about it."""
    return {"request_id": request_id, "occurrences": services().failures.explain(request_id)}
