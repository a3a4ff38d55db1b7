"""Before anything is measured: does everybody give the same answers?"""

import json
import subprocess
from datetime import datetime
from typing import Any, Final

from bench import load
from bench.candidates import PYTHON, Contestant, violations
from bench.database import ROOT
from bench.workloads import GET_ONE, Callers, Workload, said

MADE_UP: Final = frozenset({"name", "title", "create_time", "update_time", "next_page_token"})
"""Members that are each server's own in a task just created; of a page token it only counts whether there is one."""
FIVE: Final = 5


class Disagreement(RuntimeError):
    """Somebody answers something else."""


def check(contestant: Contestant, port: int, workload: Workload, callers: Callers, expected: Any) -> Any:
    """Return the answer, in which moments are moments and not texts; ``expected`` is the floor's, or nothing yet.

    Raises:
        Disagreement: status or content is another.
    """
    ask = workload.requests(callers, is_rpc=contestant.is_rpc)(0)
    status, head, body = load.one(port, ask, contestant.dial)
    who = f"{contestant.name}, {workload.key} {workload.name}"
    if status not in workload.statuses:
        raise Disagreement(f"{who}: answered {status}: {body[:400].decode(errors='replace')}")
    if workload.key == "W6":
        return None  # what an unknown path is answered with is everybody's own
    found = json.loads(_from_message(workload, body) if contestant.is_rpc else body)
    if workload.key == "W5" and violations(found) != FIVE:
        raise Disagreement(f"{who}: named {violations(found)} violations instead of {FIVE}: {body.decode()}")
    if workload.key == "W4":
        _check_created(who, port, head, callers)
    if workload.key == "W5":
        return None
    answer = _comparable(found, hidden=MADE_UP if workload.key == "W4" else frozenset())
    if contestant.is_rpc:
        answer, expected = _without_nulls(answer), _without_nulls(expected)
    if expected is not None and answer != expected:
        raise Disagreement(f"{who}: answered {_difference(answer, expected)}")
    return answer


def _from_message(workload: Workload, body: bytes) -> bytes:
    """Return a message as JSON; protocol buffers are only there where the peers are."""
    name = "Task" if workload is GET_ONE else "ListTasksResponse"
    code = (
        "import sys; from google.protobuf.json_format import MessageToJson; "
        f"from app.rpc.gen.todo.v1.todo_pb2 import {name} as Told; "
        "print(MessageToJson(Told.FromString(sys.stdin.buffer.read()), "
        "preserving_proto_field_name=True, always_print_fields_with_no_presence=True))"
    )
    done = subprocess.run([PYTHON, "-c", code], input=body, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 -- ours
    return done.stdout


def _without_nulls(found: Any) -> Any:
    """Return an answer as messages have it, in which what is not there is absent."""
    if isinstance(found, dict):
        return {name: _without_nulls(value) for name, value in found.items() if value is not None}
    return [_without_nulls(each) for each in found] if isinstance(found, list) else found


def _check_created(who: str, port: int, head: bytes, callers: Callers) -> None:
    path = head.partition(b"\r\nlocation: ")[2].partition(b"\r\n")[0].decode()
    if not path or load.one(port, said("GET", path, callers.writer))[0] != 200:
        raise Disagreement(f"{who}: what was created is not found at its Location, {path!r}")


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
