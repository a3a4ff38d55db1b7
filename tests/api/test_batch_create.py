"""POST /v1/tasks:batchCreate: all, some or none."""

import time
from typing import Any

import pytest

from tests.api.caller import BATCH, TASKS, Caller, answered, path_of, rejected, violated
from tests.api.conftest import Log
from tests.scrape import growth

MAX = 100


class TestCreate:
    """Accepted batches."""

    def test_ok(self, alice: Caller) -> None:
        """200 with every task, in the order of the request."""
        batch = answered(alice.batch(*({"title": title} for title in ("c", "a", "b"))))
        assert list(batch) == ["tasks", "failures"]
        assert [task["title"] for task in batch["tasks"]] == ["c", "a", "b"]
        assert batch["failures"] == []
        assert all(answered(alice.get(path_of(task))) == task for task in batch["tasks"])

    def test_a_hundred_tasks_are_accepted(self, alice: Caller) -> None:
        """1–100."""
        assert len(answered(alice.batch(*({"title": str(n)} for n in range(MAX))))["tasks"]) == MAX

    def test_an_item_with_a_taken_title_fails_alone(self, alice: Caller) -> None:
        """207; the problem document of an item has no request ID."""
        alice.task("b")
        alice.task("d")
        batch = answered(alice.batch(*({"title": title} for title in ("a", "b", "c", "d "))), 207)
        assert [task["title"] for task in batch["tasks"]] == ["a", "c"]
        assert [failure["index"] for failure in batch["failures"]] == [1, 3]
        problem = batch["failures"][0]["problem"]
        assert problem["type"] == "http://candor.test/errors/task-title-taken"
        assert (problem["status"], problem["code"], problem["instance"]) == (409, "TASK_TITLE_TAKEN", BATCH)
        assert "request_id" not in problem
        assert "trace_id" not in problem
        assert sorted(alice.titles()) == ["a", "b", "c", "d"]

    def test_a_batch_without_a_success_is_409(self, alice: Caller) -> None:
        """BATCH_FAILED, with each failure."""
        alice.task("a")
        alice.task("b")
        document = rejected(alice.batch({"title": "a"}, {"title": "b"}), 409, "BATCH_FAILED")
        assert document["count"] == 2
        assert [failure["index"] for failure in document["failures"]] == [0, 1]
        assert {failure["problem"]["code"] for failure in document["failures"]} == {"TASK_TITLE_TAKEN"}

    def test_a_hundred_failures_are_all_listed(self, alice: Caller) -> None:
        """C2."""
        titles = [{"title": str(n)} for n in range(MAX)]
        answered(alice.batch(*titles))
        document = rejected(alice.batch(*titles), 409, "BATCH_FAILED")
        assert (len(document["failures"]), "truncated" in document) == (MAX, False)

    def test_the_trace_id_is_reported_once(self, alice: Caller) -> None:
        """C1: the items belong to the request of the batch."""
        alice.task("a")
        trace = {"Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
        document = rejected(alice.batch({"title": "a"}, headers=trace), 409, "BATCH_FAILED")
        assert document["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert "trace_id" not in document["failures"][0]["problem"]


class TestRecord:
    """Log entries and metrics of items that fail alone."""

    def test_failed_items_count_each_and_share_one_log_entry(self, alice: Caller, log: Log) -> None:
        alice.task("b")
        alice.task("d")
        log.lines.clear()
        with growth("errors_total", code="TASK_TITLE_TAKEN", fault="client") as counted:
            answered(alice.batch(*({"title": title} for title in "abcd")), 207)
        assert counted.by == 2
        (entry,), (access,) = log.errors, log.access
        outcome = {"total": 4, "created": 2, "failed": 2}
        assert (entry["level"], entry["status"], entry["items"]) == ("WARNING", 207, {"TASK_TITLE_TAKEN": [1, 3]})
        assert (entry["batch"], access["batch"]) == (outcome, outcome)
        assert (entry["user"], entry["route"], entry["request_id"]) == ("alice", BATCH, access["request_id"])

    def test_if_all_items_fail_they_count_in_addition_to_the_batch(self, alice: Caller, log: Log) -> None:
        alice.task("a")
        alice.task("b")
        log.lines.clear()
        with (
            growth("errors_total", code="TASK_TITLE_TAKEN") as items,
            growth("errors_total", code="BATCH_FAILED") as batches,
        ):
            rejected(alice.batch({"title": "a"}, {"title": "b"}), 409, "BATCH_FAILED")
        assert (items.by, batches.by) == (2, 1)
        (entry,), (access,) = log.errors, log.access
        assert (entry["code"], entry["items"]) == ("BATCH_FAILED", {"TASK_TITLE_TAKEN": [0, 1]})
        assert access["batch"] == {"total": 2, "created": 0, "failed": 2}

    def test_a_batch_without_failures_logs_no_error(self, alice: Caller, log: Log) -> None:
        answered(alice.batch({"title": "a"}))
        assert (log.errors, log.access[0]["batch"]) == ([], {"total": 1, "created": 1, "failed": 0})
        answered(alice.list_tasks())
        assert "batch" not in log.access[1]

    def test_a_hundred_failures_fit_into_one_log_entry(self, alice: Caller, log: Log) -> None:
        answered(alice.batch(*({"title": str(n)} for n in range(MAX - 1))))
        log.lines.clear()
        answered(alice.batch(*({"title": str(n)} for n in range(MAX))), 207)
        (entry,) = log.errors
        assert (entry["items"], "truncated" in entry) == ({"TASK_TITLE_TAKEN": [*range(MAX - 1)]}, False)

    def test_a_replay_counts_nothing(self, alice: Caller, log: Log) -> None:
        alice.task("a")
        tasks, key = ({"title": "a"}, {"title": "b"}), {"Idempotency-Key": "k"}
        answered(alice.batch(*tasks, headers=key), 207)
        log.lines.clear()
        with growth("errors_total") as counted:
            answered(alice.batch(*tasks, headers=key), 207)
        assert (counted.by, log.errors) == (0, [])


class TestViolations:
    """400, and nothing is created."""

    @pytest.mark.parametrize(
        ("tasks", "expected"),
        [
            ([], [("requests", "EMPTY_BATCH")]),
            ([{"title": str(n)} for n in range(101)], [("requests", "BATCH_TOO_LARGE")]),
            ([{"title": "a"}, {"title": ""}], [("requests[1].task.title", "TOO_SHORT")]),
            ([{"title": "a"}, {"title": "b", "x": 1}], [("requests[1].task.x", "UNKNOWN_FIELD")]),
            ([{"title": "a"}, {}], [("requests[1].task.title", "REQUIRED_FIELD")]),
            (
                [{"title": "a", "tags": ["ok", "B"]}, {"title": "b", "tags": ["x", "x"]}],
                [("requests[0].task.tags[1]", "INVALID_TAG_FORMAT"), ("requests[1].task.tags[1]", "DUPLICATE_TAG")],
            ),
            (
                [{"title": "a"}, {"title": "b"}, {"title": "a"}, {"title": "A"}],
                [("requests[0].task.title", "DUPLICATE_TITLE"), ("requests[2].task.title", "DUPLICATE_TITLE")],
            ),
            (
                [{"title": "caf\u00e9"}, {"title": "cafe\u0301 "}, {"title": "\u3000caf\u00e9"}],
                [(f"requests[{n}].task.title", "DUPLICATE_TITLE") for n in range(3)],
            ),
            (
                [{"title": "a", "status": 1}, {"title": "a", "priority": "x"}],
                [
                    ("requests[0].task.title", "DUPLICATE_TITLE"),
                    ("requests[0].task.status", "INVALID_TYPE"),
                    ("requests[1].task.title", "DUPLICATE_TITLE"),
                    ("requests[1].task.priority", "INVALID_VALUE"),
                ],
            ),
            (
                [{"title": "x" * 201}, {"title": "x" * 201}],
                [(f"requests[{n}].task.title", code) for n in range(2) for code in ("TOO_LONG", "DUPLICATE_TITLE")],
            ),
            ([{"title": ""}, {"title": ""}], [(f"requests[{n}].task.title", "TOO_SHORT") for n in range(2)]),
            ([{"title": n} for n in (1, 1)], [(f"requests[{n}].task.title", "INVALID_TYPE") for n in range(2)]),
        ],
        ids=lambda each: ascii(each)[:50],
    )
    def test_every_violation_of_every_item_is_listed(
        self, alice: Caller, tasks: list[dict[str, Any]], expected: list[tuple[str, str]]
    ) -> None:
        """Fields have the prefix of their item, in the order of the items."""
        response = alice.batch(*tasks)
        assert violated(response) == expected
        assert response.json is not None
        for violation in response.json["errors"]:
            pointer = "#/" + violation["field"].replace("[", ".").replace("]", "").replace(".", "/")
            assert violation["pointer"] == pointer
        assert alice.titles() == []

    def test_violations_beyond_a_hundred_are_omitted(self, alice: Caller) -> None:
        """C2."""
        document = rejected(alice.batch(*[{"title": ""}] * MAX), 400, "VALIDATION_FAILED")
        assert (len(document["errors"]), "truncated" in document) == (100, False)
        document = rejected(alice.batch(*[{"title": "", "status": 1}] * MAX), 400, "VALIDATION_FAILED")
        assert (len(document["errors"]), document["truncated"]) == (100, True)

    def test_65_536_items_are_rejected_quickly(self, alice: Caller) -> None:
        """The service does not validate the items."""
        response = alice.post(BATCH, json={"requests": [0] * 65536})
        assert violated(response) == [("requests", "BATCH_TOO_LARGE")]

    def test_the_cost_of_a_title_of_a_megabyte_is_linear(self, alice: Caller) -> None:
        """Combining marks: the time to normalize them grows with the square of their number."""
        body = '{"requests":[{"task":{"title":"a%s"}}]}' % ("\u0315\u0300" * 250_000)
        began = time.process_time()
        response = alice.post(BATCH, data=body.encode(), content_type="application/json")
        assert time.process_time() - began < 2
        assert violated(response) == [("requests[0].task.title", "TOO_LONG")]

    def test_an_unknown_member_of_the_batch_is_a_violation(self, alice: Caller) -> None:
        response = alice.post(BATCH, json={"requests": [{"task": {"title": "a"}, "id": 1}], "parent": "x"})
        assert violated(response) == [("requests[0].id", "UNKNOWN_FIELD"), ("parent", "UNKNOWN_FIELD")]

    def test_a_single_creation_is_not_a_batch(self, alice: Caller) -> None:
        assert violated(alice.post(BATCH, json={"task": {"title": "a"}})) == [
            ("requests", "REQUIRED_FIELD"),
            ("task", "UNKNOWN_FIELD"),
        ]
        assert violated(alice.post(TASKS, json={"requests": []})) == [
            ("task", "REQUIRED_FIELD"),
            ("requests", "UNKNOWN_FIELD"),
        ]
