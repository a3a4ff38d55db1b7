"""Lists that are filtered and ordered by members of every type, page by page through page tokens."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Column, Index, MetaData, Numeric, Table, insert
from sqlalchemy.types import TIMESTAMP, Boolean, Date, Text, Uuid

from app.models.query import Comparison, ListQuery, Operator, Ordering, Page, Value
from app.repositories import list_statements, listing
from app.wire.page_tokens import PageTokens
from tests.fakes import listing as in_memory
from tests.integration.conftest import Database

pytestmark = pytest.mark.slow

ROWS: Final = 41
TABLE: Final = Table(
    "every_type",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("reference", Uuid),
    Column("amount", Numeric(11, 2), nullable=False),
    Column("due", Date),
    Column("is_paid", Boolean, nullable=False),
    Column("title", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("sent", TIMESTAMP(timezone=True)),
    *(
        Index(f"ix_every_type_{name}", name, "id")
        for name in ("reference", "amount", "due", "is_paid", "title", "number")
    ),
)
MEMBERS: Final = dict(TABLE.columns.items())
TOKENS: Final = PageTokens(b"a secret of the tests")
UNSELECTIVE: Final = {("is_paid", each) for each in (Operator.LT, Operator.LE, Operator.GT, Operator.GE)}
MEASURED: Final = ("reference", "amount", "due", "is_paid")


def row(number: int) -> dict[str, Any]:
    """Return a row; each value occurs several times, and amounts don't sort like their texts."""
    return {
        "id": UUID(int=number * 7919 % 101),
        "reference": None if number % 5 == 0 else UUID(int=2**64 * (number % 4)),
        "amount": Decimal(number % 9 * number % 13) / 4 + 7,
        "due": None if number % 6 == 0 else date(2026, 12, 28) + timedelta(days=number % 8),
        "is_paid": number % 3 == 0,
        "title": f"title {number % 7}",
        "number": number % 6,
        "sent": None if number % 4 == 0 else datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number % 5),
    }


STORED: Final = [row(number) for number in range(ROWS)]


@pytest.fixture
def full(database: Database) -> Iterator[Database]:
    """Return the database with the table."""
    TABLE.create(database.engine)
    with database.engine.begin() as connection:
        connection.execute(insert(TABLE), STORED)
    yield database
    TABLE.drop(database.engine)


def read(database: Database, query: ListQuery) -> Page[Any]:
    """Return a page of the table."""
    return listing.page(database.reads, tuple(TABLE.columns), MEMBERS, query)


def walked(database: Database, query: ListQuery) -> list[UUID]:
    """Return the IDs of all pages; each cursor passes through a token."""
    found, after = [], None
    for _ in range(3 * ROWS):
        page = read(database, ListQuery(query.where, query.order, query.page_size, after))
        found += [each.id for each in page.rows]
        if page.next is None:
            return found
        after = TOKENS.open(TOKENS.seal(page.next, bound_to=()), bound_to=())
    raise AssertionError("the list does not end")


def expected(query: ListQuery) -> list[UUID]:
    """Return the IDs that the list in memory has."""
    return [each.id for each in in_memory.page(STORED, ListQuery(query.where, query.order, ROWS)).rows]


@pytest.mark.parametrize("member", [*MEASURED, "title", "number", "sent"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [1, 4])
def test_every_type_orders_a_list(full: Database, member: str, descending: bool, size: int) -> None:
    query = ListQuery((), (Ordering(member, descending),), size)
    assert walked(full, query) == expected(query)


@pytest.mark.parametrize("first", MEASURED)
@pytest.mark.parametrize("second", ["title", "amount", "due"])
@pytest.mark.parametrize("descending", [False, True])
def test_a_large_list_is_read_in_groups_of_every_type(
    full: Database, first: str, second: str, descending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No index has an order of two members, and the list is too large to sort."""
    monkeypatch.setattr(listing, "AFFORDABLE", 0)
    monkeypatch.setattr(listing, "SCANNED", 6)
    monkeypatch.setattr(list_statements, "SCANNED", 6)
    listing._statements.cache_clear()
    if second == first:
        second = "number"
    query = ListQuery((), (Ordering(first, descending), Ordering(second)), 3)
    try:
        found = walked(full, query)
    finally:
        listing._statements.cache_clear()
    by = {each["id"]: (each[first], each[second]) for each in STORED}
    assert [by[each] for each in found] == [by[each] for each in expected(query)]
    assert sorted(found) == sorted(by)


@pytest.mark.parametrize("operator", [each for each in Operator if each is not Operator.HAS])
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("reference", UUID(int=2**65)),
        ("amount", Decimal("8.75")),
        ("due", date(2026, 12, 31)),
        ("is_paid", True),
        ("is_paid", False),
    ],
)
def test_every_type_filters_a_list(full: Database, member: str, value: Value, operator: Operator) -> None:
    query = ListQuery((Comparison(member, operator, value),), (Ordering("amount"),), 5)
    assert walked(full, query) == expected(query)
    assert 0 < len(expected(query)) < ROWS or (member, operator) in UNSELECTIVE
