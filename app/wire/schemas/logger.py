"""The wire form of what is logged."""

from typing import Any

import marshmallow as ma

from app.models.logger import Level, LoggerSettings
from app.wire import fields
from app.wire.schemas.base import Schema


class LoggerSchema(Schema):
    """What is logged: lines of this level and above, and stacks of server errors or none."""

    level = fields.Choice(Level, required=True, metadata={"example": "DEBUG"})
    log_error_stack = fields.Boolean(required=True, metadata={"example": True})

    @ma.post_load
    def make(self, data: dict[str, Any], **_: object) -> LoggerSettings:
        """Return what is asked for."""
        return LoggerSettings(**data)
