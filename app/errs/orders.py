"""What can go wrong with orders."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind

_INSTANCE = "/v1/orders/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
_ALICE = curl_examples.issued("--subject alice --scope orders")
_ADMIN = curl_examples.issued("--subject root --admin")


class OrderNotFound(Error):
    """There is no such order."""

    kind = Kind.NOT_EXIST
    code = "ORDER_NOT_FOUND"
    client = "Check the id."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = _INSTANCE
    curl = f"curl -i '{{url}}{_INSTANCE}' {_ALICE}"


class NotOrderCustomer(Error):
    """The order is somebody else's.

    The caller is not the customer of the order, or of the one that was to be created. The answer is an empty 403
    without a challenge: another scope would not help.
    """

    kind = Kind.UNAUTHORIZED
    code = "NOT_ORDER_CUSTOMER"
    client = "Use the token of the order's customer, or of an admin; customer_id of a new order is the token's subject."
    operator = "Many of these from one caller look like somebody trying out ids."
    since = "0.1.0"
    instance = _INSTANCE
    curl = (
        f"curl -i '{{url}}/v1/orders' {_ALICE} {curl_examples.JSON} "
        """-d '{"customer_id": "bob", "currency": "EUR", "items": [{"sku": "TEA-100", "quantity": 1}]}'"""
    )


class OrderNotCancellable(Error):
    """The order cannot be cancelled any more.

    An order is cancelled while it is pending; once it is shipped or cancelled, it stays so.
    """

    kind = Kind.INVALID
    code = "ORDER_NOT_CANCELLABLE"
    message = "The order is {order_status}, and only one that is STATUS_PENDING can be cancelled."
    client = "Read the order to see what became of it."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = f"{_INSTANCE}:cancel"
    order_status: str
    example = {"order_status": "STATUS_SHIPPED"}
    curl = curl_examples.ordered("AT", _ALICE) + curl_examples.twice(f'curl -i -X POST "{{url}}$AT:cancel" {_ALICE}')


class OrderNotShippable(Error):
    """The order cannot be shipped any more.

    An order is shipped while it is pending; once it is shipped or cancelled, it stays so.
    """

    kind = Kind.INVALID
    code = "ORDER_NOT_SHIPPABLE"
    message = "The order is {order_status}, and only one that is STATUS_PENDING can be shipped."
    client = "Read the order to see what became of it; do not send the goods."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = f"{_INSTANCE}:ship"
    order_status: str
    example = {"order_status": "STATUS_CANCELLED"}
    curl = curl_examples.ordered("AT", _ALICE) + curl_examples.twice(f'curl -i -X POST "{{url}}$AT:ship" {_ADMIN}')
