"""The schemas of health endpoints."""

from app.wire import fields
from app.wire.schemas.base import Schema


class HealthSchema(Schema):
    """The response of a live process."""

    status = fields.Text(metadata={"enum": ["ok"], "description": "Always ok."})


class ReadinessSchema(Schema):
    """The response of an instance that is ready for requests, with the results of its checks."""

    status = fields.Text(metadata={"enum": ["ok"], "description": "Always ok."})
    checks = fields.Anything(
        metadata={
            "type": "object",
            "additionalProperties": {"enum": ["ok", "failed"]},
            "example": {"database": "ok"},
            "description": "The result of each check.",
        }
    )
