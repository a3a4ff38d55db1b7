"""An order as tests send it, the products, and the requests that most tests share."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from app.models.products import Currency, Price
from app.services.products import CsvRow
from tests.api.caller import Caller, answered

ORDERS: Final = "/v1/orders"
ABSENT: Final = "/v1/orders/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
PRICES: Final[dict[str, dict[Currency, str]]] = {
    "TEA-100": {Currency.EUR: "4.90", Currency.USD: "5.40", Currency.GBP: "4.20"},
    "CUP": {Currency.EUR: "0.10"},
    "POT": {Currency.EUR: "0.20", Currency.USD: "9999999.99"},
    "SAMPLE": {Currency.EUR: "0.00"},
}


def stock(app: Flask, prices: dict[str, dict[Currency, str]] = PRICES) -> None:
    """Load products to order."""
    offers = (
        Price(sku=sku, currency=currency, price=Decimal(price))
        for sku, each in prices.items()
        for currency, price in each.items()
    )
    with app.app_context():
        app.extensions["app-services"].products.load(CsvRow(n, offer) for n, offer in enumerate(offers, 2))


def items(*skus: str, quantity: int = 1) -> list[dict[str, Any]]:
    """Return items of these products."""
    return [{"sku": sku, "quantity": quantity} for sku in skus]


def body(*skus: str, **members: Any) -> dict[str, Any]:
    """Return an order by alice for two packs of tea, or for other products, with optional other members."""
    return {"customer_id": "alice", "currency": "EUR", "items": items(*skus or ("TEA-100",), quantity=2), **members}


def create(caller: Caller, *skus: str, **members: Any) -> TestResponse:
    """Send a request to create an order."""
    return caller.post(ORDERS, json=body(*skus, **members))


def made(caller: Caller, *skus: str, **members: Any) -> dict[str, Any]:
    """Create an order and return it."""
    return answered(create(caller, *skus, **members), 201)


def path_of(order: dict[str, Any]) -> str:
    """Return the path of an order."""
    return f"{ORDERS}/{order['id']}"


def plain(order: dict[str, Any]) -> dict[str, Any]:
    """Return an order as responses show it without its items."""
    return {**order, "items": None, "items_next_page_token": None}


def ids(orders: Iterable[dict[str, Any]]) -> list[str]:
    """Return the ids of orders."""
    return [order["id"] for order in orders]


def count(app: Flask) -> tuple[int, int]:
    """Return the numbers of orders and items."""
    with app.app_context(), db.engine.connect() as connection:
        rows = connection.execute(text("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_items)"))
        orders, of_orders = rows.one()
        return orders, of_orders
