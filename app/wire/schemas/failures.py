"""The wire form of explained requests."""

from typing import Any

from app.wire import fields
from app.wire.schemas.base import Schema

_MANY = 100


def _open(description: str, example: dict[str, Any], values: dict[str, Any] | None = None) -> fields.Anything:
    """Return a member whose own members depend on what happened."""
    allowed = True if values is None else values
    described = {"type": "object", "additionalProperties": allowed, "description": description, "example": example}
    return fields.Anything(metadata=described)


def _text(description: str, example: str | None = None) -> fields.Text:
    shown = {} if example is None else {"example": example}
    return fields.Text(allow_none=True, metadata={"description": description, **shown})


class FailureCauseSchema(Schema):
    """A link of the chain of causes."""

    type = _text("The exception.", "OperationalError")
    message = _text("Its first line.", "consuming input failed: server closed the connection unexpectedly")
    detail = _text("Details for the log only.")
    sqlstate = _text("The error code of PostgreSQL.", "57P01")


class FailureOccurrenceSchema(Schema):
    """A request: what was asked, how it ended and why, what it cost, and what to do about it."""

    time = fields.Timestamp(attribute="at", metadata={"description": "When it was answered."})
    method = _text("The HTTP method.", "POST")
    route = _text("The pattern; `unmatched` where there is none.", "/v1/tasks")
    path = _text("The path of the request.", "/v1/tasks")
    user = _text("The caller, by the subject of the token.", "alice")
    status = fields.Integer(allow_none=True, metadata={"example": 503, "description": "The HTTP status."})
    outcome = _text("A sentence.", "503 SERVICE_UNAVAILABLE: The service is temporarily unavailable.")
    code = _text("The error's name in the catalogue.", "SERVICE_UNAVAILABLE")
    kind = _text("Its true kind, also where the client was told `internal_error`.", "service_unavailable")
    fault = _text("Who has to act.", "capacity")
    param = _text("The parameter to blame.")
    violations = fields.Listed(
        fields.Text(), longest=_MANY, metadata={"description": "The violated rules, each with its location."}
    )
    op = fields.Listed(
        fields.Text(), longest=_MANY, metadata={"description": "The trail of operations, outermost first."}
    )
    causes = fields.Listed(
        fields.Object(FailureCauseSchema),
        longest=_MANY,
        metadata={"description": "The chain of causes, outermost first."},
    )
    sqlstate = _text("The first in the chain.", "57P01")
    facts = _open("The context that the layers added.", {"disconnected": True})
    stack = fields.Listed(fields.Text(), longest=_MANY, metadata={"description": "Where it was raised."})
    duration_ms = fields.Anything(
        metadata={"type": ["number", "null"], "example": 12.3, "description": "The duration of the request."}
    )
    spent_ms = _open("Milliseconds by stage.", {"database": 11.2, "other": 1.1}, {"type": "number"})
    retries = _open("The number of retries by step.", {"transaction": 2}, {"type": "integer"})
    breakers = _open("Each breaker's state at that time.", {"database": "open"}, {"type": "string"})
    trace_id = _text("The W3C trace ID.", "4bf92f3577b34da6a3ce929d0e0e4736")
    trace_url = _text("Where the trace is, if TRACE_URL says so.")
    client = _text("What the caller should do.")
    operator = _text("What the operator should do.")
    catalogue = _text("The address of the error's page.", "https://api.example.com/errors/service-unavailable")


class FailureExplanationSchema(Schema):
    """All that is on record of a request id: callers choose ids, so that several requests may bear the same."""

    request_id = fields.Text(
        metadata={"example": "581d28e419d005a96bbbb54325ef6ca8", "description": "The ID of the request."}
    )
    occurrences = fields.Listed(
        fields.Object(FailureOccurrenceSchema),
        longest=20,
        metadata={"description": "The failed requests with this ID, newest first."},
    )
