"""What can be done with products: their prices are loaded, and looked at."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple, Protocol

from app.errs import Violation, raises
from app.errs.requests import ValidationFailed
from app.models.products import Currency, Price
from app.resilience.clock import Clock

CHUNK: Final = 1000
"""Offers that are in memory at once, however long a file is."""
MAX_REPORTED: Final = 100
"""Faults that are told one by one."""
START: Final = ("", 0)


class CsvRow(NamedTuple):
    """A line of a file: its number, and the offer that stands there or what is wrong with it."""

    number: int
    offer: Price | None = None
    violations: tuple[Violation, ...] = ()


class ProductCollection(Protocol):
    """Products, inside a unit of work; see ``app.repositories.products``."""

    def lock(self) -> None: ...  # noqa: D102
    def put_all(self, prices: Sequence[Price], *, at: datetime) -> set[tuple[str, Currency]]: ...  # noqa: D102


class ProductReads(Protocol):
    """Products as rows; see ``app.repositories.products``."""

    def page(self, after: tuple[str, int], size: int) -> Sequence[Price]: ...  # noqa: D102
    def exist(self) -> bool: ...  # noqa: D102


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

    def exist(self) -> bool:
        """Tell whether there is any product."""
        return self._reads.exist()

    def all(self) -> Iterator[Price]:
        """Yield every offer, by product and then by currency, reading a thousand at a time."""
        after = START
        while offers := self._reads.page(after, CHUNK):
            yield from offers
            after = (offers[-1].sku, offers[-1].currency)

    @raises(ValidationFailed)
    def load(self, rows: Iterable[CsvRow]) -> int:
        """Add or replace the offers of a file and return how many: all of them, or none when any line is wrong.

        It is not tried again when it is undone, for the lines have been read by then.

        Raises:
            ValidationFailed: with every fault, or the first hundred and how many more there are.
        """
        faults, count, at, rest = Faults(), 0, self._clock.now(), iter(rows)
        with self._unit_of_work() as unit:
            unit.products.lock()
            while chunk := [*islice(rest, CHUNK)]:
                count += self._put(unit, chunk, faults, at)
            faults.check()
            unit.commit()
        return count

    def _put(self, unit: Unit, chunk: Sequence[CsvRow], faults: "Faults", at: datetime) -> int:
        """Put the offers of some lines; what this load has put before is not put again, and therefore noticed."""
        by_key: dict[tuple[str, Currency], CsvRow] = {}
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
        self._kept += violations[: MAX_REPORTED - len(self._kept)]

    def check(self) -> None:
        """Go on only when there are none.

        Raises:
            ValidationFailed: there are some.
        """
        if not self._count:
            return
        more = self._count - len(self._kept)
        raise ValidationFailed(violations=tuple(self._kept), detail=f"and {more} more" if more else None)


def _repeated(row: CsvRow) -> Violation:
    return Violation("line", "DUPLICATE_SKU", f"line {row.number}: this sku has a price in this currency already")
