"""The schemas of log settings."""

from typing import Any

from app.models.logger import Level, LoggerSettings
from app.wire import fields
from app.wire.schemas.base import Schema


class LoggerSchema(Schema):
    """The current log settings."""

    level = fields.Choice(
        Level, required=True, metadata={"example": "DEBUG", "description": "The lowest level that is logged."}
    )
    log_error_stack = fields.Boolean(
        required=True, metadata={"example": True, "description": "If true, server errors are logged with their stack."}
    )


class LoggerUpdateSchema(LoggerSchema):
    """The new log settings."""

    def make(self, values: dict[str, Any]) -> LoggerSettings:
        """Return the settings."""
        return LoggerSettings(**values)
