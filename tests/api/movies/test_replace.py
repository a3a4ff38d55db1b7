"""PUT /v1/movies/{id}: replacement of a whole movie."""

from collections import Counter

import pytest
from werkzeug.test import TestResponse

from tests.api.caller import Caller, answered, at_once, rejected, violated
from tests.api.movies.movie import ABSENT, MOVIES, REPO_MAN, made, path_of, titles


class TestReplace:
    def test_ok(self, editor: Caller, reader: Caller, created: TestResponse, path: str, tag: str) -> None:
        """C20: omitted members become null. The creator stays; the response names the user who replaced it."""
        response = editor.put(path, json={"title": "Repo Men", "run_time": 111}, headers={"If-Match": tag})
        movie, before = answered(response), answered(created, 201)
        assert {name: value for name, value in movie.items() if value != before[name]} == {
            "title": "Repo Men",
            "rated": None,
            "release_date": None,
            "run_time": 111,
            "director": None,
            "writer": None,
            "update_username": "edna",
            "update_timestamp": movie["update_timestamp"],
        }
        assert movie["update_timestamp"] > before["update_timestamp"]
        found = reader.get(path)
        assert (answered(found), found.headers["ETag"]) == (movie, response.headers["ETag"])
        assert response.headers["ETag"] != tag

    def test_a_response_can_be_sent_back(self, writer: Caller, path: str) -> None:
        """The service ignores output-only members, whatever their value."""
        before = writer.get(path)
        sent = {**answered(before), "create_username": "root", "external_id": ABSENT[-36:], "director": "A. Cox"}
        movie = answered(writer.put(path, json=sent, headers={"If-Match": before.headers["ETag"]}))
        assert movie == {
            **answered(before),
            "director": "A. Cox",
            "update_timestamp": movie["update_timestamp"],
        }
        rejected(writer.get(ABSENT), 404, "MOVIE_NOT_FOUND")

    def test_no_other_method_changes_a_movie(self, writer: Caller, path: str) -> None:
        for method, where in (("PATCH", path), ("POST", path), ("PUT", MOVIES), ("DELETE", MOVIES)):
            response = writer.send(method, where, json=REPO_MAN, headers={"X-HTTP-Method-Override": "PUT"})
            rejected(response, 405, "METHOD_NOT_ALLOWED")
        assert writer.send("OPTIONS", path).headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"

    def test_other_movies_are_unaffected(self, writer: Caller, path: str, tag: str) -> None:
        other = made(writer, title="Other")
        writer.put(path, json={"title": "x"}, headers={"If-Match": tag})
        assert answered(writer.get(path_of(other))) == other

    def test_a_put_creates_nothing(self, writer: Caller) -> None:
        rejected(writer.put(ABSENT, json=REPO_MAN, headers={"If-Match": "*"}), 404, "MOVIE_NOT_FOUND")
        assert titles(writer) == []


class TestIfMatch:
    """C20."""

    @pytest.mark.parametrize("headers", [{}, {"If-None-Match": '"x"'}], ids=["none", "another"])
    def test_a_missing_if_match_is_428(
        self, writer: Caller, created: TestResponse, path: str, headers: dict[str, str]
    ) -> None:
        """Nothing is written."""
        rejected(writer.put(path, json={"title": "x"}, headers=headers), 428, "PRECONDITION_REQUIRED")
        assert writer.get(path).get_data() == created.get_data()

    def test_404_comes_before_428_and_400_before_both(self, writer: Caller) -> None:
        """C9a."""
        rejected(writer.put(ABSENT, json=REPO_MAN), 404, "MOVIE_NOT_FOUND")
        assert violated(writer.put(ABSENT, json={})) == [("title", "REQUIRED_FIELD")]

    @pytest.mark.parametrize("form", ["W/{}", '"x"', '"0-00000000"', '"", "y"'])
    def test_any_other_tag_is_412(self, writer: Caller, created: TestResponse, path: str, tag: str, form: str) -> None:
        """Weak tags never match strongly; the movie stays the same, byte for byte."""
        headers = {"If-Match": form.replace("{}", tag)}
        rejected(writer.put(path, json={"title": "x"}, headers=headers), 412, "PRECONDITION_FAILED")
        assert (writer.get(path).get_data(), writer.get(path).headers["ETag"]) == (created.get_data(), tag)

    def test_the_tag_of_a_projection_does_not_match_the_whole(self, writer: Caller, path: str) -> None:
        """C19, C20."""
        part = writer.get(f"{path}?fields=title").headers["ETag"]
        rejected(writer.put(path, json=REPO_MAN, headers={"If-Match": part}), 412, "PRECONDITION_FAILED")

    @pytest.mark.parametrize("sent", ["", "garbage", '"open', '*, "a"'])
    def test_an_invalid_field_is_a_violation(self, writer: Caller, path: str, sent: str) -> None:
        response = writer.put(path, json=REPO_MAN, headers={"If-Match": sent})
        assert violated(response) == [("If-Match", "INVALID_FORMAT")]

    def test_a_star_matches_any_version(self, editor: Caller, path: str) -> None:
        """RFC 9110, section 13.1.1: the client accepts to overwrite any version."""
        assert answered(editor.put(path, json={"title": "x"}, headers={"If-Match": "*"}))["title"] == "x"

    def test_if_none_match_can_exclude_the_current_version(self, writer: Caller, path: str, tag: str) -> None:
        """RFC 9110, section 13.1.2."""
        headers = {"If-Match": "*", "If-None-Match": tag}
        rejected(writer.put(path, json=REPO_MAN, headers=headers), 412, "PRECONDITION_FAILED")

    def test_of_two_replacements_with_the_same_tag_one_succeeds(
        self, writer: Caller, editor: Caller, path: str
    ) -> None:
        """Fifty times, and no update is lost."""
        callers = [Caller(who.client.application.test_client(), who.credentials) for who in (writer, editor)]
        for turn in range(50):
            headers = {"If-Match": writer.get(path).headers["ETag"]}

            def put(n: int, turn: int = turn, headers: dict[str, str] = headers) -> int:
                return callers[n].put(path, json={"title": f"{turn} {n}"}, headers=headers).status_code

            assert Counter(at_once(2, put, threads=2)) == {200: 1, 412: 1}
        assert writer.get(path).headers["ETag"].startswith('"33-')
