"""The wire form of what is logged."""

from typing import Any

from app.models.logger import Level, LoggerSettings
from app.wire import fields
from app.wire.schemas.base import Schema


class LoggerSchema(Schema):
    """What is logged: lines of this level and above, and stacks of server errors or none."""

    level = fields.Choice(Level, required=True, metadata={"example": "DEBUG"})
    log_error_stack = fields.Boolean(required=True, metadata={"example": True})

    def make(self, values: dict[str, Any]) -> LoggerSettings:
        """Return what is asked for."""
        return LoggerSettings(**values)
