"""GET /v1/tasks, page by page: no task is repeated or skipped, and only the service can make tokens (C17)."""

import base64
import json
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from tests.api.caller import TASKS, Caller, answered, path_of, rejected, violated
from tests.sent_statements import seen, sent_by

ORDERS = [
    "",
    "create_time",
    "title desc",
    "priority",
    "priority desc, title",
    "due_date",
    "due_date desc",
    "due_date desc, title desc",
    "status, due_date, title desc",
    "due_date, priority desc",
]
DATES = [None, "2090-01-01T00:00:00Z", None, "2091-01-01T00:00:00.000001Z", "2091-01-01T00:00:00Z"]
PRIORITIES = ["PRIORITY_LOW", "PRIORITY_CRITICAL", "PRIORITY_MEDIUM"]
RANKS = {"PRIORITY_LOW": 1, "PRIORITY_MEDIUM": 2, "PRIORITY_HIGH": 3, "PRIORITY_CRITICAL": 4}


@pytest.fixture
def tasks(alice: Caller) -> list[dict[str, Any]]:
    """Return thirty tasks with ties, half of them without a due date."""
    batch = [{"title": f"task {n:02}", "due_date": DATES[n % 5], "priority": PRIORITIES[n % 3]} for n in range(30)]
    created: list[dict[str, Any]] = answered(alice.batch(*batch))["tasks"]
    return created


class TestPages:
    """Iteration over a list."""

    def test_ok(self, alice: Caller, tasks: list[dict[str, Any]]) -> None:
        """C14, C17: the newest first, complete, with the total and no further page."""
        page = answered(alice.list_tasks())
        assert list(page) == ["tasks", "next_page_token", "total_size"]
        assert {task["name"]: task for task in page["tasks"]} == {task["name"]: task for task in tasks}
        assert (page["next_page_token"], page["total_size"]) == (None, 30)

    def test_an_empty_list_is_an_empty_page(self, alice: Caller) -> None:
        """C17."""
        assert answered(alice.list_tasks()) == {"tasks": [], "next_page_token": None, "total_size": 0}

    @pytest.mark.parametrize("order_by", ORDERS)
    @pytest.mark.parametrize("page_size", [1, 7, 30])
    def test_all_pages_together_are_the_list(
        self, alice: Caller, tasks: list[dict[str, Any]], order_by: str, page_size: int
    ) -> None:
        """C17: in every order, with nulls and ties; the token carries the total."""
        whole = answered(alice.list_tasks(order_by=order_by))["tasks"]
        pages = list(alice.pages(order_by=order_by, page_size=page_size))
        assert [task for page in pages for task in page["tasks"]] == whole
        assert len(whole) == 30
        assert all(len(page["tasks"]) == page_size for page in pages[:-1])
        assert {page["total_size"] for page in pages} == {30}

    @pytest.mark.parametrize("direction", ["", " desc", " asc"])
    def test_nulls_are_last_in_both_directions(
        self, alice: Caller, tasks: list[dict[str, Any]], direction: str
    ) -> None:
        """C17."""
        dates = [task["due_date"] for task in answered(alice.list_tasks(order_by=f"due_date{direction}"))["tasks"]]
        present = [date for date in dates if date]
        assert dates[len(present) :] == [None] * 12
        moments = [date.replace("00Z", "00.000000Z") for date in present]
        assert moments == sorted(moments, reverse=direction == " desc")

    def test_priorities_sort_by_urgency(self, alice: Caller, tasks: list[dict[str, Any]]) -> None:
        """C18: not alphabetically."""
        ranks = [RANKS[task["priority"]] for task in answered(alice.list_tasks(order_by="priority desc"))["tasks"]]
        assert ranks == sorted(ranks, reverse=True)

    @pytest.mark.parametrize("order_by", ["title", "title desc", "due_date", "due_date desc", "create_time", ""])
    def test_during_concurrent_writes_no_row_is_repeated_or_skipped(
        self, alice: Caller, tasks: list[dict[str, Any]], order_by: str
    ) -> None:
        """C17: rows that exist throughout appear once. Others are created and deleted between any two pages."""
        doomed = {task["name"] for task in tasks[::4]}
        waiting = [task for task in tasks if task["name"] in doomed]
        seen: list[str] = []
        for n, page in enumerate(alice.pages(order_by=order_by, page_size=3)):
            seen += [task["name"] for task in page["tasks"]]
            for title in (f"task {n:02}+", f"a {n}", f"z {n}") if n < 10 else ():
                alice.task(title, due_date=DATES[n % 5])
            if waiting:
                alice.delete(path_of(waiting.pop()))
        assert len(seen) == len({*seen})
        assert {task["name"] for task in tasks} - doomed <= {*seen}

    def test_the_last_row_of_a_page_may_be_deleted(self, alice: Caller, tasks: list[dict[str, Any]]) -> None:
        """C17: the token contains a sort key, not a reference to a row."""
        first = answered(alice.list_tasks(order_by="title", page_size=10))
        alice.delete(path_of(first["tasks"][-1]))
        rest = alice.titles(order_by="title", page_size=100, page_token=first["next_page_token"])
        assert rest == [f"task {n:02}" for n in range(10, 30)]

    def test_the_total_is_counted_on_the_first_page(self, alice: Caller, tasks: list[dict[str, Any]]) -> None:
        """C17: counted once, then carried in the token."""
        first = answered(alice.list_tasks(page_size=10))
        alice.task("one more")
        second = answered(alice.list_tasks(page_size=10, page_token=first["next_page_token"]))
        assert (first["total_size"], second["total_size"]) == (30, 30)

    def test_the_page_size_and_the_fields_may_change_between_pages(
        self, alice: Caller, tasks: list[dict[str, Any]]
    ) -> None:
        """AIP-158: a token is bound only to filter and order."""
        first = answered(alice.list_tasks(order_by="title", page_size=1, fields="title"))
        rest = alice.list_tasks(order_by="title", page_size=2, page_token=first["next_page_token"])
        assert [task["title"] for task in answered(rest)["tasks"]] == ["task 01", "task 02"]

    def test_a_page_never_uses_offset(self, alice: Caller, app: Flask, tasks: list[dict[str, Any]]) -> None:
        """C17."""
        with app.app_context(), sent_by(db.engine) as statements:
            list(alice.pages(page_size=10))
        assert statements
        assert not any("OFFSET" in statement.upper() for statement in statements)
        assert sum("count(" in statement.lower() for statement in statements) == 1

    def test_a_total_that_takes_too_long_is_minus_one(
        self, alice: Caller, app: Flask, tasks: list[dict[str, Any]]
    ) -> None:
        """C17: -1 after 50 ms. The list is still returned, and its token carries -1."""

        def slow(statement: str, _parameters: object) -> str:
            return statement.replace("SELECT count(", "SELECT pg_sleep(1), count(")

        with app.app_context(), seen(db.engine, slow):
            pages = list(alice.pages(page_size=20))
        assert [page["total_size"] for page in pages] == [-1, -1]
        assert sum(len(page["tasks"]) for page in pages) == 30


class TestPageSize:
    """The rules of ``page_size``."""

    @pytest.mark.parametrize(
        ("page_size", "rows"),
        [("1", 1), ("29", 29), ("0", 30), ("00", 30), ("007", 7), ("1000", 30), ("1001", 30)]
        + [(str(size), 30) for size in (10**9, 2**31, 2**63, 10**400)],
    )
    def test_zero_is_the_default_and_too_large_is_limited(
        self, alice: Caller, tasks: list[dict[str, Any]], page_size: str, rows: int
    ) -> None:
        """C17."""
        assert len(answered(alice.list_tasks(page_size=page_size))["tasks"]) == rows

    def test_the_default_is_fifty_and_the_maximum_a_thousand(self, alice: Caller, app: Flask) -> None:
        """C17."""
        insert = """
            INSERT INTO tasks (id, title, status, priority, create_time, update_time, created_by, tags, version)
            SELECT gen_random_uuid(), 'task ' || n, 1, 2, now(), now(), 'alice', '{}', 1 FROM generate_series(1, 1001) n
        """
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text(insert))
        for query, rows in (("", 50), ("&page_size=0", 50), ("&page_size=1000", 1000), ("&page_size=5000", 1000)):
            page = answered(alice.get(f"{TASKS}?fields=title{query}"))
            assert (len(page["tasks"]), page["total_size"]) == (rows, 1001)

    @pytest.mark.parametrize(
        ("page_size", "code"),
        [("-1", "INVALID_VALUE"), ("-0", "INVALID_VALUE"), (str(-(2**63) - 1), "INVALID_VALUE")]
        + [
            (each, "INVALID_TYPE")
            for each in ("", "1_0", " 10 ", "10 ", "+10", "１０", "١٠", "1.0", "1e2", "0x10", "ten")
        ]
        + [(each, "INVALID_TYPE") for each in ("true", "null", "--1", "-", "1,000", "∞", "NaN")],
    )
    def test_anything_else_is_a_violation_of_the_parameter(self, alice: Caller, page_size: str, code: str) -> None:
        """With ``parameter`` instead of ``pointer``."""
        response = alice.list_tasks(page_size=page_size)
        assert violated(response) == [("page_size", code)]
        assert response.json is not None
        assert response.json["errors"][0]["parameter"] == "page_size"
        assert "pointer" not in response.json["errors"][0]

    def test_a_repeated_parameter_is_a_violation(self, alice: Caller) -> None:
        assert violated(alice.get(f"{TASKS}?page_size=1&page_size=1")) == [("page_size", "INVALID_VALUE")]

    @pytest.mark.parametrize(
        ("query", "violation"),
        [
            ("page_size=x&page_size=y&page_size=z", ("page_size", "INVALID_VALUE")),
            ("page_size=%00&page_size=y&page_size=%00", ("page_size", "INVALID_FORMAT")),
            ("colour=1&colour=2&colour=3", ("colour", "UNKNOWN_PARAMETER")),
        ],
    )
    def test_three_repetitions_are_one_violation(self, alice: Caller, query: str, violation: tuple[str, str]) -> None:
        """C1: a parameter has at most one violation."""
        assert violated(alice.get(f"{TASKS}?{query}")) == [violation]

    def test_violations_of_parameters_have_a_fixed_order(self, alice: Caller) -> None:
        """In the order of the fields, then unknown parameters by name, then the header field."""
        query = "zebra=1&fields=x&colour=1&page_size=1&filter=%00&page_size=2"
        response = alice.get(f"{TASKS}?{query}", headers={"Request-Timeout": "soon"})
        assert [field for field, _ in violated(response)] == [
            *("page_size", "filter", "fields", "colour", "zebra"),
            "Request-Timeout",
        ]


class TestPageToken:
    """Opaque, signed, and bound to list, filter, order and caller."""

    @pytest.fixture
    def sealed(self, alice: Caller, tasks: list[dict[str, Any]]) -> str:
        """Return the token of a second page."""
        token: str = answered(alice.list_tasks(page_size=1, order_by="title", filter="status = PENDING"))[
            "next_page_token"
        ]
        return token

    def list_with(self, caller: Caller, token: str, **changes: str) -> Any:
        """Request the page of a token."""
        return caller.list_tasks(**{"order_by": "title", "filter": "status = PENDING", "page_token": token, **changes})

    def test_it_reveals_nothing_of_the_caller_or_the_secret(self, sealed: str) -> None:
        """C17: opaque, and valid in a query without encoding."""
        assert sealed.replace("-", "").replace("_", "").isalnum()
        payload = base64.urlsafe_b64decode(sealed + "==")
        assert b"alice" not in payload
        assert b"created_by" not in payload

    @pytest.mark.parametrize("sent", ["%ff", "%00", "%7f", "%0d%0aX", "a%11b"])
    def test_invalid_utf_8_is_an_invalid_token(self, alice: Caller, sent: str) -> None:
        """The same response, whichever byte of a token was changed."""
        rejected(alice.get(f"/v1/tasks?page_token={sent}"), 400, "INVALID_PAGE_TOKEN")

    def test_every_byte_counts(self, alice: Caller, sealed: str) -> None:
        """Any change of any character."""
        answered(self.list_with(alice, sealed))
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for at, character in enumerate(sealed):
            for other in (alphabet[alphabet.index(character) ^ 1], alphabet[alphabet.index(character) ^ 32]):
                rejected(self.list_with(alice, sealed[:at] + other + sealed[at + 1 :]), 400, "INVALID_PAGE_TOKEN")

    @pytest.mark.parametrize("cut", [1, 2, 3, 4, 8, 20])
    def test_a_part_of_it_is_invalid(self, alice: Caller, sealed: str, cut: int) -> None:
        """Truncated or extended."""
        for other in (sealed[:-cut], sealed[cut:], sealed + "A" * cut, sealed + "=" * cut, sealed * 2):
            rejected(self.list_with(alice, other), 400, "INVALID_PAGE_TOKEN")

    @pytest.mark.parametrize(
        "changes",
        [{"filter": "status = COMPLETED"}, {"filter": ""}, {"order_by": "title desc"}, {"order_by": ""}],
        ids=str,
    )
    def test_it_is_bound_to_its_filter_and_order(self, alice: Caller, sealed: str, changes: Mapping[str, str]) -> None:
        rejected(self.list_with(alice, sealed, **changes), 400, "INVALID_PAGE_TOKEN")

    def test_it_is_bound_to_its_caller(self, bob: Caller, admin: Caller, sealed: str) -> None:
        """It never gives access to other data."""
        for other in (bob, admin):
            rejected(self.list_with(other, sealed), 400, "INVALID_PAGE_TOKEN")

    @pytest.mark.parametrize(
        "payload",
        [
            pickle.dumps({"a": 1}),
            json.dumps([10**400]).encode(),
            json.dumps([0, "x"]).encode(),
            b"\x00" * 16,
            b"\x00" * 64,
            b"\xff" * 64,
            b"[" * 3000,
        ],
    )
    def test_tokens_that_others_encode_are_rejected(self, alice: Caller, payload: bytes) -> None:
        """Valid base64 of arbitrary data."""
        for token in (base64.urlsafe_b64encode(payload).decode(), base64.b64encode(payload).decode()):
            rejected(alice.list_tasks(page_token=token), 400, "INVALID_PAGE_TOKEN")

    @pytest.mark.parametrize(
        "nonsense", ["x", "made-up", "é", "=", "====", " ", "null", "0", "A" * 100_000, "\U0001f95b", "%"]
    )
    def test_nonsense_is_rejected(self, alice: Caller, nonsense: str) -> None:
        """10 MB or a single letter."""
        document = rejected(alice.list_tasks(page_token=nonsense), 400, "INVALID_PAGE_TOKEN")
        assert document["param"] == "page_token"

    def test_a_token_of_another_secret_is_rejected(
        self, alice: Caller, sealed: str, app: Flask, make_application: Callable[..., Flask]
    ) -> None:
        """C17: signed."""
        other = make_application(jwt_secret="another-secret-of-the-tests-32-bytes")
        other.extensions["app-services"] = app.extensions["app-services"]
        rejected(self.list_with(Caller(other.test_client(), alice.credentials), sealed), 400, "INVALID_PAGE_TOKEN")
