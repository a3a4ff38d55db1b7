"""The wire form of the catalogue of errors."""

from app.errs import plain
from app.wire import fields
from app.wire.schemas.base import Schema

_ERRORS = 1000
_BOOLEAN = {"type": "boolean"}


class Prose(fields.Text):
    """A text of a definition, in which pages mark what is code."""

    def encode(self, value: str) -> str:
        """Return the plain text."""
        return plain(value)


class SummarySchema(Schema):
    """An error as the index lists it."""

    code = fields.Text(metadata={"example": "TASK_TITLE_TAKEN"})
    title = fields.Text(metadata={"example": "A task of yours already bears this title."})
    status = fields.Integer(metadata={"description": "The HTTP status.", "example": 409})
    kind = fields.Text(metadata={"example": "item_already_exists"})
    fault = fields.Text(metadata={"description": "Who has to act so that the error goes away.", "example": "client"})
    retryable = fields.Anything(metadata=_BOOLEAN)
    type = fields.Text(metadata={"format": "uri", "description": "What the error's problem documents bear as type."})


class CatalogueSchema(Schema):
    """Every error, in the order of the codes."""

    errors = fields.Listed(fields.Object(SummarySchema), longest=_ERRORS)


class ExtraSchema(Schema):
    """A member that problem documents of this error have besides those that all have."""

    name = fields.Text(metadata={"example": "limit"})
    type = fields.Text(metadata={"example": "integer"})


class ExampleSchema(Schema):
    """An answer with this error, made from fixed facts."""

    status = fields.Integer(metadata={"example": 409})
    headers = fields.Anything(metadata={"type": "object", "additionalProperties": {"type": "string"}})
    body = fields.Anything(
        metadata={"type": ["object", "null"], "description": "The problem document; null for 401 and 403."}
    )


class AnsweringSchema(Schema):
    """An operation that answers with this error."""

    method = fields.Text(metadata={"example": "POST"})
    path = fields.Text(metadata={"example": "/v1/tasks"})
    operation_id = fields.Text(metadata={"example": "create_task"})


class EntrySchema(SummarySchema):
    """All that is known of one error."""

    when = Prose(metadata={"description": "When it occurs."})
    client = fields.Text(metadata={"description": "What the caller should do."})
    operator = Prose(metadata={"description": "What who runs the service should do."})
    since = fields.Text(metadata={"description": "The version that brought it.", "example": "0.1.0"})
    extras = fields.Listed(fields.Object(ExtraSchema), longest=_ERRORS)
    example = fields.Object(ExampleSchema)
    curl = fields.Text(allow_none=True, metadata={"description": "Shell lines that provoke it; null where none can."})
    is_universal = fields.Anything(
        metadata={**_BOOLEAN, "description": "Any request may end so, before an operation is reached."}
    )
    operations = fields.Listed(fields.Object(AnsweringSchema), longest=_ERRORS)
