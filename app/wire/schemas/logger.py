"""The wire form of what is logged."""

from typing import Any

from app.models.logger import Level, LoggerSettings
from app.wire import fields
from app.wire.schemas.base import Schema


class LoggerSchema(Schema):
    """The log settings in force."""

    level = fields.Choice(
        Level, required=True, metadata={"example": "DEBUG", "description": "The lowest level that is logged."}
    )
    log_error_stack = fields.Boolean(
        required=True, metadata={"example": True, "description": "Whether server errors are logged with their stack."}
    )


class LoggerUpdateSchema(LoggerSchema):
    """The log settings to put in force."""

    def make(self, values: dict[str, Any]) -> LoggerSettings:
        """Return what is asked for."""
        return LoggerSettings(**values)
