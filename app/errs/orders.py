"""Errors of orders."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind

_INSTANCE = "/v1/orders/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
_ALICE = curl_examples.issued("--subject alice --scope orders")
_ADMIN = curl_examples.issued("--subject root --admin")


def _ordered(variable: str, credentials: str) -> str:
    """Return commands that create an order of a demo product for alice and store its path in a variable."""
    sent = """-d '{"customer_id": "alice", "currency": "EUR", "items": [{"sku": "TEA-100", "quantity": 1}]}'"""
    command = f"curl -si '{{url}}/v1/orders' {credentials} {curl_examples.JSON} {sent}"
    return f"{variable}=$({command} \\\n  | {curl_examples.LOCATION})\n"


class OrderNotFound(Error):
    """The order does not exist."""

    kind = Kind.NOT_EXIST
    code = "ORDER_NOT_FOUND"
    client = "Check the ID."
    operator = "No action is needed."
    since = "0.1.0"
    instance = _INSTANCE
    curl = f"curl -i '{{url}}{_INSTANCE}' {_ALICE}"


class NotOrderCustomer(Error):
    """The order belongs to another customer.

    The caller is not the customer of the order or of the new order. The response is a 403 without a body and without a
    challenge, because another scope does not help.
    """

    kind = Kind.UNAUTHORIZED
    code = "NOT_ORDER_CUSTOMER"
    client = "Use the token of the customer or of an admin. In a new order, customer_id is the subject of the token."
    operator = "Many of these errors from one caller can mean that it guesses IDs."
    since = "0.1.0"
    instance = _INSTANCE
    curl = (
        f"curl -i '{{url}}/v1/orders' {_ALICE} {curl_examples.JSON} "
        """-d '{"customer_id": "bob", "currency": "EUR", "items": [{"sku": "TEA-100", "quantity": 1}]}'"""
    )


class OrderNotCancellable(Error):
    """The order can no longer be cancelled.

    Only a pending order can be cancelled. A shipped or cancelled order keeps its status.
    """

    kind = Kind.INVALID
    code = "ORDER_NOT_CANCELLABLE"
    message = "The order is {order_status}. Only a STATUS_PENDING order can be cancelled."
    client = "Read the order and check its status."
    operator = "No action is needed."
    since = "0.1.0"
    instance = f"{_INSTANCE}:cancel"
    order_status: str
    example = {"order_status": "STATUS_SHIPPED"}
    curl = _ordered("AT", _ALICE) + curl_examples.twice(f'curl -i -X POST "{{url}}$AT:cancel" {_ALICE}')


class OrderNotShippable(Error):
    """The order can no longer be shipped.

    Only a pending order can be shipped. A shipped or cancelled order keeps its status.
    """

    kind = Kind.INVALID
    code = "ORDER_NOT_SHIPPABLE"
    message = "The order is {order_status}. Only a STATUS_PENDING order can be shipped."
    client = "Do not send the goods. Read the order and check its status."
    operator = "No action is needed."
    since = "0.1.0"
    instance = f"{_INSTANCE}:ship"
    order_status: str
    example = {"order_status": "STATUS_CANCELLED"}
    curl = _ordered("AT", _ALICE) + curl_examples.twice(f'curl -i -X POST "{{url}}$AT:ship" {_ADMIN}')
