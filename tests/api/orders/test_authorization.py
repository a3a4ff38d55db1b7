"""Orders of two customers, over every operation; each caller knows all IDs."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.caller import Caller, answered, rejected
from tests.api.orders.order import ABSENT, ORDERS, body, made, path_of, plain

USERS: dict[str, tuple[str, str] | None] = {
    "customer": ("alice", "orders"),
    "customer with more scopes": ("alice", "orders tasks users:write"),
    "another": ("bob", "orders"),
    "another with more scopes": ("bob", "orders orders:* orders:admin Admin tasks"),
    "admin": ("root", "admin"),
    "customer without the scope": ("alice", "tasks order orders:read"),
    "unauthenticated": None,
}
OWNERS = {"customer", "customer with more scopes"}
SCOPED = OWNERS | {"another", "another with more scopes", "admin"}
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "get": ("GET", "", {}),
    "head": ("HEAD", "", {}),
    "get with items": ("GET", "?expand=items&items_page_size=1", {}),
    "get if changed": ("GET", "", {"headers": {"If-None-Match": "*"}}),
    "get if it is": ("GET", "", {"headers": {"If-Match": '"9-00000000"'}}),
    "cancel": ("POST", ":cancel", {}),
    "cancel if it is": ("POST", ":cancel", {"headers": {"If-Match": '"9-00000000"'}}),
    "cancel by another method": ("POST", ":cancel", {"headers": {"X-HTTP-Method-Override": "GET"}}),
    "ship": ("POST", ":ship", {}),
    "ship with a body": ("POST", ":ship", {"json": {"customer_id": "bob", "is_admin": True}}),
}


@pytest.fixture
def users(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> dict[str, Caller]:
    """Return all callers."""
    return {name: Caller(client, bearer(*claims) if claims else {}) for name, claims in USERS.items()}


class TestObjects:
    @pytest.mark.parametrize("user", USERS)
    @pytest.mark.parametrize("what", OPERATIONS)
    def test_customers_reach_their_own_orders_and_admins_ship(
        self, users: dict[str, Caller], alice: Caller, path: str, user: str, what: str
    ) -> None:
        """401, 403 with an empty body, or success. Another customer's order is never shown or changed."""
        before = answered(alice.get(path))
        method, suffix, request = OPERATIONS[what]
        response = users[user].send(method, path + suffix, **request)
        may = {"admin"} if what.startswith("ship") else OWNERS | {"admin"}
        if user in may:
            assert response.status_code in {200, 304, 412}
            return
        assert (response.status_code, response.get_data()) == (401 if user == "unauthenticated" else 403, b"")
        scope = "admin" if what.startswith("ship") else "orders"
        if user != "unauthenticated":
            needs_scope = user not in SCOPED or scope == "admin"
            assert (f'scope="{scope}"' in response.headers.get("WWW-Authenticate", "")) == needs_scope
        assert answered(alice.get(path)) == before

    @pytest.mark.parametrize("user", USERS)
    def test_a_missing_order_is_404_for_callers_with_the_scope(self, users: dict[str, Caller], user: str) -> None:
        for method, suffix in (("GET", ""), ("POST", ":cancel"), ("POST", ":ship")):
            response = users[user].send(method, ABSENT + suffix)
            if user in ({"admin"} if suffix == ":ship" else SCOPED):
                rejected(response, 404, "ORDER_NOT_FOUND")
            else:
                assert response.status_code == (401 if user == "unauthenticated" else 403)


class TestLists:
    @pytest.fixture
    def orders(self, alice: Caller, bob: Caller) -> dict[str, list[dict[str, Any]]]:
        """Return the orders of two customers, the newest first."""
        return {
            "alice": [made(alice, "TEA-100", "CUP") for _ in range(2)][::-1],
            "bob": [made(bob, "TEA-100", "CUP", customer_id="bob") for _ in range(2)][::-1],
        }

    @pytest.mark.parametrize(
        "expression",
        [
            "",
            'customer_id = "alice"',
            'customer_id = "bob"',
            'customer_id != "alice"',
            'create_time > "2000-01-01T00:00:00Z"',
        ],
    )
    def test_no_filter_shows_orders_of_other_customers(
        self, alice: Caller, orders: dict[str, list[dict[str, Any]]], expression: str
    ) -> None:
        """They aren't counted either."""
        query = {"filter": expression, "expand": "items"}
        page = answered(alice.get(ORDERS, query_string=query))
        expected = [] if "bob" in expression or "!=" in expression else orders["alice"]
        assert (page["orders"], page["total_size"]) == (expected, len(expected))

    def test_an_admin_sees_all_orders(self, admin: Caller, orders: dict[str, list[dict[str, Any]]]) -> None:
        page = answered(admin.get(ORDERS))
        assert page["orders"] == [plain(order) for order in orders["bob"] + orders["alice"]]
        page = answered(admin.get(ORDERS, query_string={"filter": 'customer_id = "bob"'}))
        assert page["orders"] == [plain(order) for order in orders["bob"]]

    def test_a_page_token_is_valid_only_for_its_caller(
        self, alice: Caller, bob: Caller, admin: Caller, orders: dict[str, list[dict[str, Any]]]
    ) -> None:
        """C17: tokens of orders and of items; neither is valid for another list or another order."""
        token = answered(alice.get(f"{ORDERS}?page_size=1"))["next_page_token"]
        items_query = {"expand": "items", "items_page_size": 1}
        listed = answered(alice.get(ORDERS, query_string=items_query))["orders"]
        items_token = listed[0]["items_next_page_token"]
        for caller in (bob, admin):
            rejected(caller.get(ORDERS, query_string={"page_token": token}), 400, "INVALID_PAGE_TOKEN")
        rejected(alice.get(ORDERS, query_string={"page_token": items_token}), 400, "INVALID_PAGE_TOKEN")
        attempts = [
            (admin, listed[0], items_token),
            (bob, orders["bob"][0], items_token),
            (alice, listed[1], items_token),
            (alice, listed[0], token),
            *((alice, listed[0], items_token[:n] + "-" + items_token[n + 1 :]) for n in range(len(items_token))),
            *((alice, listed[0], each) for each in ("x", "A" * 4097, "\u0661", items_token + "=")),
        ]
        for caller, order, each in attempts:
            if each == items_token and caller is alice and order is listed[0]:
                continue
            query = {**items_query, "items_page_token": each}
            document = rejected(caller.get(path_of(order), query_string=query), 400, "INVALID_PAGE_TOKEN")
            assert document["param"] == "items_page_token"

    def test_a_replay_requires_the_scope_of_the_creation(self, users: dict[str, Caller]) -> None:
        request: dict[str, Any] = {"json": body(), "headers": {"Idempotency-Key": "key"}}
        answered(users["customer"].post(ORDERS, **request), 201)
        response = users["customer without the scope"].post(ORDERS, **request)
        assert (response.status_code, response.get_data()) == (403, b"")
