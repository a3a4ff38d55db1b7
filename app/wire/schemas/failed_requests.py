"""The schemas of failed requests."""

from typing import Any

from app.wire import fields
from app.wire.schemas.base import Schema

_MANY = 100


def _open(description: str, example: dict[str, Any], values: dict[str, Any] | None = None) -> fields.Anything:
    """Return an object whose properties depend on the failure."""
    allowed = True if values is None else values
    described = {"type": "object", "additionalProperties": allowed, "description": description, "example": example}
    return fields.Anything(metadata=described)


def _text(description: str, example: str | None = None) -> fields.Text:
    shown = {} if example is None else {"example": example}
    return fields.Text(allow_none=True, metadata={"description": description, **shown})


class FailureCauseSchema(Schema):
    """An exception in the chain of causes."""

    type = _text("The exception.", "OperationalError")
    message = _text("Its first line.", "consuming input failed: server closed the connection unexpectedly")
    detail = _text("Details for the log only.")
    sqlstate = _text("The error code of PostgreSQL.", "57P01")


class FailureOccurrenceSchema(Schema):
    """A failed request: its outcome, causes, duration, and recommended actions."""

    time = fields.Timestamp(attribute="at", metadata={"description": "When the service responded."})
    method = _text("The HTTP method.", "POST")
    route = _text("The path template, or `unmatched`.", "/v1/tasks")
    path = _text("The path of the request.", "/v1/tasks")
    user = _text("The caller, by the subject of the token.", "alice")
    status = fields.Integer(allow_none=True, metadata={"example": 503, "description": "The HTTP status."})
    outcome = _text("The status, code and title.", "503 SERVICE_UNAVAILABLE: The service is temporarily unavailable.")
    code = _text("The code of the error in the catalogue.", "SERVICE_UNAVAILABLE")
    kind = _text("The actual error category, also if the response had `internal_error`.", "service_unavailable")
    fault = _text("The party that must act.", "capacity")
    param = _text("The invalid parameter.")
    violations = fields.Listed(
        fields.Text(), longest=_MANY, metadata={"description": "The violated rules, each with its location."}
    )
    op = fields.Listed(fields.Text(), longest=_MANY, metadata={"description": "The operation path, outermost first."})
    causes = fields.Listed(
        fields.Object(FailureCauseSchema),
        longest=_MANY,
        metadata={"description": "The chain of causes, outermost first."},
    )
    sqlstate = _text("The first SQLSTATE in the chain of causes.", "57P01")
    facts = _open("Context recorded by each layer.", {"disconnected": True})
    stack = fields.Listed(fields.Text(), longest=_MANY, metadata={"description": "Where it was raised."})
    duration_ms = fields.Anything(
        metadata={"type": ["number", "null"], "example": 12.3, "description": "The duration of the request."}
    )
    spent_ms = _open("Milliseconds by stage.", {"database": 11.2, "other": 1.1}, {"type": "number"})
    retries = _open("The number of retries by stage.", {"transaction": 2}, {"type": "integer"})
    breakers = _open("The state of each circuit breaker at that time.", {"database": "open"}, {"type": "string"})
    trace_id = _text("The W3C trace ID.", "4bf92f3577b34da6a3ce929d0e0e4736")
    trace_url = _text("The address of the trace, if TRACE_URL is set.")
    client = _text("Recommended caller action.")
    operator = _text("Recommended operator action.")
    catalogue = _text("The address of the error's page.", "https://api.example.com/errors/service-unavailable")


class FailureExplanationSchema(Schema):
    """The stored failures of a request ID. Callers can choose request IDs, so an ID can match several requests."""

    request_id = fields.Text(
        metadata={"example": "581d28e419d005a96bbbb54325ef6ca8", "description": "The ID of the request."}
    )
    occurrences = fields.Listed(
        fields.Object(FailureOccurrenceSchema),
        longest=20,
        metadata={"description": "The failed requests with this ID, newest first."},
    )
