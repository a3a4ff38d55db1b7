"""Log settings over HTTP, for admins."""

from http import HTTPStatus
from typing import Any

from app.models.logger import LoggerSettings
from app.request_context import ADMIN
from app.rest.blueprint import Blueprint
from app.rest.current import principal, services
from app.rest.operations import KIB
from app.services.logger import LoggerService
from app.wire.schemas.logger import LoggerSchema, LoggerUpdateSchema

blp = Blueprint(
    "logger",
    __name__,
    scope=ADMIN,
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="Log settings, for admins.",
)


@blp.route("/logger")
@blp.response(HTTPStatus.OK, LoggerSchema)
@blp.calls(LoggerService.get)
def get_logger() -> Any:
    """Return the log settings."""
    return services().logger.get()


@blp.route("/logger", methods=("PUT",))
@blp.arguments(LoggerUpdateSchema)
@blp.response(HTTPStatus.OK, LoggerSchema)
@blp.calls(LoggerService.put)
def put_logger(new: LoggerSettings) -> Any:
    """Change the log settings of all workers and instances, within 5 seconds."""
    return services().logger.put(new, by=principal())
