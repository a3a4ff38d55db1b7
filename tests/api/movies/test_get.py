"""GET /v1/movies/{id}: one movie, whole or in part."""

import pytest

from tests.api.caller import Caller, answered, rejected, violated
from tests.api.movies.movie import ABSENT, MOVIES, REPO_MAN


class TestGet:
    def test_uppercase_letters_in_the_id_make_no_difference(self, reader: Caller, path: str) -> None:
        """RFC 9562, section 4."""
        identity = path.removeprefix(f"{MOVIES}/")
        assert answered(reader.get(f"{MOVIES}/{identity.upper()}"))["external_id"] == identity

    @pytest.mark.parametrize(
        "identity",
        [
            *("8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33", "00000000-0000-0000-0000-000000000000", "1", "null", "%00"),
            *("8c1b2c1e6f4e4d4c9d6e0d9b6a1f2a33", "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33%0a", "'%20OR%201=1--"),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_an_invalid_id_is_not_found(self, writer: Caller, path: str, method: str, identity: str) -> None:
        """Nor is the internal number of the database an ID."""
        body = REPO_MAN if method == "PUT" else None
        rejected(writer.send(method, f"{MOVIES}/{identity}", json=body), 404, "MOVIE_NOT_FOUND")
        answered(writer.get(path))

    def test_a_projection_has_only_the_requested_members(self, reader: Caller, path: str) -> None:
        """C19."""
        assert answered(reader.get(f"{path}?fields=run_time,title")) == {"title": "Repo Man", "run_time": 92}

    @pytest.mark.parametrize("name", ["id", "version", "password_hash", "title.x", "", "*"])
    def test_an_unknown_member_is_a_violation_that_lists_the_allowed_ones(
        self, reader: Caller, path: str, name: str
    ) -> None:
        """C19."""
        response = reader.get(f"{path}?fields={name}")
        assert [field for field, _ in violated(response)] == ["fields"]
        assert b"external_id" in response.get_data()

    def test_parameters_of_lists_are_unknown(self, reader: Caller) -> None:
        assert violated(reader.get(f"{ABSENT}?page_size=1")) == [("page_size", "UNKNOWN_PARAMETER")]


class TestConditions:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_the_current_version_is_not_sent_again(self, reader: Caller, path: str, tag: str, method: str) -> None:
        """C20."""
        response = reader.send(method, path, headers={"If-None-Match": tag})
        assert (response.status_code, response.get_data()) == (304, b"")
        assert response.headers["ETag"] == tag

    def test_a_stale_tag_gets_the_new_version(self, reader: Caller, editor: Caller, path: str, tag: str) -> None:
        """C20."""
        editor.put(path, json={"title": "x"}, headers={"If-Match": tag})
        assert answered(reader.get(path, headers={"If-None-Match": tag}))["title"] == "x"

    def test_a_projection_has_its_own_tag(self, reader: Caller, path: str, tag: str) -> None:
        """C19, C20."""
        part = reader.get(f"{path}?fields=title")
        assert part.headers["ETag"] != tag
        assert reader.get(f"{path}?fields=title", headers={"If-None-Match": part.headers["ETag"]}).status_code == 304

    def test_if_match_applies_to_reads_too(self, reader: Caller, path: str, tag: str) -> None:
        """RFC 9110, section 13.1.1."""
        answered(reader.get(path, headers={"If-Match": tag}))
        rejected(reader.get(path, headers={"If-Match": '"2-00000000"'}), 412, "PRECONDITION_FAILED")
