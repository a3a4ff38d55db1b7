"""GET /v1/tasks: filter and order of the list (C18)."""

from typing import Any

import pytest

from tests.api.caller import Caller, answered, path_of, rejected

ODD = [
    "100%",
    "100x",
    "a_b",
    "axb",
    "back\\slash",
    "o'clock",
    'say "x"',
    "; --",
    "AND",
    "null",
    "(x)",
    "a:*",
    "été",
    "'",
]
TASKS: list[dict[str, Any]] = [
    {"title": "one", "status": "STATUS_PENDING", "priority": "PRIORITY_LOW", "tags": ["home", "a"]},
    {"title": "two", "status": "STATUS_IN_PROGRESS", "priority": "PRIORITY_MEDIUM", "due_date": "2090-01-01T00:00:00Z"},
    {"title": "three", "status": "STATUS_COMPLETED", "priority": "PRIORITY_HIGH", "tags": ["home"]},
    {"title": "four", "priority": "PRIORITY_CRITICAL", "due_date": "2091-01-01T00:00:00.000001Z", "tags": ["ho-me"]},
]


@pytest.fixture
def tasks(alice: Caller) -> list[dict[str, Any]]:
    """Return four tasks that differ in every member."""
    return [alice.task(**task) for task in TASKS]


@pytest.mark.usefixtures("tasks")
class TestFilter:
    """Matching tasks."""

    @pytest.mark.parametrize(
        ("wanted", "titles"),
        [
            ("", "one two three four"),
            ("   ", "one two three four"),
            ("status = STATUS_PENDING", "one four"),
            ("status = PENDING", "one four"),
            ("status=PENDING", "one four"),
            ('status = "STATUS_PENDING"', "one four"),
            ("status != PENDING", "two three"),
            ("priority = LOW", "one"),
            ("priority > MEDIUM", "three four"),
            ("priority >= PRIORITY_MEDIUM", "two three four"),
            ("priority < MEDIUM", "one"),
            ("priority <= MEDIUM", "one two"),
            ("priority != CRITICAL AND status = PENDING", "one"),
            ("due_date = null", "one three"),
            ("due_date != null", "two four"),
            ('due_date = "2090-01-01T00:00:00Z"', "two"),
            ('due_date = "2090-01-01T02:00:00+02:00"', "two"),
            ('due_date != "2090-01-01T00:00:00Z"', "one three four"),
            ('due_date > "2090-01-01T00:00:00Z"', "four"),
            ('due_date >= "2090-01-01T00:00:00Z"', "two four"),
            ('due_date < "2091-01-01T00:00:00.000001Z"', "two"),
            ('due_date <= "2091-01-01T00:00:00.000001Z"', "two four"),
            ('due_date > "0001-01-01T00:00:00Z"', "two four"),
            ('due_date < "9999-12-31T23:59:59.999999Z"', "two four"),
            ('create_time > "2020-01-01T00:00:00Z"', "one two three four"),
            ('update_time < "2020-01-01T00:00:00Z"', ""),
            ("title = one", "one"),
            ("title = 'one'", "one"),
            ('title != "one"', "two three four"),
            ('title > "one" AND title < "two"', "three"),
            ("tags:home", "one three"),
            ('tags:"ho-me"', "four"),
            ("tags:home AND tags:a", "one"),
            ("tags:HOME", ""),
            ("created_by = alice", "one two three four"),
            ("created_by = bob", ""),
            ('created_by != "alice"', ""),
            ("title = null2", ""),
            ('title = "null"', ""),
        ],
    )
    def test_every_comparison_works(self, alice: Caller, wanted: str, titles: str) -> None:
        """C18: ``!=`` includes null, enum values may have their prefix, priorities compare by urgency."""
        page = answered(alice.list_tasks(filter=wanted))
        assert {task["title"] for task in page["tasks"]} == {*titles.split()}
        assert page["total_size"] == len(titles.split())

    def test_a_filter_never_shows_tasks_of_others(self, bob: Caller, admin: Caller) -> None:
        """C17: tasks of other users are neither listed nor counted, except for an admin."""
        for wanted in ("created_by = alice", 'created_by != "bob"', "tags:home", ""):
            page = answered(bob.list_tasks(filter=wanted))
            assert (page["tasks"], page["total_size"]) == ([], 0)
        assert answered(admin.list_tasks(filter="created_by = alice"))["total_size"] == 4
        assert answered(admin.list_tasks(filter="created_by = root"))["total_size"] == 0


class TestLiterals:
    """Every character of a value is literal."""

    @pytest.mark.parametrize("title", ODD)
    @pytest.mark.parametrize("quote", ['"', "'"])
    def test_a_special_title_matches_only_itself(self, alice: Caller, title: str, quote: str) -> None:
        """``%``, ``_``, backslashes and quotes are literals."""
        for each in ODD:
            alice.task(each)
        escaped = title.replace("\\", "\\\\").replace(quote, "\\" + quote)
        assert alice.titles(filter=f"title = {quote}{escaped}{quote}") == [title]

    @pytest.mark.parametrize("term", ["%", "_", "%%", "a%", "__", "\\\\", "' OR 1=1--", "a & ", ":*", "(", "x" * 4000])
    def test_a_special_term_without_a_match_finds_nothing(self, alice: Caller, term: str) -> None:
        """200, whatever its meaning in SQL."""
        alice.task()
        assert alice.titles(filter=f'title = "{term}"') == []
        assert alice.titles(filter=f'tags:"{term}"') == []


class TestInvalidFilter:
    """400 INVALID_FILTER, with the token, its position, and the allowed values."""

    @pytest.mark.parametrize(
        ("wanted", "position", "offending", "allowed"),
        [
            ('colour = "red"', 1, "colour", "title"),
            ("password_hash = x", 1, "password_hash", "title"),
            ("owner.email = x", 1, "owner.email", "created_by"),
            ("version = 1", 1, "version", "title"),
            ("name = x", 1, "name", "title"),
            ("id = x", 1, "id", "title"),
            ("Status = PENDING", 1, "Status", "status"),
            ("status", 7, "end of filter", "="),
            ("status =", 9, "end of filter", "STATUS_PENDING"),
            ("status = DONE", 10, "DONE", "STATUS_PENDING"),
            ("status = pending", 10, "pending", "STATUS_PENDING"),
            ("status < PENDING", 8, "<", "="),
            ("status : PENDING", 8, ":", "="),
            ("status == PENDING", 8, "==", "="),
            ("status = null", 10, "null", "STATUS_PENDING"),
            ("title = null", 9, "null", "a quoted text"),
            ("due_date > null", 12, "null", "a quoted timestamp like 2027-01-31T12:00:00Z"),
            ("due_date = 2090-01-01T00:00:00Z", 12, "2090-01-01T00:00:00Z", "null"),
            ('due_date = "tomorrow"', 12, '"tomorrow"', "null"),
            ('due_date = "infinity"', 12, '"infinity"', "null"),
            ("tags = home", 6, "=", ":"),
            ("tags:", 6, "end of filter", "a tag"),
            ("status = PENDING AND", 21, "end of filter", "title"),
            ("status = PENDING OR status = COMPLETED", 18, "OR", "AND"),
            ("status = PENDING and priority = LOW", 18, "and", "AND"),
            ("NOT status = PENDING", 1, "NOT", "title"),
            ("-status = PENDING", 1, "-", "title"),
            ("(status = PENDING)", 1, "(", "title"),
            ('title = "open', 9, '"open', "a quoted text"),
            ('title = "bad \\n escape"', 14, "\\", "a quoted text"),
            ("AND", 1, "AND", "title"),
            ("= 1", 1, "=", "title"),
        ],
    )
    def test_the_offending_token_is_reported(
        self, alice: Caller, wanted: str, position: int, offending: str, allowed: str
    ) -> None:
        """C18: and no names that are not allowed."""
        document = rejected(alice.list_tasks(filter=wanted), 400, "INVALID_FILTER")
        assert (document["param"], document["position"]) == ("filter", position)
        assert document["token"].startswith(offending[:9])
        assert allowed in document["allowed"]
        assert not {"version", "id", "name", "password_hash"} & {*document["allowed"]}
        assert f"at character {position}" in document["detail"]

    @pytest.mark.parametrize(
        "wanted",
        ["x" * 5000, "status = PENDING AND " * 21 + "tags:a", 'title = "' + "a" * 4090 + '"', "(" * 4000, '"' * 4000],
        ids=len,
    )
    def test_an_oversized_filter_is_rejected(self, alice: Caller, wanted: str) -> None:
        """Length and number of terms are limited, and the response does not repeat all of it."""
        document = rejected(alice.list_tasks(filter=wanted), 400, "INVALID_FILTER")
        assert len(document["token"]) <= 40


@pytest.mark.usefixtures("tasks")
class TestOrder:
    """The order of the list."""

    @pytest.mark.parametrize(
        ("order_by", "titles"),
        [
            ("title", "four one three two"),
            ("title asc", "four one three two"),
            ("title desc", "two three one four"),
            (" title  desc ", "two three one four"),
            ("priority desc", "four three two one"),
            ("status,title", "four one two three"),
            ("status desc , title desc", "three two one four"),
            ("due_date,title", "two four one three"),
            ("due_date desc,title desc", "four two three one"),
            ("create_time", "one two three four"),
            ("update_time desc", "four three two one"),
        ],
    )
    def test_tasks_are_sorted(self, alice: Caller, order_by: str, titles: str) -> None:
        """C18: enum values by meaning, nulls last."""
        assert alice.titles(order_by=order_by) == titles.split()

    def test_the_default_is_newest_first(self, alice: Caller, tasks: list[dict[str, Any]]) -> None:
        """``create_time desc``, whatever the update time."""
        answered(alice.patch(path_of(tasks[0]), json={"status": "STATUS_COMPLETED"}))
        assert alice.titles() == alice.titles(order_by=" ") == ["four", "three", "two", "one"]

    @pytest.mark.parametrize(
        ("order_by", "position", "offending"),
        [
            ("colour", 1, "colour"),
            ("title, colour", 8, "colour"),
            ("created_by", 1, "created_by"),
            ("tags", 1, "tags"),
            ("description", 1, "description"),
            ("id", 1, "id"),
            ("version", 1, "version"),
            ("title up", 7, "up"),
            ("title DESC", 7, "DESC"),
            ("title,", 7, "end of order_by"),
            (",title", 1, ","),
            ("title title", 7, "title"),
            ("title, title desc", 8, "title"),
            ("title; DROP TABLE tasks", 6, ";"),
            ("-title", 1, "-title"),
            ("title desc nulls first", 12, "nulls"),
            ("1", 1, "1"),
            ("title, status, priority, due_date, create_time, update_time", 49, "update_time"),
        ],
    )
    def test_an_invalid_order_is_reported_with_the_offending_token(
        self, alice: Caller, order_by: str, position: int, offending: str
    ) -> None:
        """C18: INVALID_ORDER_BY with the token, its position, and the allowed members."""
        document = rejected(alice.list_tasks(order_by=order_by), 400, "INVALID_ORDER_BY")
        assert (document["param"], document["position"], document["token"]) == ("order_by", position, offending)
        assert document["allowed"]
        assert not {"version", "id", "password_hash"} & {*document["allowed"]}
