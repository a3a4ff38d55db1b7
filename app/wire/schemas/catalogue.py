"""The wire form of the catalogue of errors."""

from app.errs import plain
from app.wire import fields
from app.wire.schemas.base import PROBLEM, Schema

_ERRORS = 1000
_BOOLEAN = {"type": "boolean"}


class Prose(fields.Text):
    """A text of a definition, in which pages mark what is code."""

    def encode(self, value: str) -> str:
        """Return the plain text."""
        return plain(value)


class ErrorSummarySchema(Schema):
    """An error as the index lists it."""

    code = fields.Text(metadata={"example": "TASK_TITLE_TAKEN", "description": "The name of the error."})
    title = fields.Text(
        metadata={"example": "You already have a task with this title.", "description": "A short summary."}
    )
    status = fields.Integer(metadata={"description": "The HTTP status.", "example": 409})
    kind = fields.Text(metadata={"example": "item_already_exists", "description": "The category of the error."})
    fault = fields.Text(
        metadata={
            "description": "Who has to act: the client, the service, a dependency, or capacity.",
            "example": "client",
        }
    )
    retryable = fields.Anything(
        metadata={**_BOOLEAN, "description": "Whether a retry can succeed; each problem document has its own answer."}
    )
    type = fields.Text(metadata={"format": "uri", "description": "The `type` of problem documents with this error."})


class ErrorCatalogueSchema(Schema):
    """Every error, in the order of the codes."""

    errors = fields.Listed(
        fields.Object(ErrorSummarySchema), longest=_ERRORS, metadata={"description": "All errors, sorted by code."}
    )


class ErrorPropertySchema(Schema):
    """A member that problem documents of this error have besides those that all have."""

    name = fields.Text(metadata={"example": "limit", "description": "The name of the property."})
    type = fields.Text(metadata={"example": "integer", "description": "Its type in JSON."})


class ErrorExampleSchema(Schema):
    """An answer with this error, made from fixed facts."""

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
    """An operation that answers with this error."""

    method = fields.Text(metadata={"example": "POST", "description": "The HTTP method."})
    path = fields.Text(metadata={"example": "/v1/tasks", "description": "The path template."})
    operation_id = fields.Text(metadata={"example": "create_task", "description": "The operationId in OpenAPI."})


class ErrorEntrySchema(ErrorSummarySchema):
    """All that is known of one error."""

    when = Prose(metadata={"description": "When it occurs."})
    client = fields.Text(metadata={"description": "What the caller should do."})
    operator = Prose(metadata={"description": "What the operator should do."})
    since = fields.Text(metadata={"description": "The version that introduced the error.", "example": "0.1.0"})
    extras = fields.Listed(
        fields.Object(ErrorPropertySchema),
        longest=_ERRORS,
        metadata={"description": "The properties of this error in addition to those of all problem documents."},
    )
    example = fields.Object(ErrorExampleSchema, metadata={"description": "A response with this error."})
    curl = fields.Text(
        allow_none=True, metadata={"description": "Shell commands that provoke the error; null if none can."}
    )
    simulation = fields.Text(
        allow_none=True,
        metadata={
            "description": "A shell command that simulates the error; null where `FAULTS_ON_DEMAND` is off, or no "
            "operation declares the error."
        },
    )
    is_universal = fields.Anything(
        metadata={
            **_BOOLEAN,
            "description": "Whether any request can end with this error, before it reaches an operation.",
        }
    )
    operations = fields.Listed(
        fields.Object(ErrorOperationSchema),
        longest=_ERRORS,
        metadata={"description": "The operations that declare this error."},
    )


class ViolationExampleSchema(Schema):
    """A violation as a problem document lists it."""

    field = fields.Text(metadata={"example": "title", "description": "The property or parameter."})
    code = fields.Text(metadata={"example": "TOO_LONG", "description": "The name of the rule."})
    message = fields.Text(
        metadata={"example": "title must have at most 200 characters", "description": "A sentence for developers."}
    )


class ViolationEntrySchema(Schema):
    """All that is known of one code of violations."""

    code = fields.Text(metadata={"example": "TOO_LONG", "description": "The name of the rule."})
    title = fields.Text(
        metadata={"example": "The value has too many characters or items.", "description": "What is wrong."}
    )
    client = fields.Text(metadata={"description": "How to fix the request."})
    since = fields.Text(metadata={"description": "The version that introduced the code.", "example": "0.1.0"})
    example = fields.Object(ViolationExampleSchema, metadata={"description": "An entry of `errors` with this code."})


class ViolationCatalogueSchema(Schema):
    """Every code of violations, sorted."""

    violations = fields.Listed(
        fields.Object(ViolationEntrySchema), longest=_ERRORS, metadata={"description": "All codes of violations."}
    )
