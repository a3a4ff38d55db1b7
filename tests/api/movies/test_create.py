"""POST /v1/movies: accepted movies, violations, and responses."""

import re
from typing import Any

import pytest
from hypothesis import given

from tests.api.caller import JSON, Caller, answered, at_once, rejected, violated
from tests.api.movies.movie import MOVIES, REPO_MAN, create, made, path_of, titles
from tests.api.test_bodies import MALFORMED
from tests.api.test_fuzz import TEXT, bounded

MEMBERS = [
    *("external_id", "title", "rated", "release_date", "run_time", "director", "writer"),
    *("create_username", "create_timestamp", "update_username", "update_timestamp"),
]
OPTIONAL = ["rated", "release_date", "run_time", "director", "writer"]
LINES = ["title", "rated", "director", "writer"]


class TestCreate:
    """Accepted movies."""

    def test_ok(self, writer: Caller, reader: Caller) -> None:
        """C14, C15, C20: no envelope, every member in order, a Location that answers GET, and a strong tag."""
        response = create(writer)
        movie = answered(response, 201)
        assert list(movie) == MEMBERS
        assert REPO_MAN.items() <= movie.items()
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", movie["external_id"])
        assert movie["create_timestamp"] == movie["update_timestamp"]
        assert (movie["create_username"], movie["update_username"]) == ("wanda", "wanda")
        assert response.headers["Location"] == path_of(movie)
        found = reader.get(response.headers["Location"])
        assert answered(found) == movie
        assert found.headers["ETag"] == response.headers["ETag"]
        assert re.fullmatch(r'"1-[0-9a-f]+-[0-9a-f]{8}"', response.headers["ETag"])

    @pytest.mark.parametrize("members", [{}, dict.fromkeys(OPTIONAL)], ids=["left out", "null"])
    def test_unknown_values_are_null(self, writer: Caller, members: dict[str, None]) -> None:
        """C14: only the title is required."""
        movie = answered(writer.post(MOVIES, json={"title": "Untitled", **members}), 201)
        assert [movie[name] for name in OPTIONAL] == [None] * 5
        assert answered(writer.get(path_of(movie))) == movie

    def test_the_longest_accepted_values(self, writer: Caller) -> None:
        members = {"title": "\U0001f3ac" * 200, "rated": "x" * 10, "director": "é" * 200, "writer": "x" * 200}
        movie = made(writer, **members, run_time=100_000)
        assert members.items() <= movie.items()
        assert made(writer, run_time=1)["run_time"] == 1

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("1895-12-28T18:00:00Z", "1895-12-28T18:00:00Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("2099-01-31T12:00:00.000001Z", "2099-01-31T12:00:00.000001Z"),
            ("1984-03-02T00:00:00.0+02:00", "1984-03-01T22:00:00Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ],
    )
    def test_a_release_date_may_be_past_or_future(self, writer: Caller, sent: str, kept: str) -> None:
        """C14."""
        movie = made(writer, release_date=sent)
        assert movie["release_date"] == kept
        assert answered(writer.get(MOVIES))["movies"] == [movie]

    def test_output_only_members_are_ignored(self, writer: Caller) -> None:
        """The service ignores known ones, whatever their value."""
        sent: dict[str, Any] = {
            "external_id": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
            "create_username": "root",
            "update_username": ["root"],
            "create_timestamp": "1984-01-01T00:00:00Z",
            "update_timestamp": 5,
        }
        movie = made(writer, **sent)
        assert [name for name, value in sent.items() if movie[name] == value] == []
        assert movie["create_username"] == "wanda"

    def test_two_movies_may_have_the_same_title(self, writer: Caller) -> None:
        """Remakes exist."""
        assert made(writer)["external_id"] != made(writer)["external_id"]

    @bounded(60)
    @given(text=TEXT)
    def test_a_text_is_returned_unchanged_or_rejected(self, writer: Caller, text: str) -> None:
        response = writer.post(MOVIES, json={"title": text, "director": text})
        if response.status_code != 400:
            movie = answered(response, 201)
            assert (movie["title"], movie["director"]) == (text, text)
            assert answered(writer.get(path_of(movie))) == movie
            answered(writer.delete(path_of(movie)))


VIOLATIONS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"title": None}, [("title", "REQUIRED_FIELD")]),
    *(({name: ""}, [(name, "TOO_SHORT")]) for name in LINES),
    *(({name: "\u3000 "}, [(name, "TOO_SHORT")]) for name in LINES),
    *(({name: 5}, [(name, "INVALID_TYPE")]) for name in LINES),
    *(({name: ["x"]}, [(name, "INVALID_TYPE")]) for name in LINES),
    *(({name: "a\u202eb"}, [(name, "INVALID_FORMAT")]) for name in LINES),
    *(({name: "a\nb"}, [(name, "INVALID_FORMAT")]) for name in LINES),
    *(({name: "x" * 201}, [(name, "TOO_LONG")]) for name in LINES),
    ({"rated": "x" * 11}, [("rated", "TOO_LONG")]),
    *(({"run_time": n}, [("run_time", "INVALID_VALUE")]) for n in (0, -1, 100_001, 2**31, 2**63, -(2**63) - 1)),
    *(({"run_time": x}, [("run_time", "INVALID_TYPE")]) for x in (92.0, 1e2, True, "92", [92], {"minutes": 92})),
    ({"release_date": 446688000}, [("release_date", "INVALID_TYPE")]),
    ({"id": 5}, [("id", "UNKNOWN_FIELD")]),
    ({"version": 5, "is_admin": True}, [("is_admin", "UNKNOWN_FIELD"), ("version", "UNKNOWN_FIELD")]),
    ({"movie": REPO_MAN}, [("movie", "UNKNOWN_FIELD")]),
    ({"Title": "x"}, [("Title", "UNKNOWN_FIELD")]),
    (
        {"zebra": 1, "writer": "", "director": 1, "run_time": 0, "release_date": "soon", "rated": "", "title": " "},
        [
            ("title", "TOO_SHORT"),
            ("rated", "TOO_SHORT"),
            ("release_date", "INVALID_DATE_FORMAT"),
            ("run_time", "INVALID_VALUE"),
            ("director", "INVALID_TYPE"),
            ("writer", "TOO_SHORT"),
            ("zebra", "UNKNOWN_FIELD"),
        ],
    ),
]


class TestViolations:
    """400 VALIDATION_FAILED, all of them, in the order of the members."""

    @pytest.mark.parametrize(("members", "expected"), VIOLATIONS, ids=lambda each: ascii(each)[:40])
    def test_every_violation_is_listed(
        self, writer: Caller, created: Any, path: str, members: dict[str, Any], expected: list[tuple[str, str]]
    ) -> None:
        """C1: of a creation and of a replacement, with the location; nothing is written."""
        body = {**REPO_MAN, **members}
        for response in (writer.post(MOVIES, json=body), writer.put(path, json=body, headers={"If-Match": "*"})):
            assert violated(response) == expected
            assert response.json is not None
            for violation in response.json["errors"]:
                assert violation["pointer"] == f"#/{violation['field']}"
                assert violation["message"].startswith(violation["field"])
        assert titles(writer) == ["Repo Man"]
        assert writer.get(path).get_data() == created.get_data()

    def test_a_title_is_required(self, writer: Caller) -> None:
        """C14."""
        assert violated(writer.post(MOVIES, json={})) == [("title", "REQUIRED_FIELD")]

    @pytest.mark.parametrize(
        "timestamp",
        [
            *("infinity", "-infinity", "epoch", "now", "", " ", "0", "1984", "1984-03-02", "1984-03-02T00:00:00"),
            *("1984-03-02 00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "1984-03-02T24:00:00Z"),
            *("1984-12-31T23:59:60Z", "1984-03-02T00:00:00+25:00", "1984-03-02T00:00:00.1234567Z"),
            *("1985-02-29T00:00:00Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "02 Mar 1984"),
        ],
    )
    def test_an_invalid_timestamp_is_rejected_and_the_list_stays_readable(self, writer: Caller, timestamp: str) -> None:
        """INVALID_DATE_FORMAT."""
        assert violated(create(writer, release_date=timestamp)) == [("release_date", "INVALID_DATE_FORMAT")]
        assert titles(writer) == []

    def test_violations_of_query_header_fields_and_body_are_listed_together(self, writer: Caller) -> None:
        """C9a."""
        response = writer.post(f"{MOVIES}?colour=red", json={"title": ""}, headers={"Request-Timeout": "soon"})
        assert {*violated(response)} == {
            ("colour", "UNKNOWN_PARAMETER"),
            ("Request-Timeout", "INVALID_VALUE"),
            ("title", "TOO_SHORT"),
        }


class TestBodies:
    """400 MALFORMED_JSON and 415."""

    def test_the_first_invalid_byte_is_reported(self, writer: Caller, path: str) -> None:
        for method, where in (("POST", MOVIES), ("PUT", path)):
            for body, position in MALFORMED:
                response = writer.send(method, where, data=body, content_type=JSON, headers={"If-Match": "*"})
                assert position in {None, rejected(response, 400, "MALFORMED_JSON")["position"]}
        assert titles(writer) == ["Repo Man"]

    @pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"true"])
    def test_another_top_level_type_is_a_violation(self, writer: Caller, body: bytes) -> None:
        assert violated(writer.post(MOVIES, data=body, content_type=JSON)) == [("body", "INVALID_TYPE")]

    @pytest.mark.parametrize("sent", ["application/merge-patch+json", "text/plain", "multipart/form-data; boundary=x"])
    def test_another_media_type_is_415(self, writer: Caller, path: str, sent: str) -> None:
        for method, where in (("POST", MOVIES), ("PUT", path)):
            response = writer.send(method, where, data=b"{}", content_type=sent)
            rejected(response, 415, "UNSUPPORTED_MEDIA_TYPE")
        response = writer.post(MOVIES, data=b"{}", content_type=JSON, headers={"Content-Encoding": "gzip"})
        rejected(response, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert response.headers["Accept-Encoding"] == "identity"


class TestIdempotencyKey:
    """C21: a creation happens once."""

    def test_a_repeated_request_gets_the_first_response(self, writer: Caller) -> None:
        """Byte for byte, whatever the spelling of the body."""
        first, again = (
            writer.post(MOVIES, data=body, content_type=JSON, headers={"Idempotency-Key": "one"})
            for body in ('{"title":"Repo Man","run_time":92}', '{ "run_time": 92, "title": "Repo\\u0020Man" }')
        )
        assert (again.status_code, again.get_data()) == (201, first.get_data())
        assert again.headers["Idempotent-Replayed"] == "true"
        assert [again.headers[name] for name in ("Location", "ETag")] == [
            first.headers[name] for name in ("Location", "ETag")
        ]
        assert titles(writer) == ["Repo Man"]

    def test_a_replay_is_the_original_response(self, writer: Caller, editor: Caller) -> None:
        """C21: also after another caller has replaced or deleted the movie."""
        key = {"Idempotency-Key": "one"}
        first = writer.post(MOVIES, json=REPO_MAN, headers=key)
        editor.delete(first.headers["Location"])
        assert writer.post(MOVIES, json=REPO_MAN, headers=key).get_data() == first.get_data()
        assert titles(writer) == []

    def test_another_body_is_422_and_an_error_leaves_the_key_free(self, writer: Caller) -> None:
        key = {"Idempotency-Key": "one"}
        assert violated(writer.post(MOVIES, json={}, headers=key)) == [("title", "REQUIRED_FIELD")]
        answered(writer.post(MOVIES, json=REPO_MAN, headers=key), 201)
        rejected(writer.post(MOVIES, json={"title": "x"}, headers=key), 422, "IDEMPOTENCY_KEY_REUSED")

    def test_a_key_belongs_to_its_caller(self, writer: Caller, editor: Caller) -> None:
        """Movies are shared, keys are not."""
        key = {"Idempotency-Key": "one"}
        first = answered(writer.post(MOVIES, json=REPO_MAN, headers=key), 201)
        other = editor.post(MOVIES, json=REPO_MAN, headers=key)
        assert "Idempotent-Replayed" not in other.headers
        assert answered(other, 201)["external_id"] != first["external_id"]

    def test_of_concurrent_requests_one_creates(self, writer: Caller) -> None:
        """The others get the same response, or 409 while it is in progress."""
        key = {"Idempotency-Key": "one"}

        def send(_: int) -> int:
            client = writer.client.application.test_client()
            return Caller(client, writer.credentials).post(MOVIES, json=REPO_MAN, headers=key).status_code

        assert {*at_once(40, send)} <= {201, 409}
        assert titles(writer) == ["Repo Man"]
