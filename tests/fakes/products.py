"""The collection of products in memory; a contract test compares it with ``app.repositories.products``."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.models.products import Currency, Price

Key = tuple[str, Currency]


class Storage(Protocol):
    """The prices, each with the moment at which it was stored."""

    products: dict[Key, tuple[Decimal, datetime]]


class FakeProductReads:
    """Reads products."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def page(self, after: tuple[str, int], size: int) -> Sequence[Price]:
        """Return this many prices after one."""
        keys = sorted(key for key in self._storage.products if key > after)[:size]
        return [Price(sku=key[0], currency=key[1], price=self._storage.products[key][0]) for key in keys]

    def exist(self) -> bool:
        """Return whether there is a product."""
        return bool(self._storage.products)


class FakeProductRepository:
    """Products, inside a unit of work."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def prices(self, skus: Collection[str], currency: Currency) -> dict[str, Decimal]:
        """Return the prices of those products that have one in the currency."""
        found = {sku: self._storage.products.get((sku, currency)) for sku in skus}
        return {sku: put[0] for sku, put in found.items() if put}

    def lock(self) -> None:
        """Lock nothing: there is no other session."""

    def put_all(self, prices: Sequence[Price], *, at: datetime) -> set[Key]:
        """Add or replace the prices, and return those that were not stored at exactly this moment."""
        new = {(each.sku, each.currency): (each.price, at) for each in prices}
        done = {key for key in new if key not in self._storage.products or self._storage.products[key][1] != at}
        self._storage.products |= {key: new[key] for key in done}
        return done
