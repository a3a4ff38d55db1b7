"""DELETE /v1/movies/{id}."""

from tests.api.caller import Caller, answered, rejected, violated
from tests.api.movies.movie import ABSENT, MOVIES, REPO_MAN, made, path_of, titles


class TestDelete:
    def test_ok(self, writer: Caller, path: str) -> None:
        response = writer.delete(path)
        assert answered(response) == {"external_id": path.removeprefix(f"{MOVIES}/"), "deleted": True}
        assert "ETag" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"

    def test_a_deleted_movie_is_gone_everywhere(self, writer: Caller, reader: Caller) -> None:
        """GET, PUT, DELETE, list, filter, and a page that would begin after it."""
        movies = [made(writer, title=f"movie {n}") for n in range(3)]
        first = answered(reader.get(f"{MOVIES}?order_by=title&page_size=1"))
        path = path_of(movies[0])
        answered(writer.delete(path))
        rejected(reader.get(path), 404, "MOVIE_NOT_FOUND")
        rejected(writer.put(path, json=REPO_MAN, headers={"If-Match": "*"}), 404, "MOVIE_NOT_FOUND")
        rejected(writer.delete(path), 404, "MOVIE_NOT_FOUND")
        assert titles(reader, filter='title = "movie 0"') == []
        rest = titles(reader, order_by="title", page_token=first["next_page_token"])
        assert rest == ["movie 1", "movie 2"] == titles(reader, order_by="title")

    def test_only_the_expected_version_is_deleted(self, writer: Caller, path: str, tag: str) -> None:
        """C20: 412 if stale, and the movie stays; without If-Match, any version."""
        current = writer.put(path, json=REPO_MAN, headers={"If-Match": tag}).headers["ETag"]
        rejected(writer.delete(path, headers={"If-Match": tag}), 412, "PRECONDITION_FAILED")
        answered(writer.get(path))
        answered(writer.delete(path, headers={"If-Match": current}))

    def test_404_comes_before_412_and_400_before_both(self, writer: Caller) -> None:
        """C9a."""
        rejected(writer.delete(ABSENT, headers={"If-Match": '"1-00000000"'}), 404, "MOVIE_NOT_FOUND")
        assert violated(writer.delete(f"{ABSENT}?force=true")) == [("force", "UNKNOWN_PARAMETER")]
