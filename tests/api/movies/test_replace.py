"""PUT /v1/movies/{id}: all that is said of a movie, in place of what was said before."""

from collections import Counter

import pytest
from werkzeug.test import TestResponse

from tests.api.caller import Caller, answered, at_once, refused, violated
from tests.api.movies.movie import ABSENT, MOVIES, REPO_MAN, made, path_of, titles


class TestReplace:
    def test_ok(self, editor: Caller, reader: Caller, created: TestResponse, path: str, tag: str) -> None:
        """C20: what is left out becomes null; who created it stays, who changed it is told."""
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

    def test_what_was_read_can_be_sent_back(self, writer: Caller, path: str) -> None:
        """Members that only the service writes are ignored, whatever they hold."""
        before = writer.get(path)
        sent = {**answered(before), "create_username": "root", "external_id": ABSENT[-36:], "director": "A. Cox"}
        movie = answered(writer.put(path, json=sent, headers={"If-Match": before.headers["ETag"]}))
        assert movie == {
            **answered(before),
            "director": "A. Cox",
            "update_timestamp": movie["update_timestamp"],
        }
        refused(writer.get(ABSENT), 404, "MOVIE_NOT_FOUND")

    def test_there_are_no_other_ways_to_change_a_movie(self, writer: Caller, path: str) -> None:
        for method, where in (("PATCH", path), ("POST", path), ("PUT", MOVIES), ("DELETE", MOVIES)):
            response = writer.send(method, where, json=REPO_MAN, headers={"X-HTTP-Method-Override": "PUT"})
            refused(response, 405, "METHOD_NOT_ALLOWED")
        assert writer.send("OPTIONS", path).headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"

    def test_another_movie_is_none_the_wiser(self, writer: Caller, path: str, tag: str) -> None:
        other = made(writer, title="Other")
        writer.put(path, json={"title": "x"}, headers={"If-Match": tag})
        assert answered(writer.get(path_of(other))) == other

    def test_a_put_creates_nothing(self, writer: Caller) -> None:
        refused(writer.put(ABSENT, json=REPO_MAN, headers={"If-Match": "*"}), 404, "MOVIE_NOT_FOUND")
        assert titles(writer) == []


class TestIfMatch:
    """C20."""

    @pytest.mark.parametrize("headers", [{}, {"If-None-Match": '"x"'}], ids=["none", "another"])
    def test_without_it_is_428(self, writer: Caller, created: TestResponse, path: str, headers: dict[str, str]) -> None:
        """Nothing is written."""
        refused(writer.put(path, json={"title": "x"}, headers=headers), 428, "PRECONDITION_REQUIRED")
        assert writer.get(path).get_data() == created.get_data()

    def test_404_comes_before_428_and_400_before_both(self, writer: Caller) -> None:
        """C9a."""
        refused(writer.put(ABSENT, json=REPO_MAN), 404, "MOVIE_NOT_FOUND")
        assert violated(writer.put(ABSENT, json={})) == [("title", "REQUIRED_FIELD")]

    @pytest.mark.parametrize("form", ["W/{}", '"x"', '"0-00000000"', '"", "y"'])
    def test_any_other_is_412(self, writer: Caller, created: TestResponse, path: str, tag: str, form: str) -> None:
        """Weak tags never match strongly; the movie stays as it is, to the byte."""
        headers = {"If-Match": form.replace("{}", tag)}
        refused(writer.put(path, json={"title": "x"}, headers=headers), 412, "PRECONDITION_FAILED")
        assert (writer.get(path).get_data(), writer.get(path).headers["ETag"]) == (created.get_data(), tag)

    def test_the_tag_of_a_part_is_none_of_the_whole(self, writer: Caller, path: str) -> None:
        """C19, C20."""
        part = writer.get(f"{path}?fields=title").headers["ETag"]
        refused(writer.put(path, json=REPO_MAN, headers={"If-Match": part}), 412, "PRECONDITION_FAILED")

    @pytest.mark.parametrize("sent", ["", "garbage", '"open', '*, "a"'])
    def test_garbage_is_a_violation_of_the_header(self, writer: Caller, path: str, sent: str) -> None:
        response = writer.put(path, json=REPO_MAN, headers={"If-Match": sent})
        assert violated(response) == [("If-Match", "INVALID_FORMAT")]

    def test_a_star_takes_any_version(self, editor: Caller, path: str) -> None:
        """RFC 9110, section 13.1.1: whoever says so overwrites knowingly."""
        assert answered(editor.put(path, json={"title": "x"}, headers={"If-Match": "*"}))["title"] == "x"

    def test_if_none_match_can_rule_out_what_there_is(self, writer: Caller, path: str, tag: str) -> None:
        """RFC 9110, section 13.1.2."""
        headers = {"If-Match": "*", "If-None-Match": tag}
        refused(writer.put(path, json=REPO_MAN, headers=headers), 412, "PRECONDITION_FAILED")

    def test_of_two_with_one_tag_one_wins(self, writer: Caller, editor: Caller, path: str) -> None:
        """Fifty times, and no update is lost."""
        callers = [Caller(who.client.application.test_client(), who.credentials) for who in (writer, editor)]
        for turn in range(50):
            headers = {"If-Match": writer.get(path).headers["ETag"]}

            def put(n: int, turn: int = turn, headers: dict[str, str] = headers) -> int:
                return callers[n].put(path, json={"title": f"{turn} {n}"}, headers=headers).status_code

            assert Counter(at_once(2, put, threads=2)) == {200: 1, 412: 1}
        assert writer.get(path).headers["ETag"].startswith('"33-')
