"""Every operation with a body declares a maximum size: enough for valid bodies, and little more."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.rest import operations, scopes
from app.rest.operations import KIB, MIB, Operation
from app.rpc.services import METHODS
from tests.documents import inlined
from tests.response_checks import strict

NIL: Final = "00000000-0000-4000-8000-000000000000"
UNBOUNDED: Final = 128
"""Characters of a text without a maximum length in OpenAPI, such as a token or a password."""
SPARE: Final = 4
"""Maximum ratio of declared to required size: white space, and unknown members that get a 400 response."""
LENGTH: Final = re.compile(r"\{1,(\d+)\}\$$")
"""The end of a pattern that limits the length of a text."""
Bearer = Callable[..., dict[str, str]]


def with_bodies(app: Flask) -> list[Operation]:
    return [each for each in operations.table(app).values() if each.consumes]


@pytest.fixture(scope="module")
def document(app: Flask) -> Any:
    return inlined(strict(app.test_client().get("/openapi.json").get_data()))


def paths(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def test_every_operation_with_a_body_declares_its_size(app: Flask) -> None:
    """By ``max_bytes`` of its arguments or ``max_body_bytes`` of its blueprint; no operation uses the default."""
    assert [each.name for each in with_bodies(app) if each.max_body_bytes is None] == []


def test_public_operations_read_16_kib(app: Flask) -> None:
    public = {each.name: each.max_body_bytes for each in with_bodies(app) if each.scope is operations.PUBLIC}
    assert public
    assert set(public.values()) == {16 * KIB}


def test_no_size_exceeds_that_of_nginx(app: Flask) -> None:
    assert max(each.max_body_bytes or 0 for each in with_bodies(app)) == MIB == app.config["MAX_BODY_BYTES"]


def test_openapi_contains_the_size_and_the_413(document: Any, app: Flask) -> None:
    declared = {each.operation_id: each for each in with_bodies(app)}
    described = {each["operationId"]: each for _, each in paths(document) if "requestBody" in each}
    assert described.keys() == declared.keys()
    for name, each in described.items():
        size = declared[name].max_body_bytes
        assert each["x-max-body-bytes"] == size
        shown = each["responses"]["413"]["content"]["application/problem+json"]["examples"]["BODY_TOO_LARGE"]["value"]
        assert (shown["limit"], f"{size} bytes" in shown["detail"]) == (size, True)
    assert not [name for name, each in paths(document) if "x-max-body-bytes" in each and "requestBody" not in each]


def needed(schema: Any, document: Any, *, octets: int) -> int:
    """Return the bytes of the longest value that a schema accepts, without white space.

    Args:
        schema: A schema of OpenAPI.
        document: The document with the schemas that it refers to.
        octets: The number of bytes of a character.
    """
    if "$ref" in schema:
        return needed(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document, octets=octets)
    several = [needed(each, document, octets=octets) for key in ("allOf", "anyOf") for each in schema.get(key, ())]
    kinds = schema.get("type", "string")
    if "properties" in schema:
        members = ((name, each) for name, each in schema["properties"].items() if not each.get("readOnly"))
        return 2 + sum(len(name) + 4 + needed(each, document, octets=octets) for name, each in members)
    if "array" in kinds:
        return 2 + int(schema["maxItems"]) * (1 + needed(schema["items"], document, octets=octets))
    if "string" in kinds and "enum" not in schema:
        by_pattern = LENGTH.search(schema.get("pattern", ""))
        longest = schema.get("maxLength", by_pattern[1] if by_pattern else UNBOUNDED)
        return max([2 + octets * int(longest), *several])
    return max([20, *several])


def test_the_declared_size_fits_valid_bodies_and_little_more(document: Any) -> None:
    """All valid bodies in UTF-8, with four bytes a character; nearly all if written as escapes, three times as long."""
    described = [(name, each) for name, each in paths(document) if "requestBody" in each]
    for name, each in described:
        schema = each["requestBody"]["content"]["application/json"]["schema"]
        size = each["x-max-body-bytes"]
        assert needed(schema, document, octets=4) <= size, name
        assert size <= max(16 * KIB, SPARE * needed(schema, document, octets=12)), name
    assert len(described) > 12


class Counting(io.BytesIO):
    """Counts the bytes that are read."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.was_read = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.was_read += len(data)
        return data


def send(
    client: FlaskClient, operation: Operation, headers: dict[str, str], body: io.BytesIO, length: str
) -> tuple[int, Any]:
    method, _, path = operation.name.partition(" ")
    path = re.sub(r"<id:\w+>", NIL, path)
    framing = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": length}
    chunked = {} if length else {"Transfer-Encoding": "chunked"}
    answer = client.open(
        path,
        method=method,
        headers={**headers, **chunked, "If-Match": "*", "Content-Type": operation.consumes[0]},
        environ_overrides=framing,
    )
    return answer.status_code, strict(answer.get_data())


SCOPES: Final = " ".join(sorted(scopes.SCOPES))


def test_a_larger_body_is_413_and_not_read_completely(app: Flask, client: FlaskClient, bearer: Bearer) -> None:
    """With a Content-Length, none of it is read; if chunked, one byte more than the limit."""
    for operation in with_bodies(app):
        size = operation.max_body_bytes or 0
        headers = {} if operation.scope is operations.PUBLIC else bearer("sizes", scopes=SCOPES)
        declared, chunked = Counting(b" " * (4 * size)), Counting(b" " * (4 * size))
        status, answer = send(client, operation, headers, declared, str(4 * size))
        assert (status, answer["code"], answer["limit"]) == (413, "BODY_TOO_LARGE", size), operation.name
        assert declared.was_read == 0
        status, answer = send(client, operation, headers, chunked, "")
        assert (status, answer["code"], answer["limit"]) == (413, "BODY_TOO_LARGE", size), operation.name
        assert chunked.was_read == size + 1
        status, answer = send(client, operation, headers, io.BytesIO(b" " * size), str(size))
        assert (status, answer["code"]) in {(400, "EMPTY_BODY"), (403, "NOT_ACCOUNT_OWNER")}, operation.name


def test_grpc_messages_have_a_size_limit() -> None:
    sizes = {path.rpartition("/")[2]: method.max_bytes for path, method in METHODS.items()}
    assert {name for name, size in sizes.items() if size > 16 * KIB} == {"BatchCreateTasks"}
    assert sizes["BatchCreateTasks"] == MIB
