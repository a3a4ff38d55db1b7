"""What is done about every error that is answered, over whichever protocol: logged once, counted, held to account."""

from collections.abc import Container

from app import errs
from app.observability import batches, logs, metrics


def report(
    exc: BaseException,
    shown: errs.Error,
    fields: dict[str, object],
    *,
    operation: str,
    declared: Container[type[errs.Error]],
    stack: bool,
    shared_by: str | None = None,
) -> bool:
    """Log and count an error, and check that the operation has declared it; return whether it has its own log entry.

    A simulated one is logged and counted separately: it isn't a failure, and doesn't prove a declaration.

    Args:
        exc: what was raised, with its causes.
        shown: the error that is answered.
        fields: what the transport adds to the line.
        operation: its name, or ``unmatched``.
        declared: what it may end with.
        stack: whether to log the traceback.
        shared_by: the address of the client, where errors of one second share a log entry.
    """
    reported = exc if isinstance(exc, errs.Error) else shown
    if reported.is_simulated:
        metrics.simulated(shown)
        return logs.error(exc, shown, fields | {"simulated": True}, stack=False)
    is_own = logs.error(exc, shown, fields, stack=stack, shared_by=shared_by)
    metrics.error(reported, shown)
    batches.count(reported.failures)
    errs.report(operation, reported, declared=errs.definition(shown) in declared)
    return is_own
