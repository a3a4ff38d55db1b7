"""What can be done with products: their prices are loaded, and looked at."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple, Protocol

from app.errs import Violation, raises
from app.errs.requests import ValidationFailed
from app.models.products import Currency, Offer
from app.resilience.clock import Clock

CHUNK: Final = 1000
"""Offers that are in memory at once, however long a file is."""
TOLD: Final = 100
"""Faults that are told one by one."""
BEFORE_ALL: Final = ("", 0)


class Line(NamedTuple):
    """A line of a file: its number, and the offer that stands there or what is wrong with it."""

    number: int
    offer: Offer | None = None
    violations: tuple[Violation, ...] = ()


class ProductCollection(Protocol):
    """Products, inside a unit of work; see ``app.repositories.products``."""

    def hold(self) -> None: ...  # noqa: D102
    def put_all(self, offers: Sequence[Offer], *, at: datetime) -> set[tuple[str, Currency]]: ...  # noqa: D102


class ProductReads(Protocol):
    """Products as rows; see ``app.repositories.products``."""

    def page(self, after: tuple[str, int], size: int) -> Sequence[Offer]: ...  # noqa: D102
    def are_there(self) -> bool: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def products(self) -> ProductCollection: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class ProductService:
    """The use cases of products, all of them an operator's."""

    def __init__(
        self, *, reads: ProductReads, unit_of_work: Callable[[], AbstractContextManager[Unit]], clock: Clock
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._clock = clock

    def are_there(self) -> bool:
        """Tell whether there is any product."""
        return self._reads.are_there()

    def all(self) -> Iterator[Offer]:
        """Yield every offer, by product and then by currency, reading a thousand at a time."""
        after = BEFORE_ALL
        while offers := self._reads.page(after, CHUNK):
            yield from offers
            after = (offers[-1].sku, offers[-1].currency)

    @raises(ValidationFailed)
    def load(self, lines: Iterable[Line]) -> int:
        """Add or replace the offers of a file and return how many: all of them, or none when any line is wrong.

        It is not tried again when it is undone, for the lines have been read by then.

        Raises:
            ValidationFailed: with every fault, or the first hundred and how many more there are.
        """
        faults, count, at, rest = Faults(), 0, self._clock.now(), iter(lines)
        with self._unit_of_work() as unit:
            unit.products.hold()
            while chunk := [*islice(rest, CHUNK)]:
                count += self._put(unit, chunk, faults, at)
            faults.check()
            unit.commit()
        return count

    def _put(self, unit: Unit, chunk: Sequence[Line], faults: "Faults", at: datetime) -> int:
        """Put the offers of some lines; what this load has put before is not put again, and therefore noticed."""
        by_key: dict[tuple[str, Currency], Line] = {}
        for line in chunk:
            faults.add(*line.violations)
            if line.offer is not None and by_key.setdefault((line.offer.sku, line.offer.currency), line) is not line:
                faults.add(_repeated(line))
        offers = [line.offer for line in by_key.values() if line.offer is not None]
        done = unit.products.put_all(offers, at=at) if offers else set()
        faults.add(*(_repeated(line) for key, line in by_key.items() if key not in done))
        return len(done)


class Faults:
    """What is wrong with a file, of which no more is kept than is told."""

    def __init__(self) -> None:
        self._kept: list[Violation] = []
        self._count = 0

    def add(self, *violations: Violation) -> None:
        """Take note of faults."""
        self._count += len(violations)
        self._kept += violations[: TOLD - len(self._kept)]

    def check(self) -> None:
        """Go on only when there are none.

        Raises:
            ValidationFailed: there are some.
        """
        if not self._count:
            return
        more = self._count - len(self._kept)
        raise ValidationFailed(violations=tuple(self._kept), detail=f"and {more} more" if more else None)


def _repeated(line: Line) -> Violation:
    return Violation("line", "DUPLICATE_SKU", f"line {line.number}: this sku has a price in this currency already")
