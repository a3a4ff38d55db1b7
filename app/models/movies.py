"""Movies and their invariants."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import Base

NAME_LENGTH: Final = 200
"""The maximum length of a title, a director or a writer, in characters."""
RATED_LENGTH: Final = 10
MAX_RUNNING_TIME: Final = 100_000
"""Minutes: about twice the length of the longest movie ever made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMovie:
    """The caller's data for a new or replaced movie. ``None`` means unknown."""

    title: str
    rated: str | None = None
    release_date: datetime | None = None
    run_time: int | None = None
    director: str | None = None
    writer: str | None = None


class MovieView(Protocol):
    """The readable attributes of a movie, as an entity or as a row of columns."""

    @property
    def external_id(self) -> UUID: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def update_timestamp(self) -> datetime: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102


class Movie(Base):
    """A movie. Movies have no owner: a caller who may write movies may write all of them."""

    __tablename__ = "movies"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    """Never exposed, not even in a page token, because it would reveal the number of movies."""
    external_id: Mapped[UUID] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(Text)
    rated: Mapped[str | None] = mapped_column(Text)
    release_date: Mapped[datetime | None]
    run_time: Mapped[int | None]
    director: Mapped[str | None] = mapped_column(Text)
    writer: Mapped[str | None] = mapped_column(Text)
    create_username: Mapped[str] = mapped_column(Text)
    create_timestamp: Mapped[datetime]
    update_username: Mapped[str] = mapped_column(Text)
    update_timestamp: Mapped[datetime]
    version: Mapped[int]

    __table_args__ = (
        Index("ix_movies_create_timestamp", "create_timestamp", "external_id"),
        Index("ix_movies_title", "title", "external_id"),
        Index("ix_movies_director", "director", "external_id"),
        Index("ix_movies_release_date", "release_date", "external_id"),
        Index("ix_movies_create_username", "create_username"),
        Index("ix_movies_update_username", "update_username"),
        CheckConstraint(f"char_length(title) BETWEEN 1 AND {NAME_LENGTH}", "title_length"),
        CheckConstraint(f"char_length(rated) <= {RATED_LENGTH}", "rated_length"),
        CheckConstraint("isfinite(release_date)", "release_date_finite"),
        CheckConstraint(f"run_time BETWEEN 1 AND {MAX_RUNNING_TIME}", "run_time_possible"),
        CheckConstraint(f"char_length(director) <= {NAME_LENGTH}", "director_length"),
        CheckConstraint(f"char_length(writer) <= {NAME_LENGTH}", "writer_length"),
    )

    @classmethod
    def create(cls, new: NewMovie, *, by: str, at: datetime) -> "Movie":
        """Return a new movie."""
        return cls(
            external_id=uuid4(),
            create_username=by,
            create_timestamp=at,
            update_username=by,
            update_timestamp=at,
            version=1,
            **asdict(new),
        )

    def replace(self, new: NewMovie, *, by: str, at: datetime) -> None:
        """Replace all data of the movie."""
        for name, value in asdict(new).items():
            setattr(self, name, value)
        self.update_username = by
        self.update_timestamp = max(at, self.update_timestamp)
        self.version += 1
