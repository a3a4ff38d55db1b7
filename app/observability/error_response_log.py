"""Reporting of each error response, for every protocol: logged once, counted, and checked against the declared
errors.
"""

from collections.abc import Container

from app import errs
from app.observability import batch_log, logs, metrics, unforeseen_exceptions


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
    """Log and count an error, and check that the operation declares it; return true if it has its own log entry.

    A simulated error is logged and counted separately: it is not a failure and does not prove a declaration.

    Args:
        exc: the raised exception, with its causes.
        shown: the returned error.
        fields: the transport's fields of the log entry.
        operation: the operation's name, or ``unmatched``.
        declared: the errors that the operation declares.
        stack: true to log the traceback.
        shared_by: the address of the client, if errors of one second share a log entry.
    """
    reported = exc if isinstance(exc, errs.Error) else shown
    if reported.is_simulated:
        metrics.simulated(shown)
        return logs.error(exc, shown, fields | {"simulated": True}, stack=False)
    is_own = logs.error(exc, shown, fields, stack=stack, shared_by=shared_by)
    metrics.error(reported, shown)
    unforeseen_exceptions.report(exc, operation=operation, code=errs.definition(shown).code)
    batch_log.count(reported.failures)
    errs.report(operation, reported, declared=errs.definition(shown) in declared)
    return is_own
