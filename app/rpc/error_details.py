"""The status of a failed call (AIP-193): a ``google.rpc.Status`` with standard details."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf import json_format, struct_pb2
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from app import errs, product, request_context
from app.errs import Kind, Outcome
from app.errs.public_parts import outcome
from app.observability.batch_log import BatchResult, Failed
from app.rpc.calls import Call
from app.rpc.error_numbers import error_number, violation_number
from app.rpc.gen.errors.v1 import errors_pb2

DOMAIN: Final = product.SLUG
LISTED: Final = (100, 50, 25, 15, 10, 5, 2, 1, 0)
"""Maximum numbers of violations and failures; the first with which the details are small enough is used."""
LARGEST: Final = 5120
"""The maximum size of the details in bytes: they are metadata, of which clients accept 8 KiB by default."""
SERVICE: Final = "service"
"""The stage of an exceeded deadline, if the error does not name one."""
IDEMPOTENT: Final = ("Get", "List", "Delete")
"""Prefixes of idempotent methods (AIP-131, 132, 135)."""
BODILESS: Final = frozenset({Kind.UNAUTHENTICATED, Kind.UNAUTHORIZED})
"""Errors that have no more details than the challenge over HTTP."""


def status(error: errs.Error, code: StatusCode, call: Call) -> status_pb2.Status:
    """Return the status that a client receives for an error that may be shown."""
    number: int = code.value[0]
    for listed in LISTED:
        packed = [_packed(each) for each in _details(error, call, listed)]
        detail = status_pb2.Status(code=number, message=public_detail(error, outcome_of(call)), details=packed)
        if detail.ByteSize() <= LARGEST:
            break
    return detail


def public_detail(error: errs.Error, outcome: Outcome = Outcome.UNCHANGED) -> str:
    """Return the same ``detail`` as over HTTP."""
    return errs.title(errs.definition(error)) if error.kind in BODILESS else errs.public_message(error, outcome)


def outcome_of(call: Call) -> Outcome:
    """Return the possible effect of a failed call. A call can be repeated if it is idempotent or has a key."""
    if not request_context.changing.get() or call.method is None:
        return Outcome.UNCHANGED
    is_keyed = call.method.is_kept and "idempotency-key" in call.metadata
    is_idempotent = call.method.name.rpartition("/")[2].startswith(IDEMPOTENT)
    return outcome(is_changing=True, is_repeatable=is_keyed or is_idempotent)


def _details(error: errs.Error, call: Call, listed: int) -> Iterator[Message]:
    named, outcome = errs.definition(error), outcome_of(call)
    facts = _declared(error, call)
    members = _metadata(error, {"retryable": errs.is_retryable(error, outcome), **facts}, listed)
    yield error_details_pb2.ErrorInfo(reason=errs.public_code(error), domain=DOMAIN, metadata=members)
    if error.violations:
        broken = [
            error_details_pb2.BadRequest.FieldViolation(field=each.field, description=each.message, reason=each.code)
            for each in error.violations[:listed]
        ]
        yield error_details_pb2.BadRequest(field_violations=broken)
    if outcome is not Outcome.DOUBTFUL and (seconds := errs.public_wait(error)) is not None:
        yield error_details_pb2.RetryInfo(retry_delay=Duration(seconds=seconds))
    yield error_details_pb2.RequestInfo(request_id=request_context.request_id.get() or "")
    page = f"{call.app.config['PUBLIC_URL']}/errors/{errs.slug(named.code)}"
    yield error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=errs.title(named), url=page)])
    yield detail(error, call.path, listed, facts=facts, outcome=outcome)


def _metadata(error: errs.Error, facts: Mapping[str, Any], listed: int) -> dict[str, str]:
    """Return the fields of the problem document that are neither text nor place."""
    members: dict[str, object] = {
        "kind": error.kind.string,
        "param": error.param,
        "truncated": max(len(error.violations), len(error.failures)) > listed or None,
        **facts,
    }
    return {name: _spelled(value) for name, value in members.items() if value is not None}


def _declared(error: errs.Error, call: Call) -> dict[str, Any]:
    """Return the facts that the error's definition declares; the budget of an exceeded deadline comes from the call."""
    facts = errs.public_facts(error)
    if error.kind is Kind.DEADLINE:
        budget = {"budget_ms": round(call.limit.budget.total_seconds() * 1000), "spent_in": SERVICE}
        declared = errs.definition(error).declared_facts
        facts = {**{name: fact for name, fact in budget.items() if name in declared}, **facts}
    return facts


def _spelled(value: object) -> str:
    """Return a fact as text: a list is joined by commas, as in messages."""
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def detail(
    error: errs.Error,
    instance: str,
    listed: int,
    *,
    facts: Mapping[str, Any] | None = None,
    outcome: Outcome = Outcome.UNCHANGED,
) -> errors_pb2.ErrorDetail:
    """Return the service's ``ErrorDetail``. An item of a batch has no facts and no trace."""
    is_item = facts is None
    code = errs.public_code(error)
    made = errors_pb2.ErrorDetail(
        code=code,
        app_error_code=error_number(code, error.kind),
        title=errs.title(errs.definition(error)),
        detail=public_detail(error, outcome),
        field_violations=[
            errors_pb2.FieldViolation(
                field=each.field,
                description=each.message,
                code=each.code,
                app_error_code=violation_number(each.code),
            )
            for each in error.violations[:listed]
        ],
        trace_id=None if is_item else request_context.trace_id.get(),
        instance=instance,
    )
    made.timestamp.FromDatetime(datetime.now(UTC))
    for name, value in (errs.public_facts(error) if facts is None else facts).items():
        made.extensions[name].Pack(json_format.ParseDict(value, struct_pb2.Value()))
    if error.failures:
        items = errors_pb2.ItemFailures(failures=failures(error.failures[:listed], instance))
        made.extensions["failures"].Pack(items)
    return made


def failures(failed: Iterable[tuple[int, errs.Error]], instance: str) -> list[errors_pb2.ItemFailure]:
    """Return the errors of the failed items of a batch."""
    return [errors_pb2.ItemFailure(index=index, error=detail(error, instance, LISTED[0])) for index, error in failed]


def failures_of(call: Call, failed: Failed, *, created: int) -> list[errors_pb2.ItemFailure]:
    """Return the failed items of a batch in which others succeeded. Each is counted; one log entry lists all.

    Args:
        call: the call.
        failed: the items by their indexes, with their errors.
        created: the number of items that did not fail.
    """
    call.batch = BatchResult(created=created, failed=failed)
    return failures(failed, call.path)


def _packed(message: Message) -> Packed:
    packed = Packed()
    packed.Pack(message)
    return packed
