"""How the rooms of this floor tell what happened: frozen facts to hooks, none of which can harm the work itself."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from app import product

Event = TypeVar("Event")

_LOG: Final = product.logger("resilience")


def notify(hooks: Iterable[Callable[[Event], None]], event: Event) -> None:
    """Tell every hook; one that raises loses its own turn and nobody else's."""
    for hook in hooks:
        try:
            hook(event)
        except Exception:
            _LOG.exception("a hook failed at %s", type(event).__name__)
