"""One line for each attempt at a job, with the ids of the request that caused it. Payloads never enter one."""

import logging
from typing import Final

from app import errs, product
from app.observability import logs

REJECTED: Final = "rejected"
"""The outcome of a job whose recipient rejects it: no error, therefore without causes."""
_LOG: Final = product.logger("jobs")
_LEVELS: Final = {
    "done": logging.INFO,
    "rejected": logging.INFO,
    "rescheduled": logging.WARNING,
    "lease lost": logging.WARNING,
}


def ended(kind: str, outcome: str, fields: dict[str, object], error: Exception | None) -> None:
    """Write how an attempt ended; a job that is dead is an error, and its stack is told."""
    level = _LEVELS.get(outcome, logging.ERROR)
    if outcome == REJECTED:
        fields |= {"facts": dict(error.facts)} if isinstance(error, errs.Error) else {}
    elif error is not None:
        fields |= logs.cause_chain(error)
    _LOG.log(level, "job %s: %s", kind, outcome, extra={"fields": {"kind": kind, "outcome": outcome, **fields}})


def failed(what: str, error: Exception) -> None:
    """Write that something failed around the jobs, and not in one."""
    _LOG.error("%s", what, extra={"fields": logs.cause_chain(error)})


def info(what: str, fields: dict[str, object]) -> None:
    """Write what the worker is up to."""
    _LOG.info("%s", what, extra={"fields": fields})
