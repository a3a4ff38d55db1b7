"""POST /v1/orders with an Idempotency-Key (C21): a creation happens once."""

from flask import Flask

from app.models.products import Currency
from tests.api.caller import Caller, answered, at_once, refused, violated
from tests.api.orders.order import ORDERS, body, count, stock


class TestIdempotencyKey:
    """C21: a creation happens once."""

    def test_the_first_answer_comes_again_whatever_was_done_since(
        self, alice: Caller, admin: Caller, app: Flask
    ) -> None:
        """At the price of then, and as pending as it was."""
        key = {"Idempotency-Key": "one"}
        first = alice.post(ORDERS, json=body(), headers=key)
        admin.post(f"{first.headers['Location']}:ship")
        stock(app, {"TEA-100": {Currency.EUR: "7.00"}})
        again = alice.post(ORDERS, json=dict(reversed(body().items())), headers=key)
        assert (again.status_code, again.get_data()) == (201, first.get_data())
        assert again.headers["Idempotent-Replayed"] == "true"
        assert [again.headers[name] for name in ("Location", "ETag")] == [
            first.headers[name] for name in ("Location", "ETag")
        ]
        assert count(app) == (1, 1)

    def test_another_body_is_422_and_an_error_leaves_the_key_free(self, alice: Caller) -> None:
        """Also one that is found in the transaction."""
        key = {"Idempotency-Key": "one"}
        assert violated(alice.post(ORDERS, json=body("no"), headers=key)) == [("items[0].sku", "BROKEN_LINK")]
        assert alice.post(ORDERS, json=body(customer_id="bob"), headers=key).status_code == 403
        answered(alice.post(ORDERS, json=body(), headers=key), 201)
        refused(alice.post(ORDERS, json=body("CUP"), headers=key), 422, "IDEMPOTENCY_KEY_REUSED")

    def test_a_key_is_its_caller_s(self, alice: Caller, bob: Caller, admin: Caller) -> None:
        """With another's key one gets nothing of another's."""
        key = {"Idempotency-Key": "one"}
        first = answered(alice.post(ORDERS, json=body(), headers=key), 201)
        assert bob.post(ORDERS, json=body(), headers=key).status_code == 403
        assert answered(admin.post(ORDERS, json=body(), headers=key), 201)["id"] != first["id"]

    def test_of_many_at_once_one_creates(self, alice: Caller, app: Flask) -> None:
        """The others hear the same, or that it is under way."""
        key = {"Idempotency-Key": "one"}

        def send(_: int) -> int:
            return Caller(app.test_client(), alice.credentials).post(ORDERS, json=body(), headers=key).status_code

        assert {*at_once(30, send)} <= {201, 409}
        assert count(app) == (1, 1)
