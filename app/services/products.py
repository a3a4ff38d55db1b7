"""Operations on products: loading and listing of prices."""

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
"""The maximum number of prices in memory at the same time, for a file of any length."""
MAX_REPORTED: Final = 100
"""The maximum number of violations that are reported individually."""
START: Final = ("", 0)


class CsvRow(NamedTuple):
    """A row of a CSV file: its line number, and its price or its violations."""

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
    """The operations on products. All of them are for operators."""

    def __init__(
        self, *, reads: ProductReads, unit_of_work: Callable[[], AbstractContextManager[Unit]], clock: Clock
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._clock = clock

    def exist(self) -> bool:
        """Return whether any product exists."""
        return self._reads.exist()

    def all(self) -> Iterator[Price]:
        """Yield every price, sorted by product and currency. It reads a thousand at a time."""
        after = START
        while offers := self._reads.page(after, CHUNK):
            yield from offers
            after = (offers[-1].sku, offers[-1].currency)

    @raises(ValidationFailed)
    def load(self, rows: Iterable[CsvRow]) -> int:
        """Add or replace the prices of a file: all of them, or none if any row is invalid. Return their number.

        If the transaction is rolled back, it is not repeated, because the rows have already been read.

        Raises:
            ValidationFailed: it lists all violations, or the first hundred and the number of further ones.
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
        """Store the prices of some rows. Report those that this load has stored before as duplicates."""
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
    """The violations in a file. Only as many as are reported are kept."""

    def __init__(self) -> None:
        self._kept: list[Violation] = []
        self._count = 0

    def add(self, *violations: Violation) -> None:
        """Add violations."""
        self._count += len(violations)
        self._kept += violations[: MAX_REPORTED - len(self._kept)]

    def check(self) -> None:
        """Check that there are no violations.

        Raises:
            ValidationFailed: there are violations.
        """
        if not self._count:
            return
        more = self._count - len(self._kept)
        raise ValidationFailed(violations=tuple(self._kept), detail=f"and {more} more" if more else None)


def _repeated(row: CsvRow) -> Violation:
    return Violation("line", "DUPLICATE_SKU", f"line {row.number}: this sku has a price in this currency already")
