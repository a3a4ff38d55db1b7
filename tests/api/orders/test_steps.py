"""POST /v1/orders/{id}:cancel and :ship: a pending order takes one step, once."""

from collections import Counter

import pytest
from flask import Flask

from tests.api.caller import Caller, answered, at_once, refused
from tests.api.orders.order import made, path_of, plain

STEPS = {"cancel": ("STATUS_CANCELLED", "ORDER_NOT_CANCELLABLE"), "ship": ("STATUS_SHIPPED", "ORDER_NOT_SHIPPABLE")}


class TestSteps:
    @pytest.mark.parametrize("step", STEPS)
    def test_ok(self, alice: Caller, admin: Caller, step: str) -> None:
        """C20: nothing else of the order changes but its version."""
        order = made(alice)
        before = alice.get(path_of(order)).headers["ETag"]
        response = admin.post(f"{path_of(order)}:{step}")
        done = answered(response)
        assert done["status"] == STEPS[step][0]
        assert done["update_time"] > order["update_time"]
        assert {**done, "status": "STATUS_PENDING", "update_time": order["update_time"]} == plain(order)
        found = alice.get(path_of(order))
        assert answered(found) == done
        assert found.headers["ETag"] == response.headers["ETag"] != before
        assert answered(alice.get(f"{path_of(order)}?expand=items"))["items"] == order["items"]

    @pytest.mark.parametrize("first", STEPS)
    @pytest.mark.parametrize("second", STEPS)
    def test_there_is_no_second_one(self, alice: Caller, admin: Caller, first: str, second: str) -> None:
        """400 of kind INVALID, with what became of it; nothing changes."""
        path = path_of(made(alice))
        done = answered(admin.post(f"{path}:{first}"))
        document = refused(admin.post(f"{path}:{second}"), 400, STEPS[second][1])
        assert (document["kind"], document["order_status"]) == ("invalid_operation", STEPS[first][0])
        assert STEPS[first][0] in document["detail"]
        assert answered(alice.get(path)) == done

    @pytest.mark.parametrize("step", STEPS)
    def test_if_match_holds(self, alice: Caller, admin: Caller, step: str) -> None:
        """C20: 412 goes before what state the order is in (C9a)."""
        path = path_of(made(alice))
        for _ in range(2):
            refused(admin.post(f"{path}:{step}", headers={"If-Match": '"9-00000000"'}), 412, "PRECONDITION_FAILED")
            admin.post(f"{path}:{step}", headers={"If-Match": alice.get(path).headers["ETag"]})
        assert answered(alice.get(path))["status"] == STEPS[step][0]

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    def test_a_step_is_a_post_and_an_order_is_not_changed_otherwise(
        self, admin: Caller, path: str, method: str
    ) -> None:
        for step in STEPS:
            refused(admin.send(method, f"{path}:{step}"), 405, "METHOD_NOT_ALLOWED")
        if method != "GET":
            refused(admin.send(method, path, json={"status": "STATUS_SHIPPED"}), 405, "METHOD_NOT_ALLOWED")
        for unknown in ("refund", "Cancel", "cancel:ship", ""):
            refused(admin.post(f"{path}:{unknown}"), 404, "ROUTE_NOT_FOUND")


class TestRaces:
    """Several at once, each on a connection of its own."""

    def test_of_cancelling_and_shipping_at_once_one_wins(self, alice: Caller, admin: Caller, app: Flask) -> None:
        """Of sixteen steps of each of ten orders."""
        for _ in range(10):
            path = path_of(made(alice))

            def send(n: int, path: str = path) -> tuple[str, int, str]:
                caller, step = (alice, "cancel") if n % 2 else (admin, "ship")
                response = Caller(app.test_client(), caller.credentials).post(f"{path}:{step}")
                document = response.json or {}
                return step, response.status_code, str(document.get("code", document["status"]))

            outcomes = at_once(16, send)
            (winner,) = [each for each in outcomes if each[1] == 200]
            assert winner == (winner[0], 200, STEPS[winner[0]][0])
            assert Counter(each for each in outcomes if each[1] != 200) == {
                (step, 400, STEPS[step][1]): 8 - (step == winner[0]) for step in STEPS
            }
            assert answered(alice.get(path))["status"] == winner[2]
