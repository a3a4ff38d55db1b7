"""A NUL character is valid in JSON (RFC 8259, section 7), but not in PostgreSQL: it is a violation of its member.

The sweep reads members and parameters from the OpenAPI document, which includes operations that are added later.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from flask import Flask

from app.extensions import db
from tests.api.caller import BATCH, TASKS, Caller, violated
from tests.samples import BODIES, PATHS
from tests.sent_statements import seen

NUL: Final = "a\0B"
Path = tuple[str | int, ...]
OPERATION: Final = re.compile(r"(\w+) (.*)")
SAMPLES: Final = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", name): body for name, body in BODIES.items()}


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document."""
    document: dict[str, Any] = app.test_client().get("/openapi.json").get_json()
    return document


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """Return the statements whose parameters had a NUL character."""
    found: list[str] = []

    def see(statement: str, parameters: Any) -> None:
        if "\\x00" in repr(parameters) or "\\u0000" in repr(parameters):
            found.append(statement)

    with app.app_context(), seen(db.engine, see):
        yield found


def resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that a reference names, or the schema itself."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def texts(document: Mapping[str, Any], schema: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Yield the location of every text that a client may send."""
    schema = resolved(document, schema)
    if schema.get("readOnly"):
        return
    types = schema.get("type")
    if "string" in ([types] if isinstance(types, str) else types or ["string"] if "enum" in schema else types or []):
        yield path
    for each in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from texts(document, each, path)
    for name, each in schema.get("properties", {}).items():
        yield from texts(document, each, (*path, name))
    if "items" in schema:
        yield from texts(document, schema["items"], (*path, 0))


def put(body: Any, path: Path) -> Any:
    """Return a body with NUL at a location; missing objects and lists on the way are added."""
    if not path:
        return NUL
    if isinstance(path[0], int):
        inner = body[0] if isinstance(body, list) and body else None
        return [put(inner, path[1:])]
    members = dict(body) if isinstance(body, dict) else {}
    return {**members, path[0]: put(members.get(path[0]), path[1:])}


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the method, the path and the description of every operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                yield method.upper(), path, operation


def url(path: str) -> str:
    """Return a path with a sample for each parameter."""
    for parameter, value in PATHS.items():
        path = path.replace(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", parameter), value)
    return path


def bodies(document: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Path], Any]]:
    """Yield method, path and the locations of texts of every operation that reads JSON, and a valid body."""
    for method, path, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            found = list(dict.fromkeys(texts(document, content["application/json"]["schema"])))
            yield method, url(path), found, SAMPLES[f"{method} {path}"]


def pointer(path: Path) -> str:
    """Return the JSON pointer of a location (RFC 6901)."""
    return "#" + "".join(f"/{step}" for step in path)


def pointers(document: Mapping[str, Any]) -> list[str]:
    """Return the locations of violations, except those of a length, which a text may have as well."""
    return [each["pointer"] for each in document["errors"] if "pointer" in each and "TOO_" not in each["code"]]


def test_every_text_of_every_body_is_a_violation_of_its_member(
    admin: Caller, document: dict[str, Any], statements: list[str]
) -> None:
    swept = 0
    for method, path, places, sample in bodies(document):
        for place in places:
            response = admin.send(method, path, json=put(copy.deepcopy(sample), place))
            assert response.status_code == 400, (method, path, place, response.get_json())
            assert response.json is not None
            assert response.json["code"] == "VALIDATION_FAILED", (method, path, place)
            assert pointers(response.json).count(pointer(place)) == 1, (method, path, place, response.json["errors"])
            swept += 1
    assert swept > 30
    assert statements == []


def test_all_texts_of_a_body_are_listed_at_once(admin: Caller, document: dict[str, Any]) -> None:
    for method, path, places, sample in bodies(document):
        body = copy.deepcopy(sample)
        for place in places:
            body = put(body, place)
        response = admin.send(method, path, json=body)
        assert response.json is not None
        assert sorted(pointers(response.json)) == sorted(map(pointer, places)), (method, path)


def test_no_query_parameter_accepts_one(admin: Caller, document: dict[str, Any], statements: list[str]) -> None:
    swept = 0
    for method, path, operation in operations(document):
        for each in operation.get("parameters", ()):
            named = each.get("$ref", "").rpartition("/")[2]
            parameter = document["components"]["parameters"][named] if named else each
            if parameter["in"] == "query":
                response = admin.send(method, url(path), query_string={parameter["name"]: NUL}, json={})
                assert response.status_code == 400, (method, path, parameter["name"])
                swept += 1
    assert swept >= 10
    assert statements == []


def test_no_path_parameter_accepts_one(admin: Caller, document: dict[str, Any], statements: list[str]) -> None:
    for method, path, _ in operations(document):
        if "{" in path:
            response = admin.send(method, re.sub(r"\{\w+\}", "a%00b", path), json={})
            assert response.status_code in {400, 404, 428}, (method, path, response.status_code)
    assert statements == []


@pytest.mark.parametrize(
    "value",
    ["title = 'a\0b'", "title = a\0", "a\0b = 'x'", "title = 'x' AND \0"],
    ids=ascii,
)
@pytest.mark.parametrize("parameter", ["filter", "order_by", "fields"])
def test_no_filter_accepts_one(alice: Caller, parameter: str, value: str) -> None:
    assert violated(alice.get(TASKS, query_string={parameter: value})) == [(parameter, "INVALID_FORMAT")]


def test_no_page_token_accepts_one(alice: Caller) -> None:
    assert alice.get(TASKS, query_string={"page_token": "a\0b"}).json["code"] == "INVALID_PAGE_TOKEN"  # type: ignore[index]  # a document


class TestCombinations:
    """All violations of a body, in the order of its members."""

    def test_ok(self, alice: Caller) -> None:
        body = {"task": {"title": "a\0b", "tags": ["BAD"]}}
        assert violated(alice.post(json=body)) == [("title", "INVALID_FORMAT"), ("tags[0]", "INVALID_TAG_FORMAT")]

    def test_the_order_is_that_of_the_members(self, alice: Caller) -> None:
        body = {"x\0": 1, "task": {"tags": ["ok", "a\0"], "colour": "\0", "description": "\0", "title": " "}}
        assert violated(alice.post(json=body)) == [
            ("title", "TOO_SHORT"),
            ("description", "INVALID_FORMAT"),
            ("tags[1]", "INVALID_TAG_FORMAT"),
            ("colour", "UNKNOWN_FIELD"),
            ("x\ufffd", "UNKNOWN_FIELD"),
        ]

    def test_a_text_that_is_also_too_long_has_both_violations(self, alice: Caller) -> None:
        body = {"task": {"title": "a\0" * 101}}
        assert sorted(violated(alice.post(json=body))) == [("title", "INVALID_FORMAT"), ("title", "TOO_LONG")]

    def test_the_item_of_a_batch_is_named(self, alice: Caller) -> None:
        response = alice.post(BATCH, json={"requests": [{"task": {"title": "a"}}, {"task": {"title": "b\0"}}]})
        assert violated(response) == [("requests[1].task.title", "INVALID_FORMAT")]
        assert alice.titles() == []

    @pytest.mark.parametrize("body", ["\0", ["\0"], [[{"\0": "\0"}]]], ids=ascii)
    def test_a_body_that_is_not_an_object_has_only_the_type_violation(self, alice: Caller, body: Any) -> None:
        assert violated(alice.post(json=body)) == [("body", "INVALID_TYPE")]

    def test_a_part_of_an_unknown_member_is_not_listed_again(self, alice: Caller) -> None:
        body = {"task": {"title": "a", "colour": {"deep": ["\0"]}}}
        assert violated(alice.post(json=body)) == [("colour", "UNKNOWN_FIELD")]

    def test_an_escaped_backslash_before_u0000_is_valid(self, alice: Caller) -> None:
        assert alice.task("a\\u0000b")["title"] == "a\\u0000b"

    @pytest.mark.parametrize("body", [b'{"task": {"title": "a\0"}}', b'\0{"task": {}}', "{}".encode("utf-16-le")])
    def test_a_raw_nul_is_not_json(self, alice: Caller, body: bytes) -> None:
        response = alice.post(data=body, content_type="application/json")
        assert response.json is not None
        assert response.json["code"] == "MALFORMED_JSON"
