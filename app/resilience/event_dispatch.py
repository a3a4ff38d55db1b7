"""Dispatch of events to hooks; a failing hook does not affect the work itself."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from app import product

Event = TypeVar("Event")

_LOG: Final = product.logger("resilience")


def notify(hooks: Iterable[Callable[[Event], None]], event: Event) -> None:
    """Call every hook with the event. An exception of one hook is logged and does not affect the others."""
    for hook in hooks:
        try:
            hook(event)
        except Exception:
            _LOG.exception("a hook failed at %s", type(event).__name__)
