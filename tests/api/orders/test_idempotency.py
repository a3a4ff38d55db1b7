"""POST /v1/orders with an Idempotency-Key (C21): a creation happens once."""

from flask import Flask

from app.models.products import Currency
from tests.api.caller import Caller, answered, at_once, rejected, violated
from tests.api.orders.order import ORDERS, body, count, stock


class TestIdempotencyKey:
    """C21: a creation happens once."""

    def test_a_repeated_request_gets_the_first_response_whatever_changed_since(
        self, alice: Caller, admin: Caller, app: Flask
    ) -> None:
        """With the original price, and the pending status."""
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
        """Also an error that is found in the transaction."""
        key = {"Idempotency-Key": "one"}
        assert violated(alice.post(ORDERS, json=body("no"), headers=key)) == [("items[0].sku", "BROKEN_LINK")]
        assert alice.post(ORDERS, json=body(customer_id="bob"), headers=key).status_code == 403
        answered(alice.post(ORDERS, json=body(), headers=key), 201)
        rejected(alice.post(ORDERS, json=body("CUP"), headers=key), 422, "IDEMPOTENCY_KEY_REUSED")

    def test_a_key_belongs_to_its_caller(self, alice: Caller, bob: Caller, admin: Caller) -> None:
        """A key of another caller gives access to none of their data."""
        key = {"Idempotency-Key": "one"}
        first = answered(alice.post(ORDERS, json=body(), headers=key), 201)
        assert bob.post(ORDERS, json=body(), headers=key).status_code == 403
        assert answered(admin.post(ORDERS, json=body(), headers=key), 201)["id"] != first["id"]

    def test_of_concurrent_requests_one_creates(self, alice: Caller, app: Flask) -> None:
        """The others get the same response, or 409 while it is in progress."""
        key = {"Idempotency-Key": "one"}

        def send(_: int) -> int:
            return Caller(app.test_client(), alice.credentials).post(ORDERS, json=body(), headers=key).status_code

        assert {*at_once(30, send)} <= {201, 409}
        assert count(app) == (1, 1)
