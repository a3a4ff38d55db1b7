"""The schemas of movies."""

from typing import Any, ClassVar, Final

from app.models.movies import MAX_RUNNING_TIME, NAME_LENGTH, RATED_LENGTH, NewMovie
from app.wire import fields, filter_types
from app.wire.list_parameters import FieldsParameter
from app.wire.schemas.base import QuerySchema, Schema
from app.wire.schemas.lists import ListRules, ListSchema
from app.wire.validators import Length, Printable, Range


def _text(example: str, description: str, *, longest: int = NAME_LENGTH, **kwargs: Any) -> fields.Text:
    """Return the field of a single line that is not blank."""
    rules = [Length(min=1, max=longest), Printable()]
    return fields.Text(
        validate=rules, metadata={"example": example, "pattern": Printable.LINE, "description": description}, **kwargs
    )


class MovieSchema(Schema):
    """A movie."""

    external_id = fields.Text(
        dump_only=True,
        metadata={
            "format": "uuid",
            "example": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
            "description": "The ID of the movie.",
        },
    )
    title = _text("Repo Man", "The title.", required=True)
    rated = _text("R", "The rating.", longest=RATED_LENGTH, allow_none=True)
    release_date = fields.Timestamp(
        invalid="INVALID_DATE_FORMAT",
        allow_none=True,
        metadata={"example": "1984-03-02T00:00:00Z", "description": "The first showing."},
    )
    run_time = fields.Integer(
        allow_none=True,
        validate=Range(min=1, max=MAX_RUNNING_TIME),
        metadata={"example": 92, "description": "The running time in minutes."},
    )
    director = _text("Alex Cox", "The director.", allow_none=True)
    writer = _text("Alex Cox", "The author of the script.", allow_none=True)
    create_username = fields.Text(
        dump_only=True, metadata={"example": "alice", "description": "The creator, by the subject of the token."}
    )
    create_timestamp = fields.Timestamp(
        dump_only=True,
        metadata={"example": "2026-11-21T09:30:00.000001Z", "description": "When the movie was created."},
    )
    update_username = fields.Text(
        dump_only=True,
        metadata={"example": "alice", "description": "The user of the last change, by the subject of the token."},
    )
    update_timestamp = fields.Timestamp(
        dump_only=True,
        metadata={"example": "2026-11-21T09:30:00.000001Z", "description": "When the movie was last changed."},
    )


class MovieInputSchema(MovieSchema):
    """A movie to create or to replace."""

    def make(self, values: dict[str, Any]) -> NewMovie:
        """Return the movie. Omitted properties are unset."""
        return NewMovie(**values)


class MovieListSchema(Schema):
    """A page of movies."""

    projects = "movies"

    movies = fields.Listed(
        fields.Object(MovieSchema), longest=1000, metadata={"description": "The movies of the page."}
    )
    next_page_token = fields.Text(
        allow_none=True, metadata={"description": "`page_token` of the next page; null on the last page."}
    )
    total_size = fields.Integer(
        metadata={
            "description": "The items of all pages, counted on the first page; -1 if counting takes too long.",
            "minimum": -1,
        }
    )


class DeletedMovieSchema(Schema):
    """The confirmation of a deletion."""

    external_id = fields.Text(metadata={"format": "uuid", "description": "The ID of the movie."})
    deleted = fields.Boolean(metadata={"description": "Always true."})


READABLE: Final = tuple(MovieSchema().dump_fields)


class ListMoviesSchema(ListSchema):
    """The query parameters of the list of movies."""

    rules: ClassVar = ListRules(
        resource="movies",
        items=READABLE,
        filterable={
            "title": filter_types.text(),
            "rated": filter_types.text(nullable=True),
            "release_date": filter_types.timestamp(nullable=True),
            "director": filter_types.text(nullable=True),
        },
        orderable=("title", "release_date", "director", "create_timestamp"),
        order_by="create_timestamp desc",
        example='rated = R AND release_date < "1990-01-01T00:00:00Z"',
    )


GetMovieQuerySchema = QuerySchema.from_dict({"fields": FieldsParameter(READABLE)}, name="GetMovieQuerySchema")
