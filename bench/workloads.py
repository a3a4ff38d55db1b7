"""What is asked: seven requests, from the one that costs most to the one that costs nothing but HTTP."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from bench.load import Requests

_TITLES: Final = count()
"""No title is taken twice."""


@dataclass(frozen=True)
class Workload:
    """One kind of request."""

    key: str
    name: str
    statuses: frozenset[int]
    make: Callable[["Callers"], Requests] = field(repr=False)


@dataclass(frozen=True)
class Callers:
    """Who asks, by their header fields, and the ids that the reader may read."""

    reader: Mapping[str, str]
    writer: Mapping[str, str]
    ids: tuple[str, ...]


def said(method: str, path: str, fields: Mapping[str, str], body: object = None) -> bytes:
    """Return the bytes of a request, with what an ordinary client sends."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: bench/1", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    data = b"" if body is None else json.dumps(body).encode()
    if data:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


def _get(callers: Callers) -> Requests:
    made = [said("GET", f"/v1/tasks/{each}", callers.reader) for each in callers.ids]
    return lambda number: made[number % len(made)]


def always(path: str) -> Callable[[Callers], Requests]:
    """Return what asks for the same thing each time."""

    def make(callers: Callers) -> Requests:
        made = said("GET", path, {} if path == "/healthz" else callers.reader)
        return lambda number: made

    return make


def new_task(title: str) -> dict[str, Any]:
    """Return the body of a creation, with every member set."""
    return {
        "task": {
            "title": title,
            "description": "Two litres, for the weekend, and something for those who come on Sunday",
            "status": "STATUS_IN_PROGRESS",
            "priority": "PRIORITY_HIGH",
            "due_date": "2099-01-31T12:00:00Z",
            "tags": ["home", "errands"],
        }
    }


def _create(callers: Callers) -> Requests:
    head, _, tail = said("POST", "/v1/tasks", callers.writer, new_task("Task 000000000000")).partition(b"000000000000")
    return lambda _: head + b"%012d" % next(_TITLES) + tail


FIVE: Final = {
    "task": {
        "description": "Its title is missing, and four other members are wrong",
        "status": "STATUS_DONE",
        "priority": "PRIORITY_HUGE",
        "due_date": "2020-01-31T12:00:00Z",
        "tags": ["Home"],
    }
}


def _violate(callers: Callers) -> Requests:
    made = said("POST", "/v1/tasks", callers.writer, FIVE)
    return lambda _: made


OK: Final = frozenset({200})
WORKLOADS: Final = (
    Workload("W1", "GET one", OK, _get),
    Workload("W2", "list 50", OK, always("/v1/tasks?page_size=50")),
    Workload("W3", "list 1000", OK, always("/v1/tasks?page_size=1000")),
    Workload("W4", "create", frozenset({201}), _create),
    Workload("W5", "five violations", frozenset({400, 422}), _violate),
    Workload("W6", "404", frozenset({404}), always("/v1/nothing")),
    Workload("W7", "healthz", OK, always("/healthz")),
)
