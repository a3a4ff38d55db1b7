"""The collection of products."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Text, any_, bindparam, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from app.models.products import Currency, Price, Product
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement

PRICES: Final = select(Product.sku, Product.price).where(
    Product.sku == any_(bindparam("skus", type_=ARRAY(Text))), Product.currency == bindparam("currency")
)
COLUMNS: Final = (Product.sku, Product.currency, Product.price)
PAGE: Final = CompiledStatement(
    select(*COLUMNS)
    .where(tuple_(Product.sku, Product.currency) > tuple_(bindparam("sku"), bindparam("currency")))
    .order_by(Product.sku, Product.currency)
    .limit(bindparam("size"))
)
ANY: Final = CompiledStatement(select(select(Product.sku).exists()))


class ProductReads:
    """Reads products as rows of columns."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def page(self, after: tuple[str, int], size: int) -> Sequence[Price]:
        """Return at most ``size`` prices after the key ``after``, sorted by product and currency."""
        return self._reads.all(PAGE, sku=after[0], currency=after[1], size=size)

    def exist(self) -> bool:
        """Return whether any product exists."""
        return bool(self._reads.value(ANY))


class ProductRepository:
    """Products, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def prices(self, skus: Collection[str], currency: Currency) -> dict[str, Decimal]:
        """Return the prices of the products that have one in the currency, with one statement."""
        rows = self._session.execute(PRICES, {"skus": sorted(skus), "currency": currency})
        return {row.sku: row.price for row in rows}

    def lock(self) -> None:
        """Lock all products against changes until the unit of work ends. Reads do not wait."""
        self._session.execute(text("LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE"))

    def put_all(self, prices: Sequence[Price], *, at: datetime) -> set[tuple[str, Currency]]:
        """Add or replace prices with one statement. Return the keys except those that already have the time ``at``.

        Their keys must be distinct.
        """
        rows = [{"sku": each.sku, "currency": each.currency, "price": each.price, "update_time": at} for each in prices]
        statement = insert(Product).values(rows)
        new = statement.excluded
        done = self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[Product.sku, Product.currency],
                set_={"price": new.price, "update_time": new.update_time},
                where=Product.update_time.is_distinct_from(new.update_time),
            ).returning(Product.sku, Product.currency)
        )
        return {(row.sku, row.currency) for row in done}
