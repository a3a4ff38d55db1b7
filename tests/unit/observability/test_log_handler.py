"""A blocked or full log output loses records, but never blocks a thread."""

import fcntl
import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.observability import json_lines, log_handler
from app.observability.log_handler import NonBlockingHandler
from app.observability.logs import JsonFormatter

Open = Callable[[int], tuple[logging.Logger, NonBlockingHandler]]


@pytest.fixture
def logger() -> Iterator[Open]:
    """Return a factory of loggers that write to a descriptor."""
    with ExitStack() as stack:

        def make(descriptor: int) -> tuple[logging.Logger, NonBlockingHandler]:
            handler, logger = NonBlockingHandler(descriptor), logging.Logger("candor.test")  # noqa: LOG001 -- private to the test
            handler.setFormatter(JsonFormatter())
            logger.addHandler(handler)
            stack.callback(close, handler)
            return logger, handler

        yield make


def close(handler: NonBlockingHandler) -> None:
    """Close the descriptor that the handler opened; the handler keeps it open for as long as the process lives."""
    writer: Any = handler._write
    if writer.func is log_handler._send:
        writer.args[0].close()
    elif writer.args[0] != handler.descriptor:
        os.close(writer.args[0])


def fail_to_open(*_: object) -> int:
    """Fail to open a file."""
    raise PermissionError


def drain(descriptor: int) -> list[dict[str, Any]]:
    """Return the lines that are buffered in a pipe or socket, without waiting; each line is complete."""
    os.set_blocking(descriptor, False)
    read = b""
    while chunk := _some(descriptor):
        read += chunk
    assert read.endswith(b"\n")
    return [json.loads(line) for line in read.splitlines()]


def _some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 20)
    except BlockingIOError:
        return b""


class TestPipe:
    @pytest.fixture
    def pipe(self) -> Iterator[tuple[int, int]]:
        """Return both ends of a pipe."""
        reader, writer = os.pipe()
        yield reader, writer
        os.close(reader)
        os.close(writer)

    def test_ok(self, pipe: tuple[int, int], logger: Open) -> None:
        log, handler = logger(pipe[1])
        log.info("one")
        assert [line["message"] for line in drain(pipe[0])] == ["one"]
        assert handler.dropped == 0

    @pytest.mark.parametrize("is_reopened", [True, False])
    def test_a_full_pipe_loses_records_and_logs_how_many(
        self, pipe: tuple[int, int], logger: Open, monkeypatch: pytest.MonkeyPatch, is_reopened: bool
    ) -> None:
        """The fallback checks for space before it writes, on systems that cannot open a pipe a second time."""
        if not is_reopened:
            monkeypatch.setattr(log_handler.os, "open", fail_to_open)  # type: ignore[attr-defined]
        log, handler = logger(pipe[1])
        for _ in range(2000):
            log.info("x" * 100)
        assert handler.dropped > 0
        kept = drain(pipe[0])
        log.info("it flows again")
        told, last = drain(pipe[0])
        assert last["message"] == "it flows again"
        lost = sum(int(line["message"].split()[0]) for line in [*kept, told] if "dropped" in line["message"])
        assert lost == handler.dropped == 2000 - sum(line["message"] == "x" * 100 for line in kept)

    def test_the_original_descriptor_keeps_its_flags(self, pipe: tuple[int, int], logger: Open) -> None:
        logger(pipe[1])
        assert os.get_blocking(pipe[1])

    def test_a_pipe_without_a_reader_loses_records(self, logger: Open) -> None:
        reader, writer = os.pipe()
        log, handler = logger(writer)
        os.close(reader)
        log.info("nobody hears")
        assert handler.dropped == 1
        os.close(writer)

    def test_a_child_does_not_report_the_losses_of_its_parent(self, pipe: tuple[int, int], logger: Open) -> None:
        log, handler = logger(pipe[1])
        for _ in range(2000):
            log.info("x" * 100)
        drain(pipe[0])
        child = os.fork()
        if child == 0:
            log.info("a child")
            os._exit(handler.dropped)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert [line["message"] for line in drain(pipe[0])] == ["a child"]

    def test_lines_of_several_processes_are_never_mixed(self, pipe: tuple[int, int], logger: Open) -> None:
        fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 1 << 20)
        log, _ = logger(pipe[1])
        children = []
        for name in "abcd":
            children.append(os.fork())
            if children[-1] == 0:
                for _ in range(50):
                    log.info(name * 5000)
                os._exit(0)
        for child in children:
            os.waitpid(child, 0)
        messages = [line["message"] for line in drain(pipe[0])]
        assert len(messages) == 200
        assert all(len({*message}) == 1 for message in messages)


class TestSocket:
    def test_a_full_socket_loses_records(self, logger: Open) -> None:
        """systemd gives a service a socket as its standard error."""
        mine, other = socket.socketpair()
        with mine, other:
            log, handler = logger(mine.fileno())
            for _ in range(5000):
                log.info("x" * 1000)
            assert handler.dropped > 0
            assert len(drain(other.fileno())) == 5000 - handler.dropped


class TestFile:
    def test_a_full_disk_loses_records(self, logger: Open) -> None:
        descriptor = os.open("/dev/full", os.O_WRONLY)
        log, handler = logger(descriptor)
        log.info("no room")
        assert handler.dropped == 1
        os.close(descriptor)

    def test_a_partial_line_is_followed_by_a_new_line(self, tmp_path: Path, logger: Open) -> None:
        """A disk that fills up in the middle of a line leaves a partial line."""
        descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        log, handler = logger(descriptor)
        whole = handler._write
        handler._write = lambda data: whole(data[:20])
        log.info("half")
        handler._write = whole
        log.info("whole")
        torn, *rest = (tmp_path / "log").read_bytes().splitlines()
        assert len(torn) == 20
        assert [json.loads(line)["message"] for line in rest] == [
            "1 log entries were dropped while the output was blocked",
            "whole",
        ]
        os.close(descriptor)

    def test_a_closed_descriptor_loses_records(self, logger: Open) -> None:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.close(descriptor)
        log, handler = logger(descriptor)
        log.info("nobody hears")
        assert handler.dropped == 1


class TestLength:
    """A line is never longer than a pipe writes atomically."""

    @pytest.mark.parametrize(
        "value",
        ["x" * 10000, "\u00e9" * 5000, "\x01" * 9000, ["frame"] * 2000, {"a": "b" * 9000}, 10**4200],
        ids=lambda value: f"{value!r:.9}",
    )
    def test_the_longest_field_is_cut(self, value: object) -> None:
        line = json_lines.rendered({"message": "kept", "path": "/v1/tasks", "value": value})
        assert len(line) <= json_lines.LONGEST
        parsed = json.loads(line)
        assert (parsed["message"], parsed["path"], parsed["truncated"]) == ("kept", "/v1/tasks", True)

    def test_the_innermost_frames_of_a_stack_are_kept(self) -> None:
        stack = [f"file.py:{number} function_{number}" for number in range(500)]
        kept = json.loads(json_lines.rendered({"stack": stack}))["stack"]
        assert kept == stack[-len(kept) :]
        assert len(kept) > 50


def test_an_argument_that_cannot_be_formatted_loses_only_its_record(logger: Open, tmp_path: Path) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("a secret")

    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    log, _ = logger(descriptor)
    log.info("%s", Broken())
    line = json.loads((tmp_path / "log").read_text())
    assert line["message"] == "a log entry could not be formatted: RuntimeError"
    os.close(descriptor)
