"""Movies over HTTP."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from app.models.movies import MovieView, NewMovie
from app.models.precondition import Precondition, revision
from app.rest.blueprint import Blueprint
from app.rest.conditional import ProjectedResponse, conditional, etag
from app.rest.current import page_tokens, principal, services
from app.rest.idempotency import once
from app.rest.operations import KIB
from app.services.movies import MovieService
from app.wire.schemas import movies as wire
from app.wire.schemas.lists import ListRequest

blp = Blueprint(
    "movies",
    __name__,
    scope="movies:read",
    scope_to_write="movies:write",
    max_body_bytes=16 * KIB,
    url_prefix="/v1",
    description="Movies.",
)


@blp.route("/movies", methods=("POST",))
@once
@blp.arguments(wire.MovieInputSchema)
@blp.response(HTTPStatus.CREATED, wire.MovieSchema, headers=("Location", "ETag"))
@blp.calls(MovieService.create)
def create_movie(new: NewMovie) -> Any:
    """Create a movie."""
    movie = services().movies.create(new, by=principal())
    return movie, {"Location": f"/v1/movies/{movie.external_id}", **_tag(movie)}


@blp.route("/movies")
@blp.arguments(wire.ListMoviesSchema, location="query")
@blp.response(HTTPStatus.OK, wire.MovieListSchema)
@blp.calls(MovieService.page, reads_replica=True)
def list_movies(listing: ListRequest) -> Any:
    """List movies."""
    page = services().movies.page(listing.query(page_tokens(), caller=principal().id))
    return ProjectedResponse(listing.answer(page, page_tokens(), caller=principal().id), listing.fields)


@blp.route("/movies/<id:movie_id>")
@blp.arguments(wire.GetMovieQuerySchema, location="query")
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.MovieSchema, headers=("ETag",))
@blp.calls(MovieService.get, reads_replica=True)
def get_movie(query: Mapping[str, Any], movie_id: UUID, precondition: Precondition) -> Any:
    """Return one movie."""
    movie = services().movies.get(movie_id, precondition=precondition)
    return ProjectedResponse(movie, query["fields"]), _tag(movie, query["fields"])


@blp.route("/movies/<id:movie_id>", methods=("PUT",))
@blp.arguments(wire.MovieInputSchema)
@conditional(wire.READABLE, is_required=True)
@blp.response(HTTPStatus.OK, wire.MovieSchema, headers=("ETag",))
@blp.calls(MovieService.replace)
def replace_movie(new: NewMovie, movie_id: UUID, precondition: Precondition) -> Any:
    """Replace a movie. Omitted properties become null."""
    movie = services().movies.replace(movie_id, new, by=principal(), precondition=precondition)
    return movie, _tag(movie)


@blp.route("/movies/<id:movie_id>", methods=("DELETE",))
@conditional(wire.READABLE)
@blp.response(HTTPStatus.OK, wire.DeletedMovieSchema)
@blp.calls(MovieService.delete)
def delete_movie(movie_id: UUID, precondition: Precondition) -> Any:
    """Delete a movie."""
    movie = services().movies.delete(movie_id, precondition=precondition)
    return {"external_id": movie.external_id, "deleted": True}


def _tag(movie: MovieView, members: Sequence[str] | None = None) -> dict[str, str]:
    return {"ETag": etag(revision(movie.version, movie.update_timestamp), members or wire.READABLE)}
