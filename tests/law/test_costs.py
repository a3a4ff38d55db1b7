"""The cost of the worst requests: memory, and CPU relative to decoding as much JSON; wall time is not measured.

Each body has the maximum size of its operation; each parameter and header field has the maximum of the server.
"""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Final

import pytest
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from app.rest import operations, scopes
from app.rest.operations import Operation
from tests.costs import is_cheaper, peak, plain

pytestmark = pytest.mark.slow

NIL: Final = "00000000-0000-4000-8000-000000000000"
SCOPES: Final = " ".join(sorted(scopes.SCOPES))
FIELD: Final = 8000
"""Characters of a header field or of a query; gunicorn reads up to 8,190."""
FLOOR: Final = 1 << 20
"""Bytes of JSON whose decoding costs as much as the worst parameter, header field or body of 16 KiB may."""
TIMES: Final = 40
"""Maximum cost of the worst large body, relative to decoding as much JSON."""
Send = Callable[[], int]
Bearer = Callable[..., dict[str, str]]


def filled(size: int, head: bytes, piece: bytes, tail: bytes) -> bytes:
    """Return a body of a size; ``%d`` in a piece is its number."""
    width = len(piece) + 5 * piece.count(b"%d")
    count = max(1, (size - len(head) - len(tail)) // width)
    pieces = b"".join(piece % ((number,) * piece.count(b"%d")) for number in range(count)) if b"%d" in piece else None
    return head + (piece * count if pieces is None else pieces) + tail


ILLEGAL: Final = {
    "trailing comma": (b"[", b"1,", b"]"),
    "nested lists": (b"[", b"[" * 60 + b"]" * 60 + b",", b"]"),
    "mixed": (b"[", b'{"a":[1,{"b":""}]},', b"]"),
    "repeated name at the end": (b"[", b'{"a":1},', b'{"a":1,"a":2}]'),
    "too deep at the end": (b"[", b"1,", b"[" * 65 + b"]" * 65 + b"]"),
    "half a surrogate pair at the end": (b'["', b"\\u0041", b'\\ud800"]'),
    "backslashes": (b'["', b"\\\\", b'\\x"]'),
    "one long number": (b"[1.", b"1", b"e999]"),
    "numbers": (b"[", b"1e-400,", b"]"),
    "names": (b"{", b'"k%d":1,', b"}"),
    "blanks": (b"[1", b" ", b"x]"),
    "stray bytes": (b'["', "é".encode(), b'\xff"]'),
}
"""Bodies that are not JSON."""
BROKEN: Final = {
    "empty objects": (b'{"requests":[', b"{},", b"1]}"),
    "lists": (b'{"task":[', b"[],", b"1]}"),
    "unknown members": (b'{"task":{', b'"k%d":1,', b'"z":1}}'),
    "unknown members with long names": (b'{"task":{', b'"' + b"n" * 500 + b'%d":1,', b'"z":1}}'),
    "unknown members at the top": (b"{", b'"k%d":{},', b'"z":1}'),
    "tags": (b'{"task":{"title":"x","tags":[', b'"%d",', b'"z"]}}'),
    "items": (b'{"customer_id":"x","currency":"EUR","items":[', b'{"sku":"%d","quantity":0},', b"{}]}"),
    "batch of one hundred faults": (b'{"requests":[', b'{"task":{"title":"","tags":["A","A"],"k%d":1}},', b"{}]}"),
    "combining marks": (b'{"task":{"title":"a', "\u0315\u0300".encode(), b'"},"email":"x"}'),
    "long local part": (b'{"name":"x","password":"correct horse","email":"', b"a.", b'@example.com"}'),
    "domain of many parts": (b'{"name":"x","password":"correct horse","email":"a@', b"a-.", b'com"}'),
    "a long text": (b'{"token":"', b"x", b'"}'),
    "a token of many parts": (b'{"token":"', b"a.", b'"}'),
    "a token of a nested header": (b'{"token":"', b"W1tb", b'.W1tb.W1tb"}'),
    "an integer of many digits": (b'{"run_time":', b"9" * 300 + b' ,"a":', b"1}"),
    "a long date": (b'{"task":{"title":"x","due_date":"2027-01-01T00:00:00.', b"1", b'Z"}}'),
    "a zone": (b'{"locale":"en","theme":"dark","time_zone":"', b"Europe/", b'"}'),
    "a locale": (b'{"theme":"dark","time_zone":"UTC","locale":"en', b"-aa", b'"}'),
    "escaped text": (b'{"task":{"title":"', b"\\ud83d\\ude00", b'"}}'),
    "numbers with a point": (b'{"task":[', b"1e5,", b"1]}"),
}
"""JSON with invalid values."""
SHAPES: Final = ILLEGAL | BROKEN


def legal_batch() -> bytes:
    """Return a batch with the longest texts and tags, and unique titles."""
    task = '{"task":{"title":"%s%d","description":"%s","tags":[%s]}}'
    tags = ",".join(f'"{"t" * 48}{number:02}"' for number in range(10))
    tasks = (task % ("\U0001f600" * 190, number, "\U0001f600" * 1000, tags) for number in range(100))
    return ('{"requests":[' + ",".join(tasks) + "]}").encode()


def sender(
    app: Flask, operation: Operation, headers: dict[str, str], *, query: str = "", body: bytes | None = None
) -> Send:
    method, _, path = operation.name.partition(" ")
    path = re.sub(r"<id:\w+>", NIL, path)
    kind = {"Content-Type": operation.consumes[0]} if operation.consumes else {}
    environ = create_environ(path, method=method, headers={"If-Match": "*", **kind, **headers}, data=body or b"")
    environ |= {"QUERY_STRING": query, "werkzeug.request": None}  # marks a test client: pollers are not started

    def send() -> int:
        """Call the application like a server; Werkzeug's client is slower than the service for some queries."""
        _, status, _ = run_wsgi_app(app, {**environ, "wsgi.input": BytesIO(body or b"")}, buffered=True)
        return int(status[:3])

    return send


@pytest.fixture
def every(app: Flask) -> dict[str, Operation]:
    return {each.name: each for each in operations.table(app).values() if each.consumes}


@pytest.fixture
def credentials(bearer: Bearer) -> dict[str, str]:
    return bearer("costs", scopes=SCOPES)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_worst_body_of_every_operation(
    app: Flask, every: dict[str, Operation], credentials: dict[str, str], shape: str
) -> None:
    for operation in every.values():
        size = operation.max_body_bytes or 0
        body = filled(size, *SHAPES[shape])[:size]
        headers = {} if operation.scope is operations.PUBLIC else credentials
        send = sender(app, operation, headers, body=body)
        assert send() in ({400} if shape in ILLEGAL else {200, 202, 400, 404, 412}), operation.name
        if operation.name.endswith(("/tokens", "/users", "/password")) and shape not in ILLEGAL:
            continue  # password hashing is slow on purpose
        assert is_cheaper(send, plain(FLOOR) + TIMES * plain(size)), operation.name
        assert peak(send) < 2_000_000 + 40 * size, operation.name


def test_the_largest_valid_batch(app: Flask, every: dict[str, Operation], credentials: dict[str, str]) -> None:
    body = legal_batch()
    send = sender(app, every["POST /v1/tasks:batchCreate"], credentials, body=body)
    assert 500_000 < len(body) < 1 << 20
    assert send() == 200
    assert is_cheaper(send, TIMES * plain(len(body)))
    assert peak(send) < 2_000_000 + 40 * len(body)


def longest(piece: str, *, head: str = "", tail: str = "") -> str:
    return head + piece * ((FIELD - len(head) - len(tail)) // len(piece)) + tail


QUERIES: Final = {
    "many parameters": "&".join(f"k{number}" for number in range(1100)),
    "the same parameter": longest("filter&"),
    "separators": longest("&"),
    "escapes": longest("%61"),
    "broken escapes": longest("%", head="filter="),
    "no UTF-8": longest("%ff", head="filter="),
    "one long name": longest("n"),
    "a filter of the most comparisons": "filter=" + "%20AND%20".join([f"title=%22{'x' * 180}%22"] * 20),
    "a filter of more": longest("title=1%20AND%20", head="filter=", tail="title=1"),
    "a filter of blanks": longest("+", head="filter=title=1"),
    "a filter of quotes": longest("%22", head="filter=title="),
    "a filter that is not closed": longest("a", head="filter=title=%22"),
    "a filter of backslashes": longest("%5C%5C", head="filter=title=%22"),
    "a filter of parentheses": longest("(", head="filter="),
    "a filter of operators": longest("<", head="filter=title"),
    "a filter of digits": longest("9", head="filter=title="),
    "a filter of a long timestamp": longest("1", head="filter=create_time%3E%222027-01-01T00:00:00.", tail="Z%22"),
    "a filter of words": longest("a.", head="filter="),
    "an order of commas": longest(",", head="order_by="),
    "an order of members": longest("title,", head="order_by="),
    "an order of blanks": longest("+", head="order_by=title"),
    "fields of nothing": longest(",", head="fields="),
    "fields of what there is not": "fields=" + ",".join(f"f{number}" for number in range(1200)),
    "fields of the same": longest("title,", head="fields=", tail="title"),
    "a mask of what there is not": "update_mask=" + ",".join(f"f{number}" for number in range(1200)),
    "a page token": longest("A", head="page_token="),
    "a page token of other letters": longest("-_", head="page_token="),
    "a page size": longest("9", head="page_size="),
    "a page size of blanks": longest("+", head="page_size=1"),
}
HEADERS: Final = {
    "Accept of many types": ("Accept", longest("a/b,")),
    "Accept of many weights": ("Accept", longest("*/*;q=0.001,")),
    "Accept of parameters": ("Accept", longest(";a=b", head="text/html")),
    "Accept of quotes": ("Accept", longest('"\\', head="text/html;a=")),
    "Accept of semicolons": ("Accept", longest(";", head="*/*")),
    "Accept of blanks": ("Accept", longest(" ", head="*/*", tail=";q=1")),
    "Accept-Language": ("Accept-Language", longest("en-GB;q=0.5,")),
    "If-Match of many tags": ("If-Match", longest('"1-0-00000000",', tail='"1"')),
    "If-Match of commas": ("If-Match", longest(", ", head='"1"', tail="x")),
    "If-Match of blanks": ("If-Match", longest(" \t", head='"1"', tail="x")),
    "If-Match that is not closed": ("If-Match", longest('"a",', tail='"')),
    "If-None-Match of many tags": ("If-None-Match", longest('W/"1-0-00000000",', tail='"1"')),
    "If-Modified-Since": ("If-Modified-Since", longest("Mon, ")),
    "Prefer": ("Prefer", longest("a=b,")),
    "Prefer of semicolons": ("Prefer", longest(";", head="respond-async")),
    "traceparent": ("Traceparent", longest("0-")),
    "tracestate": ("Tracestate", longest("a=b,")),
    "baggage": ("Baggage", longest("a=b,")),
    "Authorization of one word": ("Authorization", longest("A", head="Bearer ")),
    "Authorization of dots": ("Authorization", longest(".", head="Bearer ")),
    "Authorization of a nested header": ("Authorization", longest("W1tb", head="Bearer ", tail=".e30.e30")),
    "Authorization of a nested payload": (
        "Authorization",
        longest("W1tb", head="Bearer eyJhbGciOiJIUzI1NiJ9.", tail=".e30"),
    ),
    "Authorization of blanks": ("Authorization", longest(" ", head="Bearer ", tail="x")),
    "Authorization of another scheme": ("Authorization", longest('a="b",', head="Digest ")),
    "Cookie of many": ("Cookie", longest("a=b;")),
    "Cookie of quotes": ("Cookie", longest('\\"', head='a="')),
    "Cookie of backslashes": ("Cookie", longest("\\1", head='a="', tail='"')),
    "Cookie of separators": ("Cookie", longest(";")),
    "Idempotency-Key": ("Idempotency-Key", longest("k")),
    "Idempotency-Key of backslashes": ("Idempotency-Key", longest("\\\\", head='"')),
    "Request-Timeout": ("Request-Timeout", longest("9")),
    "Request-Timeout of zeros": ("Request-Timeout", longest("0", tail="x")),
    "X-Request-Id": ("X-Request-Id", longest("i")),
    "X-Forwarded-For": ("X-Forwarded-For", longest("203.0.113.7,")),
    "X-Forwarded-For of commas": ("X-Forwarded-For", longest(",")),
    "Origin": ("Origin", longest("a", head="https://")),
    "Range": ("Range", longest("0-1,", head="bytes=")),
    "Content-Type of parameters": ("Content-Type", longest(";a=b", head="application/json")),
    "Content-Type of quotes": ("Content-Type", longest('"', head="application/json;charset=")),
    "Content-Type of semicolons": ("Content-Type", longest("; ", head="application/json")),
    "Access-Control-Request-Headers": ("Access-Control-Request-Headers", longest("a,")),
}


QUERIED: Final = (
    "GET /v1/tasks",
    "GET /v1/orders",
    "GET /v1/tasks/<id:task_id>",
    "PATCH /v1/tasks/<id:task_id>",
)
WITH_FIELDS: Final = ("POST /v1/tasks", "GET /v1/tasks/<id:task_id>", "PATCH /v1/tasks/<id:task_id>", "GET /errors")


@pytest.mark.parametrize("name", QUERIES)
def test_the_worst_query(app: Flask, credentials: dict[str, str], name: str) -> None:
    table = {each.name: each for each in operations.table(app).values()}
    for operation in map(table.__getitem__, QUERIED):
        send = sender(app, operation, credentials, query=QUERIES[name], body=b"{}" if operation.consumes else None)
        assert send() in {200, 400, 404}
        assert is_cheaper(send, plain(FLOOR)), operation.name
        assert peak(send) < 4_000_000, operation.name


@pytest.mark.parametrize("name", HEADERS)
def test_the_worst_header_field(app: Flask, credentials: dict[str, str], name: str) -> None:
    field, value = HEADERS[name]
    table = {each.name: each for each in operations.table(app).values()}
    for operation in map(table.__getitem__, WITH_FIELDS):
        body = b'{"task":{"title":""}}' if operation.consumes else None
        send = sender(app, operation, {**credentials, field: value}, body=body)
        assert send() in {200, 400, 401, 404, 406, 415}
        assert is_cheaper(send, plain(FLOOR)), operation.name
        assert peak(send) < 4_000_000, operation.name
