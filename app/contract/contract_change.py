"""A change between two records of the contract, described in one sentence."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

LISTED: Final = 3
"""The largest number of operations in a sentence. For the others, the sentence has their number."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the contract.

    Args:
        fact: a description of the change.
        effect: for a breaking change, the affected callers and the effect on them.
        names: for an addition, the names that an entry of CHANGELOG.md must contain, all of them.
        operations: the affected operations.
    """

    fact: str
    effect: str = ""
    names: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()

    @property
    def is_breaking(self) -> bool:
        """True if some callers must change something."""
        return bool(self.effect)

    @property
    def sentence(self) -> str:
        """The change in one sentence."""
        shown = ", ".join(self.operations[:LISTED])
        if more := len(self.operations) - LISTED:
            shown += f" and {more} more" if more > 0 else ""
        where = f" ({shown})" if shown else ""
        return f"{self.fact}{where}: {self.effect}." if self.effect else f"{self.fact}{where}."


def breaking(fact: str, effect: str) -> Change:
    """Return a change to which some callers must adapt."""
    return Change(fact, effect)


def addition(fact: str, *names: str) -> Change:
    """Return a change that CHANGELOG.md must mention with these names."""
    return Change(fact, names=names)


def listed(
    old: Iterable[str], new: Iterable[str], *, gone: Callable[[str], Change], added: Callable[[str], Change]
) -> Iterator[Change]:
    """Yield a change for each name that is in only one of two lists."""
    before, after = [*old], [*new]
    yield from (gone(name) for name in before if name not in after)
    yield from (added(name) for name in after if name not in before)


def collected(found: Iterable[tuple[Change, str]]) -> Iterator[Change]:
    """Yield each change once, with all its operations. An empty name means no operation."""
    operations: dict[Change, list[str]] = {}
    for change, operation in found:
        operations.setdefault(change, []).extend([operation] if operation else [])
    for change, where in operations.items():
        yield replace(change, operations=tuple(dict.fromkeys(where)))
