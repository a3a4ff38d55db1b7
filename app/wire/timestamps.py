"""Timestamps as RFC 3339 has them, narrowed: one spelling comes in, one goes out."""

import re
from datetime import UTC, datetime
from typing import Final

_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def parse(text: str) -> datetime:
    """Return the moment in UTC (RFC 3339, section 5.6, in capitals, to the microsecond, without leap seconds).

    Raises:
        ValueError: it is spelled otherwise, is no day of the calendar, or lies outside the years 1 to 9999 in UTC.
    """
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError("not a timestamp like 2027-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
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
