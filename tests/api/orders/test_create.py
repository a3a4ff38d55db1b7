"""POST /v1/orders: what an order may be, what it costs, and what comes back."""

import re
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.extensions import db
from app.models.products import Currency
from tests.api.accounts import an_address, join
from tests.api.caller import JSON, Caller, answered, at_once, refused, violated
from tests.api.conftest import Bearer
from tests.api.orders.order import ORDERS, body, create, items, made, path_of, plain, stock
from tests.api.test_bodies import MALFORMED
from tests.api.test_fuzz import bounded

MEMBERS = [
    *("id", "customer_id", "status", "currency", "items", "items_next_page_token", "total"),
    *("create_time", "update_time"),
]


def count(application: Flask) -> tuple[int, int]:
    """Return how many orders and items there are."""
    with application.app_context(), db.engine.connect() as connection:
        rows = connection.execute(text("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_items)"))
        orders, of_orders = rows.one()
        return orders, of_orders


class TestCreate:
    """What is taken."""

    def test_ok(self, alice: Caller) -> None:
        """C14, C15, C20, D13: every member in order, prices of the service's own, a Location that answers."""
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
        """Section 3.3."""
        order = made(alice, currency=currency)
        assert (order["currency"], order["total"]) == (currency, total)

    def test_money_is_exact(self, alice: Caller) -> None:
        """D14: 0.1 + 0.2 is 0.30, and the dearest order there can be has every cent."""
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
    def test_the_total_is_the_sum_to_the_cent(
        self, alice: Caller, application: Flask, cents: list[int], quantity: int
    ) -> None:
        """D13, D14."""
        prices = {f"P{n}": f"{cent // 100}.{cent % 100:02d}" for n, cent in enumerate(cents)}
        stock(application, {sku: {Currency.EUR: price} for sku, price in prices.items()})
        order = made(alice, items=items(*prices, quantity=quantity))
        assert [item["unit_price"] for item in order["items"]] == [*prices.values()]
        assert Decimal(order["total"]) * 100 == sum(cents) * quantity
        assert answered(alice.get(f"{path_of(order)}?expand=items")) == order

    def test_prices_are_never_the_caller_s(self, alice: Caller) -> None:
        """B13, A21, section 3.3: what only the service says is ignored, whatever it holds."""
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
    def test_a_sku_comes_back_to_the_letter(self, alice: Caller, application: Flask, sku: str) -> None:
        """D13."""
        stock(application, {sku: {Currency.EUR: "1.00"}})
        order = made(alice, sku)
        assert order["items"] == [{"sku": sku, "quantity": 2, "unit_price": "1.00"}]
        assert answered(alice.get(f"{path_of(order)}?expand=items")) == order

    def test_an_order_keeps_the_prices_of_then(self, alice: Caller, application: Flask) -> None:
        """Section 3.3."""
        order = made(alice)
        stock(application, {"TEA-100": {Currency.EUR: "7.00"}})
        assert answered(alice.get(f"{path_of(order)}?expand=items")) == order
        assert made(alice)["total"] == "14.00"

    def test_one_product_twice_is_two_items(self, alice: Caller) -> None:
        """Section 3.3: as they were sent."""
        order = made(alice, "CUP", "TEA-100", "CUP")
        assert [item["sku"] for item in order["items"]] == ["CUP", "TEA-100", "CUP"]
        assert order["total"] == "10.20"

    def test_a_hundred_items_of_a_thousand_pieces(self, alice: Caller) -> None:
        """Section 3.3: the most there may be."""
        order = made(alice, items=items(*["CUP"] * 100, quantity=1000))
        assert (len(order["items"]), order["total"]) == (100, "10000.00")

    def test_a_user_orders_by_the_id_of_the_account(self, alice: Caller, application: Flask, bearer: Bearer) -> None:
        """Section 3.3: customer_id is the subject of the token."""
        user = join(Caller(alice.client, {}), application, an_address())
        customer = Caller(alice.client, bearer(user["id"], "orders"))
        assert made(customer, customer_id=user["id"])["customer_id"] == user["id"]
        assert create(customer).status_code == 403


class TestCustomer:
    """403, before any look-up."""

    def test_for_somebody_else_it_is_403_whatever_is_ordered(self, bob: Caller, application: Flask) -> None:
        """A18, section 3.3: nothing is told of products."""
        for skus in (("TEA-100",), ("no-such-sku",)):
            response = create(bob, *skus)
            assert (response.status_code, response.get_data()) == (403, b"")
            assert "WWW-Authenticate" not in response.headers
        assert count(application) == (0, 0)

    @pytest.mark.parametrize("spelled", ["ALICE", "alice ", " alice", "alic\u0435"])
    def test_a_name_has_one_spelling(self, alice: Caller, spelled: str) -> None:
        """A18."""
        assert create(alice, customer_id=spelled).status_code == 403

    def test_an_admin_orders_for_anybody(self, alice: Caller, admin: Caller) -> None:
        """Section 3.3: and the order is the customer's."""
        order = made(admin)
        assert order["customer_id"] == "alice"
        assert answered(alice.get(path_of(order))) == plain(order)

    def test_what_is_wrong_in_the_body_is_told_first(self, bob: Caller) -> None:
        """C9a."""
        assert violated(create(bob, currency="CHF")) == [("currency", "INVALID_VALUE")]


class TestProducts:
    """BROKEN_LINK, on every item that has no price."""

    def test_all_of_them_at_once(self, alice: Caller, application: Flask) -> None:
        """Section 3.3: an unknown sku, and one without a price in the currency; nothing is written (D10)."""
        response = create(alice, "no-such-sku", "TEA-100", "CUP", "tea-100", "no-such-sku", currency="USD")
        broken = [0, 2, 3, 4]
        assert violated(response) == [(f"items[{n}].sku", "BROKEN_LINK") for n in broken]
        assert response.json is not None
        assert [each["pointer"] for each in response.json["errors"]] == [f"#/items/{n}/sku" for n in broken]
        assert response.json["errors"][0]["message"] == "items[0].sku names no product with a price in USD"
        assert response.json["kind"] == "input_validation_error"
        assert count(application) == (0, 0)

    def test_a_hundred_of_them(self, alice: Caller) -> None:
        """C2."""
        assert len(violated(create(alice, *["no"] * 100))) == 100

    @pytest.mark.parametrize("sku", ["' OR 1=1 --", "%", "TEA-10_", "TEA-100 ", "ТEA-100", "é", "\U0001f375"])
    def test_a_sku_is_what_it_is_to_the_letter(self, alice: Caller, sku: str) -> None:
        """B16."""
        assert violated(create(alice, sku)) == [("items[0].sku", "BROKEN_LINK")]


ITEM = {"sku": "TEA-100", "quantity": 1}
ODD: list[Any] = [5, ["alice"], {}, True]
VIOLATIONS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    *(({name: None}, [(name, "REQUIRED_FIELD")]) for name in ("customer_id", "currency", "items")),
    *(({"customer_id": x}, [("customer_id", "INVALID_TYPE")]) for x in ODD),
    *(({"customer_id": x}, [("customer_id", "INVALID_FORMAT")]) for x in ("", "a\nb", "x" * 501)),
    *(({"currency": x}, [("currency", "INVALID_VALUE")]) for x in ("CHF", "eur", "", "EUR ", "1", "UNSPECIFIED")),
    *(({"currency": x}, [("currency", "INVALID_TYPE")]) for x in (1, ["EUR"], True)),
    ({"items": []}, [("items", "TOO_SHORT")]),
    ({"items": [ITEM] * 101}, [("items", "TOO_LONG")]),
    *(({"items": x}, [("items", "INVALID_TYPE")]) for x in ODD if not isinstance(x, list)),
    ({"items": [[], 5, "TEA-100"]}, [(f"items[{n}]", "INVALID_TYPE") for n in range(3)]),
    ({"items": [None]}, [("items[0]", "REQUIRED_FIELD")]),
    ({"items": [{}]}, [("items[0].sku", "REQUIRED_FIELD"), ("items[0].quantity", "REQUIRED_FIELD")]),
    *(
        ({"items": [{**ITEM, "quantity": n}]}, [("items[0].quantity", "INVALID_VALUE")])
        for n in (0, -1, 1001, 2**31, 2**63, -(2**63) - 1)
    ),
    *(
        ({"items": [{**ITEM, "quantity": x}]}, [("items[0].quantity", "INVALID_TYPE")])
        for x in (1.0, 1e2, True, "5", [1])
    ),
    ({"items": [{**ITEM, "quantity": None}]}, [("items[0].quantity", "REQUIRED_FIELD")]),
    *(
        ({"items": [{**ITEM, "sku": sku}]}, [("items[0].sku", code)])
        for sku, code in {"": "TOO_SHORT", " ": "TOO_SHORT", "x" * 65: "TOO_LONG", "a\nb": "INVALID_FORMAT"}.items()
    ),
    ({"items": [ITEM, {**ITEM, "price": "0.01"}]}, [("items[1].price", "UNKNOWN_FIELD")]),
    ({"items": [{**ITEM, "product_id": 1}]}, [("items[0].product_id", "UNKNOWN_FIELD")]),
    ({"version": 5, "is_admin": True}, [("is_admin", "UNKNOWN_FIELD"), ("version", "UNKNOWN_FIELD")]),
    (
        {"zebra": 1, "items": [{"sku": "", "quantity": 0}], "currency": "", "customer_id": 5},
        [
            ("customer_id", "INVALID_TYPE"),
            ("currency", "INVALID_VALUE"),
            ("items[0].sku", "TOO_SHORT"),
            ("items[0].quantity", "INVALID_VALUE"),
            ("zebra", "UNKNOWN_FIELD"),
        ],
    ),
]


class TestViolations:
    """400 VALIDATION_FAILED, all of them, in the order of the members."""

    @pytest.mark.parametrize(("members", "expected"), VIOLATIONS, ids=lambda each: ascii(each)[:40])
    def test_every_broken_rule_is_named(
        self, alice: Caller, application: Flask, members: dict[str, Any], expected: list[tuple[str, str]]
    ) -> None:
        """C1, B9, B13, B32: with where; nothing is written (D10)."""
        response = create(alice, **members)
        assert violated(response) == expected
        assert count(application) == (0, 0)

    def test_what_is_required_is_named(self, alice: Caller) -> None:
        """C14."""
        expected = [(name, "REQUIRED_FIELD") for name in ("customer_id", "currency", "items")]
        assert violated(alice.post(ORDERS, json={})) == expected

    def test_the_first_unfit_byte_is_named(self, alice: Caller) -> None:
        """B4–B8, B11."""
        for sent, position in MALFORMED:
            response = alice.post(ORDERS, data=sent, content_type=JSON)
            assert position in {None, refused(response, 400, "MALFORMED_JSON")["position"]}


class TestIdempotencyKey:
    """C21: a creation happens once."""

    def test_the_first_answer_comes_again_whatever_was_done_since(
        self, alice: Caller, admin: Caller, application: Flask
    ) -> None:
        """D2, D3: at the price of then, and as pending as it was."""
        key = {"Idempotency-Key": "one"}
        first = alice.post(ORDERS, json=body(), headers=key)
        admin.post(f"{first.headers['Location']}:ship")
        stock(application, {"TEA-100": {Currency.EUR: "7.00"}})
        again = alice.post(ORDERS, json=dict(reversed(body().items())), headers=key)
        assert (again.status_code, again.get_data()) == (201, first.get_data())
        assert again.headers["Idempotent-Replayed"] == "true"
        assert [again.headers[name] for name in ("Location", "ETag")] == [
            first.headers[name] for name in ("Location", "ETag")
        ]
        assert count(application) == (1, 1)

    def test_another_body_is_422_and_an_error_leaves_the_key_free(self, alice: Caller) -> None:
        """D3, D5: also one that is found in the transaction."""
        key = {"Idempotency-Key": "one"}
        assert violated(alice.post(ORDERS, json=body("no"), headers=key)) == [("items[0].sku", "BROKEN_LINK")]
        assert alice.post(ORDERS, json=body(customer_id="bob"), headers=key).status_code == 403
        answered(alice.post(ORDERS, json=body(), headers=key), 201)
        refused(alice.post(ORDERS, json=body("CUP"), headers=key), 422, "IDEMPOTENCY_KEY_REUSED")

    def test_a_key_is_its_caller_s(self, alice: Caller, bob: Caller, admin: Caller) -> None:
        """A18: with another's key one gets nothing of another's."""
        key = {"Idempotency-Key": "one"}
        first = answered(alice.post(ORDERS, json=body(), headers=key), 201)
        assert bob.post(ORDERS, json=body(), headers=key).status_code == 403
        assert answered(admin.post(ORDERS, json=body(), headers=key), 201)["id"] != first["id"]

    def test_of_many_at_once_one_creates(self, alice: Caller, application: Flask) -> None:
        """D2: the others hear the same, or that it is under way."""
        key = {"Idempotency-Key": "one"}

        def send(_: int) -> int:
            return (
                Caller(application.test_client(), alice.credentials).post(ORDERS, json=body(), headers=key).status_code
            )

        assert {*at_once(30, send)} <= {201, 409}
        assert count(application) == (1, 1)
