"""One line when a dependency is given up, and one when it is used again; nothing for each refused call."""

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
    """Write the line of a breaker's change of state; its probes in between are for whoever debugs.

    Args:
        name: of the breaker.
        before: its state so far.
        after: its state from now on.
        counts: of the calls that decided it.
        cause: the last failure.
        remedy: what to do about that, if it does not pass by itself.
    """
    fields = {"breaker": name, "before": before, "after": after, **counts}
    if cause is not None:
        fields |= logs.cause_chain(cause, stack=False)
    level = _LEVELS.get((before, after), logging.DEBUG)
    advice = f"; {remedy}" if remedy else ""
    _LOG.log(level, "breaker %s: %s, was %s%s", name, after, before, advice, extra={"fields": fields})
