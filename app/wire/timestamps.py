"""RFC 3339 timestamps and dates. Input is restricted further by ``RULE``. Output has one format."""

import re
from datetime import UTC, date, datetime
from typing import Final

PATTERN: Final = (
    r"^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""The OpenAPI pattern of a timestamp. It can't express the number of days in a month."""
RULE: Final = (
    "an RFC 3339 timestamp such as 2030-01-31T12:00:00Z: T between date and time, at most 6 fractional digits,"
    " no leap second, years 1 to 9999 in UTC"
)
"""All restrictions in addition to RFC 3339, section 5.6."""
DATE_PATTERN: Final = r"^(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
"""The OpenAPI pattern of a date. It can't express the number of days in a month."""
DATE_RULE: Final = "a date such as 2030-01-31, in the years 1 to 9999"
_DATE: Final = re.compile(DATE_PATTERN.removeprefix("^").removesuffix("$"))
_TIMESTAMP: Final = re.compile(PATTERN.removeprefix("^").removesuffix("$"))


def parse(text: str) -> datetime:
    """Return the time in UTC (RFC 3339, section 5.6, also with lowercase ``t`` and ``z``, restricted by ``RULE``).

    Raises:
        ValueError: the format or the date is invalid, or the time is outside the years 1 to 9999 in UTC.
    """
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError("not a timestamp like 2027-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999 in UTC") from None


def parse_date(text: str) -> date:
    """Return the date (RFC 3339, ``full-date``).

    Raises:
        ValueError: the format is invalid, or there is no such day.
    """
    if not _DATE.fullmatch(text):
        raise ValueError("not a date like 2027-01-31")
    return date.fromisoformat(text)


def in_utc(moment: datetime) -> datetime:
    """Return the time in UTC.

    Raises:
        ValueError: the time has no time zone.
    """
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError("a time requires a time zone")
    return moment.astimezone(UTC)


def render(moment: datetime) -> str:
    """Return the time in UTC with ``Z`` and microseconds; a zero fraction is omitted (C14).

    Raises:
        ValueError: the time has no time zone.
    """
    return in_utc(moment).isoformat().removesuffix("+00:00") + "Z"
