"""POST /v1/orders: invalid orders, with every violation listed."""

from typing import Any

import pytest
from flask import Flask

from tests.api.caller import JSON, Caller, rejected, violated
from tests.api.orders.order import ORDERS, count, create
from tests.api.test_bodies import MALFORMED


class TestProducts:
    """BROKEN_LINK, for every item without a price."""

    def test_all_broken_links_are_listed_at_once(self, alice: Caller, app: Flask) -> None:
        """An unknown SKU, and a SKU without a price in the currency; nothing is written."""
        response = create(alice, "no-such-sku", "TEA-100", "CUP", "tea-100", "no-such-sku", currency="USD")
        broken = [0, 2, 3, 4]
        assert violated(response) == [(f"items[{n}].sku", "BROKEN_LINK") for n in broken]
        assert response.json is not None
        assert [each["pointer"] for each in response.json["errors"]] == [f"#/items/{n}/sku" for n in broken]
        assert response.json["errors"][0]["message"] == "items[0].sku is not a product with a price in USD"
        assert response.json["kind"] == "input_validation_error"
        assert count(app) == (0, 0)

    def test_a_hundred_broken_links_are_listed(self, alice: Caller) -> None:
        """C2."""
        assert len(violated(create(alice, *["no"] * 100))) == 100

    @pytest.mark.parametrize("sku", ["' OR 1=1 --", "%", "TEA-10_", "TEA-100 ", "ТEA-100", "é", "\U0001f375"])
    def test_a_sku_must_match_exactly(self, alice: Caller, sku: str) -> None:
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
    def test_every_violation_is_listed(
        self, alice: Caller, app: Flask, members: dict[str, Any], expected: list[tuple[str, str]]
    ) -> None:
        """C1: with the location; nothing is written."""
        response = create(alice, **members)
        assert violated(response) == expected
        assert count(app) == (0, 0)

    def test_missing_required_members_are_listed(self, alice: Caller) -> None:
        """C14."""
        expected = [(name, "REQUIRED_FIELD") for name in ("customer_id", "currency", "items")]
        assert violated(alice.post(ORDERS, json={})) == expected

    def test_the_first_invalid_byte_is_reported(self, alice: Caller) -> None:
        for sent, position in MALFORMED:
            response = alice.post(ORDERS, data=sent, content_type=JSON)
            assert position in {None, rejected(response, 400, "MALFORMED_JSON")["position"]}
