"""Log entries about state transitions of circuit breakers; rejected calls are not logged."""

import logging
from collections.abc import Mapping
from typing import Final

from app import product
from app.observability import logs

_LOG: Final = product.logger("breakers")
_LEVELS: Final = {("closed", "open"): logging.WARNING, ("half-open", "closed"): logging.INFO}


def state_changed(
    name: str,
    before: str,
    after: str,
    counts: Mapping[str, int],
    cause: BaseException | None = None,
    remedy: str | None = None,
) -> None:
    """Log a state transition of a breaker; transitions between open and half-open have level DEBUG.

    Args:
        name: the breaker.
        before: the state before.
        after: the state after.
        counts: the counts of the calls that caused the transition.
        cause: the last failure.
        remedy: the recommended action, if the problem does not resolve itself.
    """
    fields = {"breaker": name, "before": before, "after": after, **counts}
    if cause is not None:
        fields |= logs.cause_chain(cause, stack=False)
    level = _LEVELS.get((before, after), logging.DEBUG)
    advice = f"; {remedy}" if remedy else ""
    _LOG.log(level, "breaker %s: %s, was %s%s", name, after, before, advice, extra={"fields": fields})
