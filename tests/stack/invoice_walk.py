"""A walk over generated invoices. ``test_new_invoices`` copies it into a tree that has them, as a test of the API."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.caller import Caller, answered, rejected, violated
from tests.rows import prerequisites

INVOICES = "/v1/invoices"
DUE = ("2030-01-31", "2030-02-28", None, "2029-12-31", "2030-02-28")
AMOUNTS = ("9.80", "10.00", "0.50", "100.00", "9.80")


@pytest.fixture
def carol(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> Caller:
    """Return a customer."""
    return Caller(client, bearer("carol", "invoices"))


@pytest.fixture
def invoices(app: Flask, carol: Caller) -> list[dict[str, Any]]:
    """Return five invoices."""
    order = prerequisites(app, f"POST {INVOICES}")
    bodies = (
        {"number": f"2030-{number}", "amount": amount, "due": due, **order}
        for number, (amount, due) in enumerate(zip(AMOUNTS, DUE, strict=True))
    )
    return [answered(carol.post(INVOICES, json=body), 201) for body in bodies]


def test_an_invoice_refers_to_an_order(carol: Caller, invoices: list[dict[str, Any]]) -> None:
    assert invoices[0]["order_id"] == invoices[4]["order_id"]
    body = {"number": "1", "amount": "1.00", "order_id": invoices[0]["id"]}
    assert violated(carol.post(INVOICES, json=body)) == [("order_id", "BROKEN_LINK")]


def test_invoices_are_filtered_by_date(carol: Caller, invoices: list[dict[str, Any]]) -> None:
    for text, expected in (
        ("due < 2030-02-01", {"2030-0", "2030-3"}),
        ("due >= 2030-02-28 AND amount = 9.80", {"2030-4"}),
        ("due = null", {"2030-2"}),
        (f"order_id = {invoices[0]['order_id']} AND status = DRAFT AND amount > 50", {"2030-3"}),
    ):
        found = answered(carol.get(INVOICES, query_string={"filter": text}))["invoices"]
        assert {each["number"] for each in found} == expected, text


def test_invoices_are_ordered_by_amount_across_pages(carol: Caller, invoices: list[dict[str, Any]]) -> None:
    token: str | None = ""
    found: list[str] = []
    while token is not None:
        query = {"order_by": "amount desc", "page_size": 2, "page_token": token}
        page = answered(carol.get(INVOICES, query_string=query))
        found += [each["amount"] for each in page["invoices"]]
        token = page["next_page_token"]
    assert found == ["100.00", "10.00", "9.80", "9.80", "0.50"]


def test_an_invoice_is_sent_once(carol: Caller, invoices: list[dict[str, Any]]) -> None:
    path = f"{INVOICES}/{invoices[0]['id']}"
    assert answered(carol.post(f"{path}:send"))["status"] == "STATUS_SENT"
    problem = rejected(carol.post(f"{path}:send"), 409, "INVOICE_SEND_NOT_ALLOWED")
    assert (problem["state"], problem["retryable"]) == ("STATUS_SENT", False)
    assert problem["detail"] == "The invoice is STATUS_SENT. This transition is possible from: STATUS_DRAFT."


def test_a_number_is_unique_per_customer(
    carol: Caller, invoices: list[dict[str, Any]], client: FlaskClient, bearer: Callable[..., dict[str, str]]
) -> None:
    same = {name: invoices[0][name] for name in ("number", "amount", "order_id")}
    rejected(carol.post(INVOICES, json=same), 409, "INVOICE_NUMBER_TAKEN")
    dave = Caller(client, bearer("dave", "invoices"))
    answered(dave.post(INVOICES, json=same), 201)
    assert dave.get(f"{INVOICES}/{invoices[0]['id']}").status_code == 403
    assert [each["customer_id"] for each in answered(dave.get(INVOICES))["invoices"]] == ["dave"]
