"""One JSON object a line, whatever somebody managed to put into it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from app import context
from app.errs import E, Kind
from app.errs.tasks import TaskNotFound, TaskTitleTaken
from app.observability import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Return what is logged meanwhile."""
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    root.handlers = []
    logs.configure("DEBUG", written)
    yield written
    root.handlers, _ = before
    root.setLevel(before[1])


def only_line(stream: io.StringIO) -> dict[str, object]:
    """Return the one line that was written."""
    (line,) = stream.getvalue().splitlines()
    found: dict[str, object] = json.loads(line)
    return found


class TestFormat:
    def test_ok(self, stream: io.StringIO) -> None:
        token = context.request_id.set("request-1")
        logging.getLogger("candor.test").info("said %s", "so", extra={"fields": {"status": 200, "user": None}})
        context.request_id.reset(token)
        line = only_line(stream)
        assert {name: line[name] for name in ("level", "logger", "message", "request_id", "status")} == {
            "level": "INFO",
            "logger": "candor.test",
            "message": "said so",
            "request_id": "request-1",
            "status": 200,
        }
        assert "user" not in line
        assert str(line["timestamp"]).endswith("Z")

    @pytest.mark.parametrize("value", ["\ud800", 2**70, "a\nb", "\x00", {1: {2}}, object()])
    def test_what_json_cannot_hold_costs_no_line(self, stream: io.StringIO, value: object) -> None:
        logging.getLogger("candor.test").info("x", extra={"fields": {"value": value}})
        assert "value" in only_line(stream)

    def test_an_exception_is_told_without_its_lower_lines(self, stream: io.StringIO) -> None:
        try:
            raise ValueError("first\nDETAIL: Key (title)=(secret)")
        except ValueError:
            logging.getLogger("candor.test").exception("failed")
        line = only_line(stream)
        assert line["causes"] == [{"type": "ValueError", "message": "first"}]
        assert "secret" not in stream.getvalue()
        assert "test_logs.py" in str(line["stack"])


class TestError:
    """C5."""

    def test_the_client_s_fault_is_a_warning_without_stack(self, stream: io.StringIO) -> None:
        error = E("tasks.create", user="alice", cause=TaskTitleTaken(param="title", row=7))
        logs.error(error, error, {"status": 409}, stack=False)
        line = only_line(stream)
        assert (line["level"], line["kind"], line["code"]) == ("WARNING", "item_already_exists", "TASK_TITLE_TAKEN")
        assert (line["op"], line["user"], line["param"]) == (["tasks.create"], "alice", "title")
        assert (line["facts"], line["status"]) == ({"row": 7}, 409)
        assert "stack" not in line

    def test_a_fault_of_ours_is_an_error_with_the_chain_its_details_and_the_stack(self, stream: io.StringIO) -> None:
        cause = TaskNotFound(detail="the row vanished")
        error = E("tasks.get", kind=Kind.DATABASE, cause=cause)
        logs.error(error, error, {"status": 500}, stack=True)
        line = only_line(stream)
        assert (line["level"], line["kind"]) == ("ERROR", "database_error")
        assert line["causes"] == [
            {"type": "Error", "message": "There is no such task."},
            {"type": "TaskNotFound", "message": "There is no such task.", "detail": "the row vanished"},
        ]
        assert line["stack"] == []
