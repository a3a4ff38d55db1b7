"""POST /v1/tasks: accepted tasks, violations, and responses."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.wire.timestamps import PATTERN
from tests.api.caller import TASKS, Caller, answered, path_of, rejected, violated

TAGS = [f"tag-{n}" for n in range(10)]
MEMBERS = [
    *("name", "title", "description", "status", "priority", "due_date"),
    *("create_time", "update_time", "created_by", "tags"),
]


class TestCreate:
    """Accepted tasks."""

    def test_ok(self, alice: Caller) -> None:
        """C14, C15, C20: no envelope, every member in order, a Location that answers GET, and a strong tag."""
        response = alice.create("Buy milk")
        task = answered(response, 201)
        assert list(task) == MEMBERS
        assert re.fullmatch(r"tasks/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", task["name"])
        assert task["create_time"] == task["update_time"]
        assert {name: task[name] for name in MEMBERS if not name.endswith("_time") and name != "name"} == {
            "title": "Buy milk",
            "description": None,
            "status": "STATUS_PENDING",
            "priority": "PRIORITY_MEDIUM",
            "due_date": None,
            "created_by": "alice",
            "tags": [],
        }
        assert response.headers["Location"] == path_of(task)
        found = alice.get(response.headers["Location"])
        assert answered(found) == task
        assert found.headers["ETag"] == response.headers["ETag"]

    def test_every_member_is_returned(self, alice: Caller) -> None:
        """C14."""
        members: dict[str, Any] = {
            "description": "Two litres\nof \U0001f95b",
            "status": "STATUS_IN_PROGRESS",
            "priority": "PRIORITY_CRITICAL",
            "due_date": "2099-01-31T12:00:00.000001Z",
            "tags": TAGS,
        }
        task = alice.task(**members)
        assert members.items() <= task.items()
        assert answered(alice.get(path_of(task))) == task

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("2099-01-31T12:00:00Z", "2099-01-31T12:00:00Z"),
            ("2099-01-31T12:00:00.0Z", "2099-01-31T12:00:00Z"),
            ("2099-01-31T12:00:00.5Z", "2099-01-31T12:00:00.500000Z"),
            ("2099-01-31T12:00:00.123456Z", "2099-01-31T12:00:00.123456Z"),
            ("2099-01-31T12:00:00+02:00", "2099-01-31T10:00:00Z"),
            ("2099-01-31T12:00:00-23:59", "2099-02-01T11:59:00Z"),
            ("2099-01-31t12:00:00.5z", "2099-01-31T12:00:00.500000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("2096-02-29T00:00:00Z", "2096-02-29T00:00:00Z"),
        ],
    )
    def test_a_timestamp_is_returned_in_utc(self, alice: Caller, sent: str, kept: str) -> None:
        """C14: microseconds kept, a zero fraction omitted."""
        assert alice.task(due_date=sent)["due_date"] == kept

    @pytest.mark.parametrize(
        "members",
        [
            {"status": "STATUS_UNSPECIFIED", "priority": "PRIORITY_UNSPECIFIED"},
            {"status": None, "priority": None, "description": None, "due_date": None, "tags": None},
            {"tags": []},
        ],
        ids=str,
    )
    def test_null_and_unspecified_set_the_default(self, alice: Caller, members: dict[str, Any]) -> None:
        """C14."""
        task = alice.task(**members)
        assert (task["status"], task["priority"], task["tags"]) == ("STATUS_PENDING", "PRIORITY_MEDIUM", [])

    @pytest.mark.parametrize(
        "title",
        [
            "x",
            "x" * 200,
            "\U0001f95b" * 200,
            " padded ",
            "\ufb01ne",
            "a\u200bb",
            "\u202fnarrow",
            "'; DROP TABLE tasks; --",
            "<script>alert(1)</script>",
            "%_\\",
            "\\u0041",
            "שלום",
            "e\u0301",
            "\u0130stanbul Stra\u00dfe \u03a3\u03c2",
            "${jndi:ldap://x}",
            "\ue000",
            "\U0001fae9 of Unicode 16",
            "\u0378 of none yet",
            "a\u0300" * 100,
        ],
        ids=ascii,
    )
    def test_a_title_is_returned_unchanged(self, alice: Caller, title: str) -> None:
        task = alice.task(title, description=title)
        assert (task["title"], task["description"]) == (title, title)
        assert answered(alice.get(path_of(task))) == task
        assert alice.titles() == [title]

    def test_output_only_members_are_ignored(self, alice: Caller) -> None:
        """The service ignores known ones, whatever their value."""
        sent: dict[str, Any] = {"name": "tasks/1", "created_by": "bob", "create_time": 5, "update_time": [None]}
        task = alice.task(**sent)
        assert task["created_by"] == "alice"
        assert [name for name, value in sent.items() if task[name] == value] == []


VIOLATIONS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"title": None}, [("title", "REQUIRED_FIELD")]),
    ({"title": ""}, [("title", "TOO_SHORT")]),
    ({"title": "   "}, [("title", "TOO_SHORT")]),
    ({"title": " " * 201}, [("title", "TOO_SHORT")]),
    ({"title": "\u3000\u00a0"}, [("title", "TOO_SHORT")]),
    ({"title": "x" * 201}, [("title", "TOO_LONG")]),
    ({"title": 5}, [("title", "INVALID_TYPE")]),
    ({"title": True}, [("title", "INVALID_TYPE")]),
    ({"title": ["x"]}, [("title", "INVALID_TYPE")]),
    ({"title": {"x": 1}}, [("title", "INVALID_TYPE")]),
    ({"title": "a\tb"}, [("title", "INVALID_FORMAT")]),
    ({"title": "a\nb"}, [("title", "INVALID_FORMAT")]),
    ({"title": "a\x7fb"}, [("title", "INVALID_FORMAT")]),
    ({"title": "a\x85b"}, [("title", "INVALID_FORMAT")]),
    ({"title": "a\u202eb"}, [("title", "INVALID_FORMAT")]),
    ({"title": "a\u2066b"}, [("title", "INVALID_FORMAT")]),
    ({"title": "a\u2028b"}, [("title", "INVALID_FORMAT")]),
    ({"title": "\uffff"}, [("title", "INVALID_FORMAT")]),
    ({"title": "\ufdd0"}, [("title", "INVALID_FORMAT")]),
    ({"title": "\U0010fffe"}, [("title", "INVALID_FORMAT")]),
    ({"title": "\x1b" * 201}, [("title", "TOO_LONG"), ("title", "INVALID_FORMAT")]),
    ({"description": "x" * 1001}, [("description", "TOO_LONG")]),
    ({"description": 1.5}, [("description", "INVALID_TYPE")]),
    ({"description": "a\x00b".replace("\x00", "\x01")}, [("description", "INVALID_FORMAT")]),
    ({"status": "PENDING"}, [("status", "INVALID_VALUE")]),
    ({"status": "status_pending"}, [("status", "INVALID_VALUE")]),
    ({"status": ""}, [("status", "INVALID_VALUE")]),
    ({"status": 1}, [("status", "INVALID_TYPE")]),
    ({"priority": "STATUS_PENDING"}, [("priority", "INVALID_VALUE")]),
    ({"priority": False}, [("priority", "INVALID_TYPE")]),
    ({"due_date": 1893456000}, [("due_date", "INVALID_TYPE")]),
    ({"tags": "home"}, [("tags", "INVALID_TYPE")]),
    ({"tags": {"0": "home"}}, [("tags", "INVALID_TYPE")]),
    ({"tags": [*TAGS, "more"]}, [("tags", "TOO_LONG")]),
    ({"tags": [*TAGS, "More"]}, [("tags", "TOO_LONG"), (f"tags[{len(TAGS)}]", "INVALID_TAG_FORMAT")]),
    ({"tags": ["a"] * 3000}, [("tags", "TOO_LONG")]),
    (
        {"tags": [None, 1, ["a"]]},
        [(f"tags[{n}]", code) for n, code in enumerate(["REQUIRED_FIELD", *["INVALID_TYPE"] * 2])],
    ),
    ({"tags": ["", "A", "a b", "é", "a" * 51, "a_b", "a\n"]}, [(f"tags[{n}]", "INVALID_TAG_FORMAT") for n in range(7)]),
    ({"tags": ["a", "b", "a", "a"]}, [("tags[2]", "DUPLICATE_TAG"), ("tags[3]", "DUPLICATE_TAG")]),
    ({"tags": ["B!", "B!"]}, [("tags[0]", "INVALID_TAG_FORMAT"), ("tags[1]", "INVALID_TAG_FORMAT")]),
    ({"version": 5}, [("version", "UNKNOWN_FIELD")]),
    ({"id": 5, "owner_id": "bob"}, [("id", "UNKNOWN_FIELD"), ("owner_id", "UNKNOWN_FIELD")]),
    ({"Title": "x"}, [("Title", "UNKNOWN_FIELD")]),
    ({"title ": "x"}, [("title ", "UNKNOWN_FIELD")]),
    ({"_schema": 1}, [("_schema", "UNKNOWN_FIELD")]),
    ({"__class__": 1}, [("__class__", "UNKNOWN_FIELD")]),
    (
        {"tags": ["A"], "priority": "x", "due_date": "x", "status": "x", "description": 1, "title": "", "zebra": 1},
        [
            ("title", "TOO_SHORT"),
            ("description", "INVALID_TYPE"),
            ("status", "INVALID_VALUE"),
            ("priority", "INVALID_VALUE"),
            ("due_date", "INVALID_FORMAT"),
            ("tags[0]", "INVALID_TAG_FORMAT"),
            ("zebra", "UNKNOWN_FIELD"),
        ],
    ),
]


class TestViolations:
    """400 VALIDATION_FAILED, all of them, in the order of the members."""

    @pytest.mark.parametrize(("members", "expected"), VIOLATIONS, ids=lambda each: ascii(each)[:40])
    def test_every_violation_is_listed(
        self, alice: Caller, members: dict[str, Any], expected: list[tuple[str, str]]
    ) -> None:
        """C1: field relative to the task, absolute pointer, message that begins with the field."""
        response = alice.post(json={"task": {"title": "x", **members}})
        assert violated(response) == expected
        assert response.json is not None
        for violation in response.json["errors"]:
            field = violation["field"].replace("[", "/").replace("]", "")
            assert violation["pointer"] == f"#/task/{field}"
            assert violation["message"].startswith(violation["field"])
        assert alice.titles() == []

    @pytest.mark.parametrize(
        "timestamp",
        [
            *("infinity", "-infinity", "epoch", "now", "tomorrow", "", " ", "0", "2099"),
            *("2099-01-31", "2099-01-31T12:00:00", "2099-01-31 12:00:00Z"),
            *("0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-2099-01-01T00:00:00Z", "+2099-01-01T00:00:00Z"),
            *("2099-01-31T24:00:00Z", "2098-12-31T23:59:60Z", "2099-01-31T12:00:00+25:00", "2099-01-31T12:00:00+02"),
            *("2099-01-31T12:00:00.1234567Z", "2099-01-31T12:00:00.Z", "2099-02-29T00:00:00Z", "2099-13-01T00:00:00Z"),
            *("9999-12-31T23:59:59-01:00", "2099-01-31T12:00:00Z ", "２099-01-31T12:00:00Z", "2099-W05-6T12:00:00Z"),
        ],
    )
    def test_an_invalid_timestamp_is_rejected_and_the_list_stays_readable(self, alice: Caller, timestamp: str) -> None:
        assert violated(alice.create(due_date=timestamp)) == [("due_date", "INVALID_FORMAT")]
        assert alice.titles() == []

    def test_the_message_describes_rules_narrower_than_the_rfc(self, alice: Caller) -> None:
        document = rejected(alice.create(due_date="2099-01-31T12:00:00.123456789Z"), 400, "VALIDATION_FAILED")
        (violation,) = document["errors"]
        assert "at most 6 fractional digits, no leap second" in violation["message"]
        response = alice.list_tasks(filter='due_date < "2099-01-31T12:00:00.123456789Z"')
        assert "at most 6 fractional digits" in rejected(response, 400, "INVALID_FILTER")["detail"]

    def test_openapi_has_the_pattern_of_every_timestamp(self, app: Flask) -> None:
        """With ``format`` alone, generated clients send nanoseconds."""
        found = [
            each
            for schema in app.test_client().get("/openapi.json").get_json()["components"]["schemas"].values()
            for each in schema.get("properties", {}).values()
            if each.get("format") == "date-time"
        ]
        assert len(found) > 8
        assert {each["pattern"] for each in found} == {PATTERN}

    def test_a_due_date_must_be_in_the_future(self, alice: Caller) -> None:
        """MUST_BE_FUTURE."""
        for past in ("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", (datetime.now(UTC)).isoformat()):
            assert violated(alice.create(due_date=past)) == [("due_date", "MUST_BE_FUTURE")]
        soon = datetime.now(UTC) + timedelta(minutes=1)
        alice.task(due_date=soon.isoformat())

    def test_unknown_members_outside_the_task_and_unknown_parameters_are_listed_together(self, alice: Caller) -> None:
        """C9a: query, header fields and body at once; a violation of the query has the parameter."""
        response = alice.post(
            f"{TASKS}?colour=red",
            json={"task": {"title": ""}, "colour": 1},
            headers={"Request-Timeout": "soon"},
        )
        document = rejected(response, 400, "VALIDATION_FAILED")
        places = [
            {k: v for k, v in each.items() if k in {"pointer", "parameter", "header"}} for each in document["errors"]
        ]
        assert {"parameter": "colour"} in places
        assert {"header": "Request-Timeout"} in places
        assert {"pointer": "#/task/title"} in places
        assert {"pointer": "#/colour"} in places

    def test_a_pointer_is_escaped_as_json_pointer_requires(self, alice: Caller) -> None:
        """C1, RFC 6901."""
        document = rejected(alice.create(**{"a/b~c": 1}), 400, "VALIDATION_FAILED")
        assert document["errors"][0]["pointer"] == "#/task/a~1b~0c"


class TestTitleTaken:
    """409 TASK_TITLE_TAKEN."""

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("Buy milk", "Buy milk"),
            ("Buy milk", "Buy milk "),
            ("Buy milk", "\u3000Buy milk\u00a0"),
            ("caf\u00e9", "cafe\u0301"),
            ("cafe\u0301", "caf\u00e9 "),
            ("\u1e69", "s\u0307\u0323"),
            ("\u212b", "\u00c5"),
        ],
        ids=ascii,
    )
    def test_another_spelling_of_the_same_title_is_taken(self, alice: Caller, first: str, second: str) -> None:
        """NFC and trimming."""
        alice.task(first)
        assert rejected(alice.create(second), 409, "TASK_TITLE_TAKEN")["param"] == "title"
        assert alice.titles() == [first]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("milk", "Milk"),
            ("\ufb01", "fi"),
            ("stra\u00dfe", "strasse"),
            ("a b", "a  b"),
            ("a\u200b", "a"),
            ("\u0130", "i"),
        ],
        ids=ascii,
    )
    def test_a_title_that_only_looks_alike_is_free(self, alice: Caller, first: str, second: str) -> None:
        """Case and compatibility characters count."""
        alice.task(first)
        alice.task(second)

    def test_titles_of_others_are_free(self, alice: Caller, bob: Caller) -> None:
        """Per owner."""
        alice.task("Buy milk")
        bob.task("Buy milk")

    def test_a_deleted_title_is_free_again(self, alice: Caller) -> None:
        answered(alice.delete(path_of(alice.task("Buy milk"))))
        alice.task("Buy milk")
