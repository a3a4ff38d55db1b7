"""The cost of the worst messages: memory, and CPU relative to decoding as much JSON; wall time is not measured."""

from collections.abc import Callable
from typing import Final

import grpc
import pytest
from grpc import StatusCode

from app.rpc.gen.todo.v1 import todo_pb2 as pb
from app.rpc.services import METHODS
from tests.costs import is_cheaper, peak, plain
from tests.rpc.client import Client

FLOOR: Final = 1 << 20
"""Bytes of JSON whose decoding costs as much as the worst message of 16 KiB may."""
TIMES: Final = 20
SIZES: Final = {path: method.max_bytes for path, method in METHODS.items()}
ENDS: Final = {StatusCode.OK, StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND, StatusCode.RESOURCE_EXHAUSTED}


def varint(number: int) -> bytes:
    """Return a number in the encoding of protocol buffers."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def nested(size: int) -> bytes:
    """Return nested messages, as deep as a message of this size allows."""
    inner = b""
    while len(inner) < size - 16 and len(inner) < 8000:
        inner = field(1, inner)
    return inner


SHAPES: Final[dict[str, Callable[[int], bytes]]] = {
    "empty parts": lambda size: b"\x0a\x00" * (size // 2),
    "the same field": lambda size: b"\x08\x01" * (size // 2),
    "unknown fields": lambda size: b"\xf8\x07\x01" * (size // 3),
    "unknown texts": lambda size: b"\xfa\x07\x00" * (size // 3),
    "nested": nested,
    "one long text": lambda size: field(1, b"a" * (size - 8)),
    "one long text within": lambda size: field(1, field(2, b"a" * (size - 16))),
    "empty tags": lambda size: field(1, b"\x52\x00" * (size // 2 - 8)),
    "paths of a mask": lambda size: field(2, b"\x0a\x02ab" * (size // 4 - 8)),
    "distinct paths of a mask": lambda size: field(2, b"".join(field(1, b"%d" % n) for n in range(size // 7 - 8))),
    "a filter": lambda size: field(3, b"title=a AND " * (size // 12 - 1) + b"title=b"),
    "a filter of quotes": lambda size: field(3, b"title=" + b'"' * (size - 16)),
    "an order": lambda size: field(4, b"title," * (size // 6 - 2)),
    "a page token": lambda size: field(2, b"A" * (size - 8)),
}


def ended(client: Client, path: str, sent: bytes) -> StatusCode:
    try:
        client.raw(path, sent)
    except grpc.RpcError as error:
        code: StatusCode = error.code()
        return code
    return StatusCode.OK


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("path", SIZES, ids=lambda path: path.rpartition("/")[2])
def test_the_worst_message_of_every_method(alice: Client, path: str, shape: str) -> None:
    size = SIZES[path]
    sent = SHAPES[shape](size)[:size]

    def send() -> StatusCode:
        return ended(alice, path, sent)

    assert send() in ENDS
    assert is_cheaper(send, plain(FLOOR) + TIMES * plain(size))
    assert peak(send) < 2_000_000 + 20 * size


def test_a_batch_of_too_many_items_is_not_read_completely(alice: Client) -> None:
    sent = pb.BatchCreateTasksRequest(requests=[pb.CreateTaskRequest()] * 500_000).SerializeToString()

    def send() -> StatusCode:
        return ended(alice, "/todo.v1.TodoService/BatchCreateTasks", sent)

    assert send() is StatusCode.INVALID_ARGUMENT
    assert is_cheaper(send, 5 * plain(len(sent)))
