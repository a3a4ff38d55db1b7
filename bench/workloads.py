"""The workloads: seven requests, from the most expensive one to one that costs nothing but HTTP."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from bench import rpc
from bench.load import Requests

_TITLES: Final = count()
"""Makes titles unique."""


@dataclass(frozen=True)
class Workload:
    """One kind of request."""

    key: str
    name: str
    statuses: frozenset[int]
    make: Callable[["Callers"], Requests] = field(repr=False)
    make_rpc: Callable[["Callers"], Requests] | None = field(default=None, repr=False)
    """The same over gRPC, where that exists."""

    def requests(self, callers: "Callers", *, is_rpc: bool) -> Requests:
        """Return the requests of these callers. Raises: LookupError: the workload does not exist over gRPC."""
        if not is_rpc:
            return self.make(callers)
        if self.make_rpc is None:
            raise LookupError(self.key)
        return self.make_rpc(callers)


@dataclass(frozen=True)
class Callers:
    """The callers' header fields, and the ids that the reader may read."""

    reader: Mapping[str, str]
    writer: Mapping[str, str]
    ids: tuple[str, ...]


def encoded(method: str, path: str, fields: Mapping[str, str], body: object = None) -> bytes:
    """Return the bytes of a request, with the header fields of an ordinary client."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: bench/1", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    data = b"" if body is None else json.dumps(body).encode()
    if data:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


def _get(callers: Callers) -> Requests:
    made = [encoded("GET", f"/v1/tasks/{each}", callers.reader) for each in callers.ids]
    return lambda number: made[number % len(made)]


def always(path: str) -> Callable[[Callers], Requests]:
    """Return a source of the same request each time."""

    def make(callers: Callers) -> Requests:
        made = encoded("GET", path, {} if path.endswith("/healthz") else callers.reader)
        return lambda number: made

    return make


def _get_over_rpc(callers: Callers) -> Requests:
    names = [f"tasks/{each}".encode() for each in callers.ids]
    made = [rpc.call("GetTask", b"\x0a" + bytes([len(name)]) + name, callers.reader) for name in names]
    return lambda number: made[number % len(made)]


def _list_over_rpc(size: int) -> Callable[[Callers], Requests]:
    """Return a source of requests for the first page of this size, which is member 1 of the message, as a varint."""
    number = bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])

    def make(callers: Callers) -> Requests:
        made = rpc.call("ListTasks", b"\x08" + number, callers.reader)
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
    head, _, tail = encoded("POST", "/v1/tasks", callers.writer, new_task("Task 000000000000")).partition(
        b"000000000000"
    )
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
    made = encoded("POST", "/v1/tasks", callers.writer, FIVE)
    return lambda _: made


OK: Final = frozenset({200})
GET_ONE: Final = Workload("W1", "GET one", OK, _get, _get_over_rpc)
WORKLOADS: Final = (
    GET_ONE,
    Workload("W2", "list 50", OK, always("/v1/tasks?page_size=50"), _list_over_rpc(50)),
    Workload("W3", "list 1000", OK, always("/v1/tasks?page_size=1000"), _list_over_rpc(1000)),
    Workload("W4", "create", frozenset({201}), _create),
    Workload("W5", "five violations", frozenset({400, 422}), _violate),
    Workload("W6", "404", frozenset({404}), always("/v1/nothing")),
    Workload("W7", "healthz", OK, always("/healthz")),
)
