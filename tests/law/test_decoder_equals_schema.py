"""The compiled decoder and its schema return the same values and violations for any JSON."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import marshmallow as ma
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errs.error import Error, Violation
from app.wire import fields
from app.wire.decode_context import DecodeContext, under_way
from app.wire.decoder import Decoder
from app.wire.locations import LONGEST_NAME
from app.wire.schemas.base import Path, QuerySchema, Schema, dotted_path, inside
from app.wire.schemas.lists import ListSchema
from app.wire.validators import Breach
from tests.examples import examples
from tests.law.test_encoder_equals_schema import JSON, SCHEMAS

NOW: Final = datetime(2026, 11, 28, tzinfo=UTC)
READINGS: Final = st.sampled_from([DecodeContext(NOW), DecodeContext(NOW, {"update_mask": ("title", "due_date")})])
PLAIN: Final = ("", " ", "a", "Home", "x" * 300, "\x07", "4.90", "EUR", "alice@example.com", "items", "-1", "7", "dark")
FITTING: Final = (
    "2020-01-01T00:00:00Z",
    "2099-01-31T12:00:00Z",
    "STATUS_PENDING",
    "PRIORITY_UNSPECIFIED",
    "Europe/Berlin",
    "de-CH",
    "INFO",
    "title,tags",
    "status = PENDING",
    "title desc",
    "correct horse battery staple",
)
LEAVES: Final = (
    st.sampled_from(PLAIN) | st.sampled_from(FITTING) | st.none() | st.integers(-1, 2) | st.floats(0, 1) | st.booleans()
)
ODD_NAMES: Final = st.sampled_from(["colour", "_schema", "x~/y", "z" * 2 * LONGEST_NAME, "id", "name"])


def queries() -> Iterator[type[QuerySchema]]:
    """Yield the schema of every query."""
    pending: list[type[QuerySchema]] = [QuerySchema]
    while pending:
        kind = pending.pop()
        if kind.__module__.startswith("app.") and not kind.__name__.startswith("_") and kind is not ListSchema:
            yield kind
        pending += kind.__subclasses__()


def sent(schema: ma.Schema) -> st.SearchStrategy[Any]:
    """Return a strategy of input for a schema: mostly objects, with its members and with others."""
    members = {name: _value(field) for name, field in schema.fields.items()}
    required = {name: value for name, value in members.items() if schema.fields[name].required}
    others = {name: value for name, value in members.items() if name not in required}
    whole = st.fixed_dictionaries(required, optional=others)
    odd = st.dictionaries(ODD_NAMES, JSON, max_size=2)
    parts = st.builds(lambda some, more: {**more, **some}, st.fixed_dictionaries({}, optional=members), odd)
    return st.one_of(whole, whole, parts, LEAVES, st.lists(LEAVES, max_size=2))


def _value(field: "ma.fields.Field[Any]") -> st.SearchStrategy[Any]:
    match field:
        case fields.Listed():
            return st.lists(_value(field.inner), max_size=4) | st.just(["a"] * (field.longest + 1)) | LEAVES
        case fields.Object():
            return sent(field.schema)
    return LEAVES


def by_marshmallow(schema: Schema, data: Any) -> tuple[Any, list[Violation]]:
    """Return the result of the schema, or its violations, sorted by its tree of messages."""
    try:
        return schema.load(data), []
    except ma.ValidationError as error:
        return None, [_violation(schema, path, each) for path, each in _leaves(schema, error.messages, ())]


def _violation(schema: Schema, path: Path, breach: Breach | Violation) -> Violation:
    if isinstance(breach, Violation):
        return breach
    if isinstance(schema, QuerySchema):
        name = str(path[0]) if path else "query"
        return Violation(name, breach.code, f"{name} {breach.message}", parameter=name)
    name = dotted_path(path, schema.relative_to)
    pointer = "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
    return Violation(name, breach.code, f"{name} {breach.message}", pointer=pointer)


def _leaves(schema: ma.Schema | None, messages: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield the messages of the object itself, of its members in order, and of unknown members by name."""
    if not isinstance(messages, dict):
        yield from ((path, each) for each in messages)
        return
    order = list(schema.fields) if schema else []

    def is_of_itself(step: Any) -> bool:
        return step == ma.exceptions.SCHEMA and not any(each.code.startswith("UNKNOWN") for each in messages[step])

    def place(step: Any) -> tuple[bool, int, str]:
        index = step if isinstance(step, int) else order.index(step) if step in order else len(order)
        return not is_of_itself(step), index, str(step)

    for step in sorted(messages, key=place):
        inner = schema if isinstance(step, int) or schema is None else inside(schema.fields.get(step))
        told = step[:LONGEST_NAME] if isinstance(step, str) else step
        yield from _leaves(inner, messages[step], path if is_of_itself(step) else (*path, told))


def compared(schema: Schema, data: Any, reading: DecodeContext) -> tuple[Any, list[Violation]]:
    """Return the results of both."""
    violations: list[Violation] = []
    token = under_way.set(reading)
    try:
        there = _outcome(lambda: by_marshmallow(schema, data))
    finally:
        under_way.reset(token)
    here = _outcome(lambda: (Decoder(schema)(data, reading, violations), violations))
    assert here == there
    return here


def _outcome(read: Callable[[], tuple[Any, list[Violation]]]) -> tuple[Any, list[Violation]]:
    """Return the result; of an error that ends decoding at once, its message."""
    try:
        return read()
    except Error as error:
        return str(error), []


EVERY: Final = [*SCHEMAS, *sorted(queries(), key=lambda kind: kind.__name__)]


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
@settings(max_examples=examples(50), deadline=None)
@given(data=st.data())
def test_both_return_the_same(kind: type[Schema], data: st.DataObject) -> None:
    schema = kind()
    compared(schema, data.draw(sent(schema)), data.draw(READINGS))


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("CreateTaskRequestSchema", {"task": {"title": "Buy milk", "tags": ["home"], "create_time": "ignored"}}, []),
        (
            "CreateTaskRequestSchema",
            {"task": {"tags": ["Home", "Home", "b", "b"], "due_date": "2020-01-01T00:00:00Z", "colour": "red"}},
            ["title", "due_date", "tags[0]", "tags[1]", "tags[3]", "colour"],
        ),
        ("CreateTaskRequestSchema", {"_schema": 1, "a/b": 2}, ["task", "_schema", "a/b"]),
        (
            "BatchCreateTasksRequestSchema",
            {"requests": [{"task": {"title": "x" * 201, "tags": 1}}, {"task": {"title": "x" * 201}}], "more": 1},
            ["requests[0].task.title"] * 2 + ["requests[0].task.tags"] + ["requests[1].task.title"] * 2 + ["more"],
        ),
        (
            "OrderCreateSchema",
            {"customer_id": "a", "currency": "EUR", "items": [{"sku": ""}, 1]},
            ["items[0].sku", "items[0].quantity", "items[1]"],
        ),
    ],
)
def test_violations_are_in_the_order_of_the_members(name: str, body: Any, told: list[str]) -> None:
    schema = next(kind for kind in SCHEMAS if kind.__name__ == name)()
    value, violations = compared(schema, body, DecodeContext(NOW))
    assert [each.field for each in violations] == told
    assert (value is None) == bool(told)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_schema_of_the_service_is_compiled(kind: type[Schema]) -> None:
    assert Decoder(kind).uncovered is None


@pytest.mark.parametrize("schema", [1, "TaskSchema", sorted, dict, None])
def test_a_value_that_is_not_a_schema_is_rejected(schema: Any) -> None:
    with pytest.raises(TypeError, match=r"is not a schema\. Use a marshmallow Schema class"):
        Decoder(schema)
