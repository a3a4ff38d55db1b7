"""How a user likes to be served. Who never said so has the defaults, as a first version that nobody wrote."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base

LOCALE_LENGTH: Final = 35
"""Characters: enough for every language tag that is needed in practice (RFC 5646, section 4.4.1)."""
LOCALE_PATTERN: Final = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
"""The shape of a language tag (BCP 47); whether its subtags are registered is not looked up."""
ZONE_LENGTH: Final = 64
UTC: Final = "UTC"
THEMES: Final = ("system", "light", "dark")
NO_PLACES: Final = frozenset({"Factory"})
"""An entry of the database that is not a zone of anywhere."""
RETIRED: Final = frozenset({"Canada/East-Saskatchewan", "US/Pacific-New"})
"""Names that the database has dropped, which may be stored: whatever was read can be sent back."""


class PreferencesView(Protocol):
    """What may be read of preferences, be it an entity or a row of columns."""

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
    """What a user prefers now; all of it, in place of what was said before."""

    locale: str
    time_zone: str
    theme: str
    version: int = 0


DEFAULTS: Final = NewPreferences(locale="en", time_zone=UTC, theme="system")
"""What holds for who has said nothing."""


@cache
def _time_zones() -> frozenset[str]:
    zones = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset({*zones.split()} - NO_PLACES | RETIRED)


def is_time_zone(name: str) -> bool:
    """Return whether the package ``tzdata`` has this zone of the IANA database, or its legacy name (``US/Eastern``).

    Not the machine's copy: machines differ, and some have no legacy names. What one instance has accepted, all accept.
    """
    return name in _time_zones()


class Preferences(Base):
    """What a user prefers."""

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
        """Return the defaults of a user, which are not kept until they are replaced."""
        return cls(
            user_id=user_id,
            locale=DEFAULTS.locale,
            time_zone=DEFAULTS.time_zone,
            theme=DEFAULTS.theme,
            version=DEFAULTS.version,
        )

    def replace(self, new: NewPreferences) -> None:
        """Let what is said now take the place of what was said before."""
        self.locale, self.time_zone, self.theme = new.locale, new.time_zone, new.theme
        self.version += 1
