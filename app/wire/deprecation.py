"""The deprecation of an operation: ``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594), ``Link``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Final

_UNFIT: Final = frozenset('<>"\\ \r\n')
"""Characters that are not allowed in the address of a ``Link`` (RFC 8288, section 3)."""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """The deprecation of one operation.

    Args:
        since: the day from which the operation is deprecated, at midnight UTC. It can be in the future.
        sunset: the day from which the operation may be removed.
        page: the address of a page that describes the replacement.

    Raises:
        TypeError: a day is not a date.
        ValueError: the sunset is earlier than the deprecation (RFC 9745, section 4), or the page is not an address.
    """

    since: date
    sunset: date | None = None
    page: str | None = None

    def __post_init__(self) -> None:
        """Check the dates and the page."""
        for day in (self.since, self.sunset):
            if day is not None and type(day) is not date:
                raise TypeError(f"an operation is deprecated from a date, such as date(2030, 1, 31), and not {day!r}")
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError(
                f"sunset must not be earlier than the deprecation: sunset={self.sunset} since={self.since}"
            )
        if self.page is not None and ("://" not in self.page or set(self.page) & _UNFIT):
            raise ValueError(f"page is an absolute address, such as https://api.example/changes, and not {self.page!r}")

    @property
    def fields(self) -> Mapping[str, str]:
        """The header fields of each response of the operation."""
        found = {"Deprecation": f"@{int(_midnight(self.since).timestamp())}"}
        if self.sunset is not None:
            found["Sunset"] = format_datetime(_midnight(self.sunset), usegmt=True)
        if self.page is not None:
            found["Link"] = f'<{self.page}>; rel="deprecation"; type="text/html"'
        return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
