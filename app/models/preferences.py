"""Preferences of users. A user without stored preferences has the defaults, in version 0."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import Base

LOCALE_LENGTH: Final = 35
"""Characters. This is enough for every language tag in practice (RFC 5646, section 4.4.1)."""
LOCALE_PATTERN: Final = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
"""The syntax of a language tag (BCP 47). The service does not check whether its subtags are registered."""
ZONE_LENGTH: Final = 64
UTC: Final = "UTC"
REVISION_DIGITS: Final = 13
THEMES: Final = ("system", "light", "dark")
NO_PLACES: Final = frozenset({"Factory"})
"""An entry of the time zone database that is not a time zone."""
RETIRED: Final = frozenset({"Canada/East-Saskatchewan", "US/Pacific-New"})
"""Names that the time zone database has removed. They are accepted, because stored preferences may contain them."""


class PreferencesView(Protocol):
    """The readable attributes of preferences, as an entity or as a row of columns."""

    @property
    def locale(self) -> str: ...  # noqa: D102
    @property
    def time_zone(self) -> str: ...  # noqa: D102
    @property
    def theme(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPreferences:
    """New preferences of a user. They replace all previous ones."""

    locale: str
    time_zone: str
    theme: str
    version: int = 0


DEFAULTS: Final = NewPreferences(locale="en", time_zone=UTC, theme="system")
"""The preferences of users who have not set any."""


@cache
def _time_zones() -> frozenset[str]:
    zones = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset({*zones.split()} - NO_PLACES | RETIRED)


def revision(of: PreferencesView) -> str:
    """Return the identifier of the content, which has no time: see ``app.models.precondition``."""
    content = "\0".join((of.locale, of.time_zone, of.theme))
    return f"{of.version:x}-{hashlib.sha256(content.encode()).hexdigest()[:REVISION_DIGITS]}"


def is_time_zone(name: str) -> bool:
    """Return whether the package ``tzdata`` has this zone of the IANA database, or its legacy name (``US/Eastern``).

    The operating system's database is not used: systems differ, and some have no legacy names. Therefore all instances
    accept the same names.
    """
    return name in _time_zones()


class Preferences(Base):
    """The preferences of a user."""

    __tablename__ = "preferences"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    locale: Mapped[str] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    theme: Mapped[str] = mapped_column(Text)
    version: Mapped[int]

    __table_args__ = (
        CheckConstraint(f"char_length(locale) BETWEEN 2 AND {LOCALE_LENGTH}", "locale_length"),
        CheckConstraint(f"char_length(time_zone) BETWEEN 1 AND {ZONE_LENGTH}", "time_zone_length"),
        CheckConstraint("theme IN ('system', 'light', 'dark')", "theme_known"),
    )

    @classmethod
    def of(cls, user_id: UUID) -> "Preferences":
        """Return the default preferences for a user. They are not stored until they are replaced."""
        return cls(
            user_id=user_id,
            locale=DEFAULTS.locale,
            time_zone=DEFAULTS.time_zone,
            theme=DEFAULTS.theme,
            version=DEFAULTS.version,
        )

    def replace(self, new: NewPreferences) -> None:
        """Replace all preferences."""
        self.locale, self.time_zone, self.theme = new.locale, new.time_zone, new.theme
        self.version += 1
