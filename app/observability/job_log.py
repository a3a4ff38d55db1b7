"""Log entries for attempts at jobs, with the IDs of the request that caused the job, and never its payload."""

import logging
from typing import Final

from app import errs, product
from app.errs.platform import InternalError
from app.observability import logs, unforeseen_exceptions

REJECTED: Final = "rejected"
"""The outcome of a job whose recipient rejects it. It is not an error and has no causes."""
_LOG: Final = product.logger("jobs")
LOST: Final = "lease lost"
"""The outcome of a job that another worker has taken over."""
_LEVELS: Final = {
    "done": logging.INFO,
    "rejected": logging.INFO,
    "rescheduled": logging.WARNING,
    LOST: logging.WARNING,
}


def ended(kind: str, outcome: str, fields: dict[str, object], error: Exception | None) -> None:
    """Log the outcome of an attempt; a dead-lettered job is an ERROR with its stack."""
    level = _LEVELS.get(outcome, logging.ERROR)
    if outcome == REJECTED:
        fields |= {"facts": dict(error.facts)} if isinstance(error, errs.Error) else {}
    elif error is not None:
        fields |= logs.cause_chain(error)
        if outcome != LOST:
            unforeseen_exceptions.report(error, operation=kind, code=InternalError.code)
    _LOG.log(level, "job %s: %s", kind, outcome, extra={"fields": {"kind": kind, "outcome": outcome, **fields}})


def failed(what: str, error: Exception) -> None:
    """Log a failure of the worker outside a job."""
    unforeseen_exceptions.report(error, operation="flask worker", code=InternalError.code)
    _LOG.error("%s", what, extra={"fields": logs.cause_chain(error)})


def info(what: str, fields: dict[str, object]) -> None:
    """Log an event of the worker."""
    _LOG.info("%s", what, extra={"fields": fields})
