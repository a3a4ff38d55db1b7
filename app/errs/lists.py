"""Errors of list parameters: filter, order and page token."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind


class InvalidFilter(Error):
    """The filter is invalid.

    The filter syntax is a subset of AIP-160: comparisons joined by AND, such as
    ``status = STATUS_PENDING AND due_date < "2027-01-01T00:00:00Z"``.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_FILTER"
    message = "{reason} at character {position}, near '{token}'. Allowed: {allowed}."
    client = "Fix the filter at the position in position. Put strings and timestamps in quotes."
    operator = "No action is needed."
    since = "0.1.0"
    reason: str
    token: str
    position: int
    allowed: list[str]
    quotes = ("token",)
    example = {
        "param": "filter",
        "reason": "Unknown property",
        "token": "colour",
        "position": 1,
        "allowed": ["status", "title"],
    }
    curl = curl_examples.LIST + """ -G --data-urlencode 'filter=colour = "red"'"""


class InvalidOrderBy(Error):
    """The order is invalid.

    The value of order_by is a comma-separated list of sortable properties, such as ``due_date desc, title``. A
    long list can be sorted only by a property that has an index.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_ORDER_BY"
    message = "{reason} at character {position}, near '{token}'. Allowed: {allowed}."
    client = (
        "Send a comma-separated list of properties, each optionally followed by asc or desc. If the list has too many "
        "items for this order, sort by one of the properties in allowed, or add a filter that leaves fewer items."
    )
    operator = "No action is needed."
    since = "0.1.0"
    reason: str
    token: str
    position: int
    allowed: list[str]
    quotes = ("token",)
    example = {
        "param": "order_by",
        "reason": "Unknown property",
        "token": "colour",
        "position": 1,
        "allowed": ["create_time", "title"],
    }
    curl = curl_examples.LIST + " -G --data-urlencode 'order_by=colour'"


class InvalidPageToken(Error):
    """The page token does not belong to this list.

    A page token is signed and valid only for the same caller, list, filter and order. The service rejects a changed
    token.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_PAGE_TOKEN"
    message = "Send the page token unchanged, for the same list, with the same filter and order_by."
    client = "Start again from the first page, and send page tokens unchanged."
    operator = "No action is needed. After a change of PAGE_TOKEN_SECRET (or JWT_SECRET), older tokens get this error."
    since = "0.1.0"
    param = "page_token"
    curl = curl_examples.LIST + " -G -d page_token=made-up"
