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
) -> None:
    """Log and count an error, and tell whether the operation has declared it.

    Args:
        exc: what was raised, with its causes.
        shown: the error that is answered.
        fields: what the transport adds to the line.
        operation: its name, or ``unmatched``.
        declared: what it may end with.
        stack: whether to log the traceback.
    """
    said = exc if isinstance(exc, errs.Error) else shown
    logs.error(exc, shown, fields, stack=stack)
    metrics.error(said, shown)
    batches.count(said.failures)
    errs.tell(operation, said, declared=errs.definition(shown) in declared)
