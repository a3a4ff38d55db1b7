"""POST /v1/orders: accepted orders, prices, and responses."""

import re
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.models.products import Currency
from tests.api.accounts import an_address, join
from tests.api.caller import Caller, answered, violated
from tests.api.conftest import Bearer
from tests.api.orders.order import count, create, items, made, path_of, plain, stock
from tests.api.test_fuzz import bounded

MEMBERS = [
    *("id", "customer_id", "status", "currency", "items", "items_next_page_token", "total"),
    *("create_time", "update_time"),
]


class TestCreate:
    """Accepted orders."""

    def test_ok(self, alice: Caller) -> None:
        """C14, C15, C20: every member in order, the service's own prices, a Location that answers GET."""
        response = create(alice, "TEA-100", "CUP")
        order = answered(response, 201)
        assert list(order) == MEMBERS
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", order["id"])
        assert (order["customer_id"], order["status"], order["currency"]) == ("alice", "STATUS_PENDING", "EUR")
        assert order["items"] == [
            {"sku": "TEA-100", "quantity": 2, "unit_price": "4.90"},
            {"sku": "CUP", "quantity": 2, "unit_price": "0.10"},
        ]
        assert (order["total"], order["items_next_page_token"]) == ("10.00", None)
        assert order["create_time"] == order["update_time"]
        assert response.headers["Location"] == path_of(order)
        found = alice.get(path_of(order))
        assert answered(found) == plain(order)
        assert found.headers["ETag"] == response.headers["ETag"]
        assert answered(alice.get(f"{path_of(order)}?expand=items")) == order

    @pytest.mark.parametrize(("currency", "total"), [("EUR", "9.80"), ("USD", "10.80"), ("GBP", "8.40")])
    def test_each_currency_has_its_own_price(self, alice: Caller, currency: str, total: str) -> None:
        order = made(alice, currency=currency)
        assert (order["currency"], order["total"]) == (currency, total)

    def test_money_is_exact(self, alice: Caller) -> None:
        """0.1 + 0.2 is 0.30, and the most expensive possible order has every cent."""
        assert made(alice, items=items("CUP", "POT"))["total"] == "0.30"
        dear = made(alice, currency="USD", items=items(*["POT"] * 100, quantity=1000))
        assert dear["total"] == "999999999000.00"
        assert answered(alice.get(path_of(dear)))["total"] == "999999999000.00"
        assert made(alice, "SAMPLE")["total"] == "0.00"

    @bounded(25)
    @given(
        cents=st.lists(st.integers(0, 999_999_999), min_size=1, max_size=8),
        quantity=st.integers(1, 1000),
    )
    def test_the_total_is_the_sum_to_the_cent(self, alice: Caller, app: Flask, cents: list[int], quantity: int) -> None:
        prices = {f"P{n}": f"{cent // 100}.{cent % 100:02d}" for n, cent in enumerate(cents)}
        stock(app, {sku: {Currency.EUR: price} for sku, price in prices.items()})
        order = made(alice, items=items(*prices, quantity=quantity))
        assert [item["unit_price"] for item in order["items"]] == [*prices.values()]
        assert Decimal(order["total"]) * 100 == sum(cents) * quantity
        assert answered(alice.get(f"{path_of(order)}?expand=items")) == order

    def test_prices_in_the_request_are_ignored(self, alice: Caller) -> None:
        """The service ignores output-only members, whatever their value."""
        sent: dict[str, Any] = {
            "id": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
            "status": "STATUS_SHIPPED",
            "total": "0.01",
            "items_next_page_token": 5,
            "create_time": "1984-01-01T00:00:00Z",
            "update_time": ["now"],
            "items": [{"sku": "TEA-100", "quantity": 2, "unit_price": "0.01"}],
        }
        order = made(alice, **sent)
        assert [name for name, value in sent.items() if order[name] == value] == []
        assert (order["total"], order["items"][0]["unit_price"]) == ("9.80", "4.90")

    @pytest.mark.parametrize(
        "sku", ["%", "' OR 1=1 --", "a, b", "caf\u00e9", "cafe\u0301", "\U0001f375" * 64, " x ", "null"]
    )
    def test_a_sku_is_returned_unchanged(self, alice: Caller, app: Flask, sku: str) -> None:
        stock(app, {sku: {Currency.EUR: "1.00"}})
        order = made(alice, sku)
        assert order["items"] == [{"sku": sku, "quantity": 2, "unit_price": "1.00"}]
        assert answered(alice.get(f"{path_of(order)}?expand=items")) == order

    def test_an_order_keeps_the_prices_of_its_creation(self, alice: Caller, app: Flask) -> None:
        order = made(alice)
        stock(app, {"TEA-100": {Currency.EUR: "7.00"}})
        assert answered(alice.get(f"{path_of(order)}?expand=items")) == order
        assert made(alice)["total"] == "14.00"

    def test_a_repeated_product_makes_two_items(self, alice: Caller) -> None:
        """In the order of the request."""
        order = made(alice, "CUP", "TEA-100", "CUP")
        assert [item["sku"] for item in order["items"]] == ["CUP", "TEA-100", "CUP"]
        assert order["total"] == "10.20"

    def test_a_hundred_items_of_a_thousand_pieces(self, alice: Caller) -> None:
        """The maximum."""
        order = made(alice, items=items(*["CUP"] * 100, quantity=1000))
        assert (len(order["items"]), order["total"]) == (100, "10000.00")

    def test_a_user_orders_with_the_id_of_the_account(self, alice: Caller, app: Flask, bearer: Bearer) -> None:
        """``customer_id`` is the subject of the token."""
        user = join(Caller(alice.client, {}), app, an_address())
        customer = Caller(alice.client, bearer(user["id"], "orders"))
        assert made(customer, customer_id=user["id"])["customer_id"] == user["id"]
        assert create(customer).status_code == 403


class TestCustomer:
    """403, before any lookup."""

    def test_an_order_for_another_customer_is_403_whatever_its_items(self, bob: Caller, app: Flask) -> None:
        """The response reveals nothing about products."""
        for skus in (("TEA-100",), ("no-such-sku",)):
            response = create(bob, *skus)
            assert (response.status_code, response.get_data()) == (403, b"")
            assert "WWW-Authenticate" not in response.headers
        assert count(app) == (0, 0)

    @pytest.mark.parametrize("spelled", ["ALICE", "alice ", " alice", "alic\u0435"])
    def test_a_name_has_one_spelling(self, alice: Caller, spelled: str) -> None:
        assert create(alice, customer_id=spelled).status_code == 403

    def test_an_admin_orders_for_any_customer(self, alice: Caller, admin: Caller) -> None:
        """The order belongs to the customer."""
        order = made(admin)
        assert order["customer_id"] == "alice"
        assert answered(alice.get(path_of(order))) == plain(order)

    def test_violations_of_the_body_come_first(self, bob: Caller) -> None:
        """C9a."""
        assert violated(create(bob, currency="CHF")) == [("currency", "INVALID_VALUE")]
