"""Check before a measurement that all servers send the same responses."""

import json
import subprocess
from datetime import datetime
from typing import Any, Final

from bench import load
from bench.candidates import PYTHON, Candidate, violations
from bench.database import ROOT
from bench.workloads import GET_ONE, Callers, Workload, encoded

MADE_UP: Final = frozenset({"name", "title", "create_time", "update_time", "next_page_token"})
"""Members that differ between servers in a new task; of a page token only the presence counts."""
FIVE: Final = 5


class Disagreement(RuntimeError):
    """A server sends a different response."""


def check(candidate: Candidate, port: int, workload: Workload, callers: Callers, expected: Any) -> Any:
    """Return the response, in which times are times and not texts; ``expected`` is the baseline's, or nothing yet.

    Raises:
        Disagreement: status or content is another.
    """
    request = candidate.requests(workload, callers)(0)
    status, head, body = load.one(port, request, candidate.dial)
    who = f"{candidate.name}, {workload.key} {workload.name}"
    if status not in workload.statuses:
        raise Disagreement(f"{who}: answered {status}: {body[:400].decode(errors='replace')}")
    if workload.key == "W6":
        return None  # each server has its own response to an unknown path
    found = json.loads(_from_message(workload, body) if candidate.is_rpc else body)
    if workload.key == "W5" and violations(found) != FIVE:
        raise Disagreement(f"{who}: named {violations(found)} violations instead of {FIVE}: {body.decode()}")
    if workload.key == "W4":
        _check_created(who, port, head, callers)
    if workload.key == "W5":
        return None
    answer = _comparable(found, hidden=MADE_UP if workload.key == "W4" else frozenset())
    if candidate.is_rpc:
        answer, expected = _without_nulls(answer), _without_nulls(expected)
    if expected is not None and answer != expected:
        raise Disagreement(f"{who}: answered {_difference(answer, expected)}")
    return answer


def _from_message(workload: Workload, body: bytes) -> bytes:
    """Return a message as JSON; protocol buffers are only installed in the environment of the peers."""
    name = "Task" if workload is GET_ONE else "ListTasksResponse"
    code = (
        "import sys; from google.protobuf.json_format import MessageToJson; "
        f"from app.rpc.gen.todo.v1.todo_pb2 import {name} as Message; "
        "print(MessageToJson(Message.FromString(sys.stdin.buffer.read()), "
        "preserving_proto_field_name=True, always_print_fields_with_no_presence=True))"
    )
    done = subprocess.run([PYTHON, "-c", code], input=body, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 -- candor
    return done.stdout


def _without_nulls(found: Any) -> Any:
    """Return a response in the form of messages, in which null members are absent."""
    if isinstance(found, dict):
        return {name: _without_nulls(value) for name, value in found.items() if value is not None}
    return [_without_nulls(each) for each in found] if isinstance(found, list) else found


def _check_created(who: str, port: int, head: bytes, callers: Callers) -> None:
    path = head.partition(b"\r\nlocation: ")[2].partition(b"\r\n")[0].decode()
    if not path or load.one(port, encoded("GET", path, callers.writer))[0] != 200:
        raise Disagreement(f"{who}: the created task is not found at its Location, {path!r}")


def _comparable(found: Any, *, hidden: frozenset[str]) -> Any:
    if isinstance(found, dict):
        kept = {name: _comparable(value, hidden=hidden) for name, value in found.items() if name not in hidden}
        return kept | ({"next_page_token": bool(found["next_page_token"])} if "next_page_token" in found else {})
    if isinstance(found, list):
        return [_comparable(each, hidden=hidden) for each in found]
    try:
        return datetime.fromisoformat(found) if isinstance(found, str) else found
    except ValueError:
        return found


def _difference(found: Any, expected: Any) -> str:
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        name = next(name for name in found if found[name] != expected[name])
        return f"{name}: {_difference(found[name], expected[name])}"
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        index = next(index for index, each in enumerate(found) if each != expected[index])
        return f"[{index}] {_difference(found[index], expected[index])}"
    return f"{str(found)[:300]} instead of {str(expected)[:300]}"
