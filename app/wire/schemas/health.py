"""The wire form of health."""

from app.wire import fields
from app.wire.schemas.base import Schema


class HealthSchema(Schema):
    """A living process."""

    status = fields.Text(metadata={"enum": ["ok"], "description": "Always ok."})


class ReadinessSchema(Schema):
    """An instance that may be sent requests, and what was checked."""

    status = fields.Text(metadata={"enum": ["ok"], "description": "Always ok."})
    checks = fields.Anything(
        metadata={
            "type": "object",
            "additionalProperties": {"enum": ["ok", "failed"]},
            "example": {"database": "ok"},
            "description": "The result of each check.",
        }
    )
