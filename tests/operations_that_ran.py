"""The operations that have succeeded in a run, with the codes of the errors that only they have."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from app.errs import Error
from app.rest.operations import Operation

COMMON: Final = frozenset(f"app.errs.{name}" for name in ("access", "lists", "platform", "requests"))
"""Modules with errors of the machinery, which tests of all operations provoke."""
RAN: Final[dict[str, list[str]]] = {}


class Raises(Protocol):
    """An operation over HTTP, or a method over gRPC."""

    @property
    def raises(self) -> Iterable[type[Error]]: ...


def own(operation: Raises) -> Iterator[type[Error]]:
    """Yield the errors that the use cases of an operation declare, apart from those of the machinery."""
    for error in operation.raises:
        if error.__module__.startswith("app.errs.") and error.__module__ not in COMMON:
            yield error


def record(operation: Operation) -> None:
    """Note that an operation has succeeded."""
    if operation.name not in RAN:
        RAN[operation.name] = sorted(error.code for error in own(operation))
