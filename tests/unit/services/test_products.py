"""The use cases of products."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from app.errs import Violation
from app.errs.requests import ValidationFailed
from app.models.products import Currency, Price
from app.services.products import CHUNK, MAX_REPORTED, CsvRow, ProductService
from tests.fakes.clock import FakeClock
from tests.fakes.products import FakeProductReads
from tests.fakes.unit_of_work import FakeDatabase


@pytest.fixture
def products(database: FakeDatabase, clock: FakeClock) -> ProductService:
    """Return the service."""
    return ProductService(reads=FakeProductReads(database), unit_of_work=database.unit_of_work, clock=clock)


def line(number: int, sku: str, price: str = "1.00") -> CsvRow:
    """Return a row with a price."""
    return CsvRow(number, Price(sku=sku, currency=Currency.EUR, price=Decimal(price)))


def faulty(number: int) -> CsvRow:
    """Return a row with an error."""
    return CsvRow(number, violations=(Violation("price", "INVALID_FORMAT", f"line {number}: wrong"),))


class TestLoad:
    def test_ok(self, products: ProductService, database: FakeDatabase, clock: FakeClock) -> None:
        assert not products.exist()
        assert products.load([line(2, "tea"), line(3, "cup")]) == 2
        clock.advance(seconds=1)
        assert products.load(iter([line(2, "tea", "2.00")])) == 1
        assert [(each.sku, str(each.price)) for each in products.all()] == [("cup", "1.00"), ("tea", "2.00")]
        assert products.exist()
        assert database.commits == 2

    @pytest.mark.parametrize("between", [0, 1, CHUNK - 2, CHUNK - 1, CHUNK, 2 * CHUNK])
    def test_a_second_price_is_rejected_at_any_distance(
        self, products: ProductService, database: FakeDatabase, between: int
    ) -> None:
        lines = [line(2, "tea"), *(line(3 + n, f"x{n}") for n in range(between)), line(between + 3, "tea", "2.00")]
        with pytest.raises(ValidationFailed) as failed:
            products.load(lines)
        assert [each.message for each in failed.value.violations] == [
            f"line {between + 3}: this sku has a price in this currency already"
        ]
        assert database.products == {}

    def test_every_error_is_reported_and_nothing_is_written(
        self, products: ProductService, database: FakeDatabase
    ) -> None:
        with pytest.raises(ValidationFailed) as failed:
            products.load([faulty(2), line(3, "tea"), faulty(4)])
        assert [each.message for each in failed.value.violations] == ["line 2: wrong", "line 4: wrong"]
        assert (database.products, database.commits) == ({}, 0)

    def test_of_very_many_errors_the_first_are_reported(self, products: ProductService) -> None:
        with pytest.raises(ValidationFailed) as failed:
            products.load(faulty(n) for n in range(2, 3 * CHUNK + 2))
        assert len(failed.value.violations) == MAX_REPORTED
        assert failed.value.detail == f"and {3 * CHUNK - MAX_REPORTED} more"

    def test_at_most_one_chunk_is_in_memory(self, products: ProductService, database: FakeDatabase) -> None:
        """Memory is limited for a file of any length: each chunk is written before the next one is read."""

        def lines() -> Iterator[CsvRow]:
            for n in range(4 * CHUNK):
                assert n - len(database.products) <= CHUNK
                yield line(n + 2, f"x{n}")

        assert products.load(lines()) == 4 * CHUNK
