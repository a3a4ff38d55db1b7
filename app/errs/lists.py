"""What can be wrong with the way a list is asked for."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind


class InvalidFilter(Error):
    """The filter is not understood.

    A filter is a subset of AIP-160: comparisons joined by AND, such as
    ``status = STATUS_PENDING AND due_date < "2027-01-01T00:00:00Z"``.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_FILTER"
    message = "{reason} at character {position}, near '{token}'. Allowed: {allowed}."
    client = "Mend the filter at the token named. Strings and timestamps stand in quotes."
    operator = "Nothing to do."
    since = "0.1.0"
    reason: str
    token: str
    position: int
    allowed: list[str]
    quotes = ("token",)
    example = {
        "param": "filter",
        "reason": "Unknown member",
        "token": "colour",
        "position": 1,
        "allowed": ["status", "title"],
    }
    curl = curl_examples.LIST + """ -G --data-urlencode 'filter=colour = "red"'"""


class InvalidOrderBy(Error):
    """The order is not understood.

    An order is a comma-separated list of members that the list can be ordered by, such as ``due_date desc, title``.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_ORDER_BY"
    message = "{reason} at character {position}, near '{token}'. Allowed: {allowed}."
    client = "Use a comma-separated list of members, each optionally followed by asc or desc."
    operator = "Nothing to do."
    since = "0.1.0"
    reason: str
    token: str
    position: int
    allowed: list[str]
    quotes = ("token",)
    example = {
        "param": "order_by",
        "reason": "Unknown member",
        "token": "colour",
        "position": 1,
        "allowed": ["create_time", "title"],
    }
    curl = curl_examples.LIST + " -G --data-urlencode 'order_by=colour'"


class InvalidPageToken(Error):
    """The page token does not belong to this list.

    A token is signed and bound to the caller, the filter and the order of the list that it was given for. One that was
    changed, or comes from elsewhere, is refused.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_PAGE_TOKEN"
    message = "Use a page token exactly as it was given, for the same list, with the same filter and order_by."
    client = "Start again from the first page, and pass tokens on unchanged."
    operator = "Nothing to do. After a change of PAGE_TOKEN_SECRET (or JWT_SECRET), older tokens end here."
    since = "0.1.0"
    param = "page_token"
    curl = curl_examples.LIST + " -G -d page_token=made-up"
