"""The wire form of health."""

from app.wire import fields
from app.wire.schemas.base import Schema


class AliveSchema(Schema):
    """A living process."""

    status = fields.Text(metadata={"enum": ["ok"]})


class ReadySchema(Schema):
    """An instance that may be sent requests, and what was checked."""

    status = fields.Text(metadata={"enum": ["ok"]})
    checks = fields.Anything(
        metadata={"type": "object", "additionalProperties": {"enum": ["ok", "failed"]}, "example": {"database": "ok"}}
    )
