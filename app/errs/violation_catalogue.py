"""The violation codes: one for each input rule, with a description and a fix."""

import re
from dataclasses import dataclass
from typing import Final

_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")


@dataclass(frozen=True, slots=True)
class ViolationCode:
    """A rule of input that a request can violate.

    Args:
        code: UPPER_SNAKE. It never changes.
        title: a sentence that describes the violation.
        client: instructions to fix the request.
        field: an example of a field that violates it.
        message: the message of that example.
        since: the version that introduced it.
    """

    code: str
    title: str
    client: str
    field: str
    message: str
    since: str = "0.1.0"


_CODES: Final[dict[str, ViolationCode]] = {}


def define(*codes: ViolationCode) -> None:
    """Add codes to the catalogue. Forks call it in a module that ``app/errs/__init__.py`` imports.

    Raises:
        TypeError: a code is not UPPER_SNAKE, or is already defined.
    """
    for each in codes:
        if not _CODE.fullmatch(each.code):
            raise TypeError(f"the code of a violation is UPPER_SNAKE, such as TOO_LONG, and not {each.code!r}")
        if each.code in _CODES:
            raise TypeError(f"the violation {each.code} is already defined")
        _CODES[each.code] = each


def violation_codes() -> dict[str, ViolationCode]:
    """Return all codes of violations, sorted."""
    return dict(sorted(_CODES.items()))


define(
    ViolationCode(
        "REQUIRED_FIELD",
        "A required property is missing or null.",
        "Send the property with a value.",
        "title",
        "title is required",
    ),
    ViolationCode(
        "TOO_SHORT",
        "The value is too short, or has no visible characters.",
        "Send a longer value. Spaces and invisible characters alone don't count.",
        "title",
        "title must not be blank",
    ),
    ViolationCode(
        "TOO_LONG",
        "The value has too many characters or items.",
        "Shorten the value to the limit in the message. Characters are Unicode code points.",
        "title",
        "title must have at most 200 characters",
    ),
    ViolationCode(
        "INVALID_FORMAT",
        "The value doesn't have the required format.",
        "Send the format that the message and the reference describe.",
        "due_date",
        "due_date must be an RFC 3339 timestamp such as 2030-01-31T12:00:00Z",
    ),
    ViolationCode(
        "INVALID_DATE_FORMAT",
        "The value is not a timestamp.",
        "Send an RFC 3339 timestamp, such as 1984-03-02T00:00:00Z.",
        "release_date",
        "release_date must be an RFC 3339 timestamp such as 2030-01-31T12:00:00Z",
    ),
    ViolationCode(
        "MUST_BE_FUTURE",
        "The time is in the past.",
        "Send a time that is later than now.",
        "due_date",
        "due_date must be in the future",
    ),
    ViolationCode(
        "INVALID_VALUE",
        "The value has the right type, but is not allowed.",
        "Send one of the values in the message, or a value in its range.",
        "status",
        "status must be one of STATUS_PENDING, STATUS_IN_PROGRESS, STATUS_COMPLETED, STATUS_CANCELLED",
    ),
    ViolationCode(
        "INVALID_TYPE",
        "The value has the wrong JSON type.",
        "Send the type in the message. Numbers and booleans are not strings.",
        "quantity",
        "quantity must be an integer",
    ),
    ViolationCode(
        "UNKNOWN_FIELD",
        "The object has a property that the operation doesn't know.",
        "Remove the property, or correct its name.",
        "titel",
        "titel is not a property",
    ),
    ViolationCode(
        "UNKNOWN_PARAMETER",
        "The query has a parameter that the operation doesn't know.",
        "Remove the parameter, or correct its name.",
        "pagesize",
        "pagesize is not a parameter of this operation",
    ),
    ViolationCode(
        "DUPLICATE_TAG",
        "A tag is in the list more than once.",
        "Send each tag once.",
        "tags[2]",
        "tags[2] is already in the list",
    ),
    ViolationCode(
        "INVALID_TAG_FORMAT",
        "A tag has characters that are not allowed, or too many.",
        "Use 1 to 50 lowercase letters, digits and hyphens.",
        "tags[0]",
        "tags[0] must match ^[a-z0-9-]+$ and have at most 50 characters",
    ),
    ViolationCode(
        "OVERDUE_COMPLETION",
        "A task can't become completed after its due date.",
        "Move `due_date` to the future in the same request, or choose another status.",
        "status",
        "status cannot become completed after due_date",
    ),
    ViolationCode(
        "EMPTY_BATCH",
        "The batch has no items.",
        "Send at least one item.",
        "requests",
        "requests must have at least one item",
    ),
    ViolationCode(
        "BATCH_TOO_LARGE",
        "The batch has too many items.",
        "Split the batch. The message contains the limit.",
        "requests",
        "requests must have at most 100 items",
    ),
    ViolationCode(
        "DUPLICATE_TITLE",
        "Several items of the batch have the same title.",
        "Give each item another title. Titles are compared after Unicode normalization (NFC) and trimming.",
        "requests[1].task.title",
        "requests[1].task.title is in the batch more than once",
    ),
    ViolationCode(
        "DUPLICATE_SKU",
        "A file of products has two prices of a product in one currency.",
        "Keep one line for each product and currency.",
        "line",
        "line 3: this sku already has a price in this currency",
    ),
    ViolationCode(
        "BROKEN_LINK",
        "The value refers to something that doesn't exist.",
        "Refer to something that exists, such as a product with a price in this currency.",
        "items[0].sku",
        "items[0].sku is not a product with a price in EUR",
    ),
    ViolationCode(
        "WRONG_PASSWORD",
        "The current password is wrong.",
        "Send the password that the account has now.",
        "current_password",
        "current_password is wrong",
    ),
    ViolationCode(
        "TOO_COMMON",
        "The password is one of those that attackers try first.",
        "Choose a password that is not a common one, a repetition, or your name or email address (NIST SP 800-63B).",
        "password",
        "password is too common",
    ),
)
