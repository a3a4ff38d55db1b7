"""Timestamps as RFC 3339 has them, narrower in what comes in: ``RULE`` says how. One spelling goes out."""

import re
from datetime import UTC, datetime
from typing import Final

PATTERN: Final = (
    r"^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""What OpenAPI says of a timestamp. Which days a month has, it cannot say."""
RULE: Final = (
    "an RFC 3339 timestamp such as 2030-01-31T12:00:00Z: T between date and time, at most 6 fractional digits,"
    " no leap second, years 1 to 9999 in UTC"
)
"""Every way in which a timestamp is narrower than RFC 3339, section 5.6."""
_TIMESTAMP: Final = re.compile(PATTERN.removeprefix("^").removesuffix("$"))


def parse(text: str) -> datetime:
    """Return the moment in UTC (RFC 3339, section 5.6, ``t`` and ``z`` in small letters too, as ``RULE`` narrows it).

    Raises:
        ValueError: it is spelled otherwise, is no day of the calendar, or lies outside the years 1 to 9999 in UTC.
    """
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError("not a timestamp like 2027-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999 in UTC") from None


def in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC)


def render(moment: datetime) -> str:
    """Return the moment in UTC with ``Z``, microseconds kept, a zero fraction omitted (C14).

    Raises:
        ValueError: the moment has no time zone.
    """
    return in_utc(moment).isoformat().removesuffix("+00:00") + "Z"
