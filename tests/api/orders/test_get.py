"""GET /v1/orders/{id} and GET /v1/orders: whole orders, projections, and pages of items."""

from typing import Any

import pytest

from tests.api.caller import Caller, answered, rejected, violated
from tests.api.orders.order import ABSENT, ORDERS, ids, items, made, path_of, plain


@pytest.fixture
def order(alice: Caller) -> dict[str, Any]:
    """Return an order with twenty-five items, each with a different quantity."""
    return made(alice, items=[{"sku": "CUP", "quantity": n} for n in range(1, 26)])


class TestGet:
    @pytest.mark.parametrize("identity", ["8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33", "1", "null", "%00", "'%20OR%201=1--"])
    def test_an_invalid_id_is_not_found(self, alice: Caller, admin: Caller, identity: str) -> None:
        rejected(alice.get(f"{ORDERS}/{identity}"), 404, "ORDER_NOT_FOUND")
        rejected(alice.post(f"{ORDERS}/{identity}:cancel"), 404, "ORDER_NOT_FOUND")
        rejected(admin.post(f"{ORDERS}/{identity}:ship"), 404, "ORDER_NOT_FOUND")

    def test_a_projection_has_only_the_requested_members(self, alice: Caller, path: str) -> None:
        """C19: a projection without items omits them, expanded or not."""
        assert answered(alice.get(f"{path}?fields=total,currency")) == {"currency": "EUR", "total": "9.80"}
        assert answered(alice.get(f"{path}?fields=total&expand=items")) == {"total": "9.80"}
        assert answered(alice.get(f"{path}?fields=items")) == {"items": None}
        assert answered(alice.get(f"{path}?fields=items&expand=items"))["items"][0]["unit_price"] == "4.90"

    @pytest.mark.parametrize(
        ("query", "field", "code"),
        [
            ("fields=version", "fields", "INVALID_VALUE"),
            ("fields=items.sku", "fields", "INVALID_VALUE"),
            ("expand=", "expand", "INVALID_VALUE"),
            ("expand=Items", "expand", "INVALID_VALUE"),
            ("expand=items,customer", "expand", "INVALID_VALUE"),
            ("expand=items&expand=items", "expand", "INVALID_VALUE"),
            ("expand=items&items_page_size=-1", "items_page_size", "INVALID_VALUE"),
            ("expand=items&items_page_size=1.0", "items_page_size", "INVALID_TYPE"),
            ("expand=items&items_page_size=%2B1", "items_page_size", "INVALID_TYPE"),
            ("page_size=1", "page_size", "UNKNOWN_PARAMETER"),
            ("expand[]=items", "expand[]", "UNKNOWN_PARAMETER"),
        ],
    )
    def test_invalid_parameters_are_violations(self, alice: Caller, query: str, field: str, code: str) -> None:
        assert violated(alice.get(f"{ABSENT}?{query}")) == [(field, code)]

    def test_the_page_size_of_items_is_zero_to_a_hundred(self, alice: Caller) -> None:
        """0 means the default, and larger values are limited to the maximum, as for page_size."""
        made(alice, items=items(*["CUP"] * 100))
        for size, count in {"0": 100, "1": 1, "100": 100, "101": 100, "9" * 30: 100, "007": 7}.items():
            page = answered(alice.get(ORDERS, query_string={"expand": "items", "items_page_size": size}))
            assert len(page["orders"][0]["items"]) == count
            assert (page["orders"][0]["items_next_page_token"] is None) == (count == 100)

    @pytest.mark.parametrize("size", [1, 7, 24, 25, 26, 100])
    def test_all_pages_of_items_together_are_the_order(self, alice: Caller, order: dict[str, Any], size: int) -> None:
        """C17, C19: a list contains the first page, and the token of the next one."""
        query: dict[str, Any] = {"expand": "items", "items_page_size": size}
        (first,) = answered(alice.get(ORDERS, query_string=query))["orders"]
        assert first == answered(alice.get(path_of(order), query_string=query))
        found, token, pages = first["items"], first["items_next_page_token"], 1
        while token is not None:
            page = answered(alice.get(path_of(order), query_string={**query, "items_page_token": token}))
            assert {**page, "items": order["items"], "items_next_page_token": None} == order
            assert 0 < len(page["items"]) <= size
            found, token, pages = found + page["items"], page["items_next_page_token"], pages + 1
        assert (found, pages) == (order["items"], -(-25 // size))

    def test_an_items_page_token_without_expand_is_rejected(self, alice: Caller, order: dict[str, Any]) -> None:
        """C17: otherwise a caller that omits ``expand`` would take the response for the last page."""
        path = path_of(order)
        query = {"expand": "items", "items_page_size": 1}
        token = answered(alice.get(path, query_string=query))["items_next_page_token"]
        violations = [("items_page_token", "INVALID_VALUE")]
        for given in (token, "made-up"):
            assert violated(alice.get(path, query_string={"items_page_token": given})) == violations


class TestConditions:
    def test_the_current_version_is_not_sent_again(self, alice: Caller, path: str) -> None:
        """C20: each representation of an order has its own tag."""
        queries = [
            "",
            "?expand=items",
            "?expand=items&items_page_size=1",
            "?fields=id",
            "?fields=id,items&expand=items",
        ]
        tags = {query: alice.get(path + query).headers["ETag"] for query in queries}
        assert len({*tags.values()}) == len(queries)
        for query in queries:
            for other, tag in tags.items():
                response = alice.get(path + query, headers={"If-None-Match": tag})
                assert response.status_code == (304 if query == other else 200)

    def test_a_stale_tag_gets_the_new_version(self, alice: Caller, path: str) -> None:
        """C20."""
        tags = {query: alice.get(path + query).headers["ETag"] for query in ("", "?expand=items")}
        alice.post(f"{path}:cancel")
        for query, tag in tags.items():
            found = answered(alice.get(path + query, headers={"If-None-Match": tag}))
            assert found["status"] == "STATUS_CANCELLED"
        rejected(alice.get(path, headers={"If-Match": '"1-00000000"'}), 412, "PRECONDITION_FAILED")


class TestList:
    @pytest.fixture
    def orders(self, alice: Caller, admin: Caller) -> list[dict[str, Any]]:
        """Return seven orders, of which some were shipped or cancelled."""
        made_ = [made(alice, currency=("EUR", "USD", "GBP")[n % 3]) for n in range(7)]
        for n, (caller, step) in {1: (admin, "ship"), 2: (alice, "cancel"), 4: (admin, "ship")}.items():
            made_[n] = answered(caller.post(f"{path_of(made_[n])}:{step}"))
        return [plain(order) for order in made_]

    @pytest.mark.parametrize("order_by", ["", "create_time", "update_time desc", "update_time, create_time desc"])
    def test_all_pages_together_are_the_list(self, alice: Caller, orders: list[dict[str, Any]], order_by: str) -> None:
        """C17."""
        whole = answered(alice.get(ORDERS, query_string={"order_by": order_by}))["orders"]
        walked: list[dict[str, Any]] = []
        token: str | None = ""
        while token is not None:
            query = {"order_by": order_by, "page_size": 3, "page_token": token}
            page = answered(alice.get(ORDERS, query_string=query))
            assert page["total_size"] == 7
            walked, token = walked + page["orders"], page["next_page_token"]
        assert walked == whole
        assert {*ids(whole)} == {*ids(orders)}
        if not order_by:
            assert whole == orders[::-1]

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("status = SHIPPED", [1, 4]),
            ("status = STATUS_PENDING", [0, 3, 5, 6]),
            ("status != STATUS_PENDING AND currency = USD", [1, 4]),
            ('currency = "GBP"', [2, 5]),
            ('customer_id = "%"', []),
            ('create_time < "2000-01-01T00:00:00Z"', []),
        ],
    )
    def test_matching_orders_are_found(
        self, alice: Caller, orders: list[dict[str, Any]], expression: str, expected: list[int]
    ) -> None:
        """C18."""
        page = answered(alice.get(ORDERS, query_string={"filter": expression, "order_by": "create_time"}))
        assert page["orders"] == [orders[n] for n in expected]

    @pytest.mark.parametrize(
        "expression", ["total > 5", "id = 1", "version = 1", "items:x", "status = LOST", "status > SHIPPED"]
    )
    def test_an_invalid_filter_is_rejected_with_the_offending_token(self, alice: Caller, expression: str) -> None:
        """C18."""
        rejected(alice.get(ORDERS, query_string={"filter": expression}), 400, "INVALID_FILTER")

    @pytest.mark.parametrize("expression", ["total", "id", "status", "items", "create_time,create_time"])
    def test_an_order_that_is_not_allowed_is_rejected(self, alice: Caller, expression: str) -> None:
        """C18."""
        rejected(alice.get(ORDERS, query_string={"order_by": expression}), 400, "INVALID_ORDER_BY")
