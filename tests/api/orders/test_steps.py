"""POST /v1/orders/{id}:cancel and :ship: a pending order makes one transition, once."""

from collections import Counter

import pytest
from flask import Flask

from tests.api.caller import Caller, answered, at_once, rejected
from tests.api.orders.order import made, path_of, plain

STEPS = {"cancel": ("STATUS_CANCELLED", "ORDER_NOT_CANCELLABLE"), "ship": ("STATUS_SHIPPED", "ORDER_NOT_SHIPPABLE")}


class TestSteps:
    @pytest.mark.parametrize("step", STEPS)
    def test_ok(self, alice: Caller, admin: Caller, step: str) -> None:
        """C20: only the status and the version of the order change."""
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
    def test_a_second_transition_is_rejected(self, alice: Caller, admin: Caller, first: str, second: str) -> None:
        """400 of kind INVALID, with the present status; nothing changes."""
        path = path_of(made(alice))
        done = answered(admin.post(f"{path}:{first}"))
        document = rejected(admin.post(f"{path}:{second}"), 400, STEPS[second][1])
        assert (document["kind"], document["order_status"]) == ("invalid_operation", STEPS[first][0])
        assert STEPS[first][0] in document["detail"]
        assert answered(alice.get(path)) == done

    @pytest.mark.parametrize("step", STEPS)
    def test_if_match_applies(self, alice: Caller, admin: Caller, step: str) -> None:
        """C20: 412 comes before errors of the order's state (C9a)."""
        path = path_of(made(alice))
        for _ in range(2):
            rejected(admin.post(f"{path}:{step}", headers={"If-Match": '"9-00000000"'}), 412, "PRECONDITION_FAILED")
            admin.post(f"{path}:{step}", headers={"If-Match": alice.get(path).headers["ETag"]})
        assert answered(alice.get(path))["status"] == STEPS[step][0]

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    def test_transitions_need_post_and_no_other_method_changes_an_order(
        self, admin: Caller, path: str, method: str
    ) -> None:
        for step in STEPS:
            rejected(admin.send(method, f"{path}:{step}"), 405, "METHOD_NOT_ALLOWED")
        if method != "GET":
            rejected(admin.send(method, path, json={"status": "STATUS_SHIPPED"}), 405, "METHOD_NOT_ALLOWED")
        for unknown in ("refund", "Cancel", "cancel:ship", ""):
            rejected(admin.post(f"{path}:{unknown}"), 404, "ROUTE_NOT_FOUND")


class TestRaces:
    """Several transitions at once, each on its own connection."""

    def test_of_concurrent_cancelling_and_shipping_one_succeeds(self, alice: Caller, admin: Caller, app: Flask) -> None:
        """Ten orders, sixteen transitions each."""
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
