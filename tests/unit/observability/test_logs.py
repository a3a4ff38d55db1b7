"""Log records are one JSON object a line, whatever they contain."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app import request_context
from app.errs import E, Kind
from app.errs.tasks import TaskNotFound, TaskTitleTaken
from app.observability import logs

pytestmark = pytest.mark.slow


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Return the lines that are logged during the test."""
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    root.handlers = []
    logs.configure("DEBUG", written)
    yield written
    root.handlers, _ = before
    root.setLevel(before[1])


def only_line(stream: io.StringIO) -> dict[str, object]:
    """Return the only line of these tests. Threads of other tests can log meanwhile."""
    lines: list[dict[str, object]] = [json.loads(line) for line in stream.getvalue().splitlines()]
    (found,) = [line for line in lines if line["logger"] in {"candor.test", logs.ACCESS.name, logs.ERRORS.name}]
    return found


class TestFormat:
    def test_ok(self, stream: io.StringIO) -> None:
        token = request_context.request_id.set("request-1")
        logging.getLogger("candor.test").info("said %s", "so", extra={"fields": {"status": 200, "user": None}})
        request_context.request_id.reset(token)
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
    def test_values_that_json_cannot_represent_lose_no_record(self, stream: io.StringIO, value: object) -> None:
        logging.getLogger("candor.test").info("x", extra={"fields": {"value": value}})
        assert "value" in only_line(stream)

    def test_an_exception_is_shown_without_the_lower_part_of_its_chain(self, stream: io.StringIO) -> None:
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

    def test_a_client_error_is_a_warning_without_a_stack(self, stream: io.StringIO) -> None:
        error = E("tasks.create", user="alice", cause=TaskTitleTaken(param="title", row=7))
        logs.error(error, error, {"status": 409}, stack=False)
        line = only_line(stream)
        assert (line["level"], line["kind"], line["code"]) == ("WARNING", "item_already_exists", "TASK_TITLE_TAKEN")
        assert (line["op"], line["user"], line["param"]) == (["tasks.create"], "alice", "title")
        assert (line["facts"], line["status"]) == ({"row": 7}, 409)
        assert "stack" not in line

    def test_an_internal_error_is_an_error_with_the_chain_details_and_stack(self, stream: io.StringIO) -> None:
        cause = TaskNotFound(detail="the row vanished")
        error = E("tasks.get", kind=Kind.DATABASE, cause=cause)
        logs.error(error, error, {"status": 500}, stack=True)
        line = only_line(stream)
        assert (line["level"], line["kind"]) == ("ERROR", "database_error")
        assert line["causes"] == [
            {"type": "Error", "message": "The task does not exist."},
            {"type": "TaskNotFound", "message": "The task does not exist.", "detail": "the row vanished"},
        ]
        assert line["stack"] == []


class TestStandardErrorAlone:
    """With no other handler installed, no LogRecord is created, and the line is the same."""

    SCRIPT = r"""
import logging, sys
from app import request_context
from app.observability import logs
logs.configure("INFO")
request_context.request_id.set("request-1")
made = []
logging.LogRecord.__new__ = lambda cls, *_: made.append(1) or object.__new__(cls)
class Unspeakable:
    def __str__(self):
        raise ValueError("secret")
def say(**more):
    logs.access({"method": "GET", "path": "/caf\u00e9\ud800", "status": 200, "user": None, **more})
{setup}
say()
say(huge="x" * 9000)
say(bad=Unspeakable())
sys.stdout.write(str(len(made)))
"""
    FOREIGN = {
        "a handler": "logging.getLogger('candor.access').addHandler(logging.NullHandler())",
        "a handler of the root": "logging.getLogger().addHandler(logging.NullHandler())",
        "a filter": "logging.getLogger('candor.access').addFilter(lambda record: True)",
        "a filter of the handler": "logs.to_stderr().addFilter(lambda record: True)",
        "a formatter": "logs.to_stderr().setFormatter(type('Own', (logs.JsonFormatter,), {})())",
        "a patched method": "own = logging.Logger.callHandlers\n"
        "logging.Logger.callHandlers = eval('lambda self, record: own(self, record)', {'own': own})",
    }

    def run(self, setup: str) -> tuple[int, list[dict[str, object]]]:
        """Return the number of LogRecords, and the lines without values that vary."""
        ran = subprocess.run(
            [sys.executable, "-c", self.SCRIPT.replace("{setup}", setup)], capture_output=True, check=True, timeout=60
        )
        found = [json.loads(line) for line in ran.stderr.splitlines()]
        return int(ran.stdout), [{name: line[name] for name in line if name != "timestamp"} for line in found]

    def test_the_lines_equal_those_of_log_records(self) -> None:
        made, lines = self.run("")
        assert made == 1 + 1  # the value that cannot be written, and the message that reports it
        assert [line["message"] for line in lines[:2]] == ["GET /caf\u00e9\ud800 200"] * 2
        for name, setup in self.FOREIGN.items():
            made, with_records = self.run(setup)
            assert (name, with_records) == (name, lines)
            assert made == 3 + 1, name
