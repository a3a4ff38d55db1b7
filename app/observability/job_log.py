"""Log entries for attempts at jobs, with the IDs of the request that caused the job, and never its payload."""

import logging
from typing import Final

from app import errs, product
from app.observability import logs

REJECTED: Final = "rejected"
"""The outcome of a job whose recipient rejects it. It is not an error and has no causes."""
_LOG: Final = product.logger("jobs")
_LEVELS: Final = {
    "done": logging.INFO,
    "rejected": logging.INFO,
    "rescheduled": logging.WARNING,
    "lease lost": logging.WARNING,
}


def ended(kind: str, outcome: str, fields: dict[str, object], error: Exception | None) -> None:
    """Log the outcome of an attempt; a dead-lettered job is an ERROR with its stack."""
    level = _LEVELS.get(outcome, logging.ERROR)
    if outcome == REJECTED:
        fields |= {"facts": dict(error.facts)} if isinstance(error, errs.Error) else {}
    elif error is not None:
        fields |= logs.cause_chain(error)
    _LOG.log(level, "job %s: %s", kind, outcome, extra={"fields": {"kind": kind, "outcome": outcome, **fields}})


def failed(what: str, error: Exception) -> None:
    """Log a failure of the worker outside a job."""
    _LOG.error("%s", what, extra={"fields": logs.cause_chain(error)})


def info(what: str, fields: dict[str, object]) -> None:
    """Log an event of the worker."""
    _LOG.info("%s", what, extra={"fields": fields})
