"""The schemas of the error catalogue."""

from app.errs import plain
from app.wire import fields
from app.wire.schemas.base import PROBLEM, Schema

_ERRORS = 1000
_BOOLEAN = {"type": "boolean"}


class Prose(fields.Text):
    """A text of a definition, with code in backticks for pages."""

    def encode(self, value: str) -> str:
        """Return the plain text."""
        return plain(value)


class ErrorSummarySchema(Schema):
    """An error in the index."""

    code = fields.Text(metadata={"example": "TASK_TITLE_TAKEN", "description": "The name of the error."})
    title = fields.Text(
        metadata={"example": "You already have a task with this title.", "description": "A short summary."}
    )
    status = fields.Integer(metadata={"description": "The HTTP status.", "example": 409})
    kind = fields.Text(metadata={"example": "item_already_exists", "description": "The category of the error."})
    fault = fields.Text(
        metadata={
            "description": "The party that must act: the client, the service, a dependency, or capacity.",
            "example": "client",
        }
    )
    retryable = fields.Anything(
        metadata={
            **_BOOLEAN,
            "description": "True if a retry can succeed. Each problem document has its own `retryable`.",
        }
    )
    type = fields.Text(metadata={"format": "uri", "description": "The `type` of problem documents with this error."})


class ErrorCatalogueSchema(Schema):
    """All errors, sorted by code."""

    errors = fields.Listed(
        fields.Object(ErrorSummarySchema), longest=_ERRORS, metadata={"description": "All errors, sorted by code."}
    )


class ErrorPropertySchema(Schema):
    """A property of this error's problem documents in addition to the common ones."""

    name = fields.Text(metadata={"example": "limit", "description": "The name of the property."})
    type = fields.Text(metadata={"example": "integer", "description": "Its type in JSON."})


class ErrorExampleSchema(Schema):
    """A response with this error, made from fixed example values."""

    status = fields.Integer(metadata={"example": 409, "description": "The HTTP status."})
    headers = fields.Anything(
        metadata={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "The header fields of the error.",
        }
    )
    body = fields.Anything(
        metadata={
            "anyOf": [PROBLEM, {"type": "null"}],
            "description": "The problem document; null for 401 and 403.",
        }
    )


class ErrorOperationSchema(Schema):
    """An operation that can return this error."""

    method = fields.Text(metadata={"example": "POST", "description": "The HTTP method."})
    path = fields.Text(metadata={"example": "/v1/tasks", "description": "The path template."})
    operation_id = fields.Text(metadata={"example": "create_task", "description": "The operationId in OpenAPI."})


class ErrorEntrySchema(ErrorSummarySchema):
    """The description of one error."""

    when = Prose(metadata={"description": "When the error occurs."})
    client = fields.Text(metadata={"description": "Recommended caller action."})
    operator = Prose(metadata={"description": "Recommended operator action."})
    since = fields.Text(metadata={"description": "The version that introduced the error.", "example": "0.1.0"})
    extras = fields.Listed(
        fields.Object(ErrorPropertySchema),
        longest=_ERRORS,
        metadata={"description": "The properties of this error in addition to those of all problem documents."},
    )
    example = fields.Object(ErrorExampleSchema, metadata={"description": "A response with this error."})
    curl = fields.Text(
        allow_none=True, metadata={"description": "Shell commands that reproduce the error; null if there are none."}
    )
    simulation = fields.Text(
        allow_none=True,
        metadata={
            "description": "A shell command that simulates the error; null if `FAULTS_ON_DEMAND` is off or no "
            "operation declares the error."
        },
    )
    is_universal = fields.Anything(
        metadata={
            **_BOOLEAN,
            "description": "True if any request can get this error before it reaches an operation.",
        }
    )
    operations = fields.Listed(
        fields.Object(ErrorOperationSchema),
        longest=_ERRORS,
        metadata={"description": "The operations that declare this error."},
    )


class ViolationExampleSchema(Schema):
    """A violation in a problem document."""

    field = fields.Text(metadata={"example": "title", "description": "The property or parameter."})
    code = fields.Text(metadata={"example": "TOO_LONG", "description": "The name of the rule."})
    message = fields.Text(
        metadata={"example": "title must have at most 200 characters", "description": "A sentence for developers."}
    )


class ViolationEntrySchema(Schema):
    """The description of one violation code."""

    code = fields.Text(metadata={"example": "TOO_LONG", "description": "The name of the rule."})
    title = fields.Text(
        metadata={"example": "The value has too many characters or items.", "description": "The problem."}
    )
    client = fields.Text(metadata={"description": "How to fix the request."})
    since = fields.Text(metadata={"description": "The version that introduced the code.", "example": "0.1.0"})
    example = fields.Object(ViolationExampleSchema, metadata={"description": "An entry of `errors` with this code."})


class ViolationCatalogueSchema(Schema):
    """All violation codes, sorted."""

    violations = fields.Listed(
        fields.Object(ViolationEntrySchema), longest=_ERRORS, metadata={"description": "All violation codes."}
    )
