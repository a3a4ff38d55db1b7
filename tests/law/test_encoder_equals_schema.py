"""The compiled encoder and its schema write the same, for every schema and any value."""

import importlib
import pkgutil
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import marshmallow as ma
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire import fields, schemas
from app.wire.encoder import OPTIONS, Encoder
from app.wire.schemas.base import QuerySchema, Schema
from tests.examples import examples

pytestmark = pytest.mark.slow

NUMBERS = st.integers(-(2**63), 2**63 - 1)
AMOUNTS = st.decimals(0, 10**12, places=2)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))) | st.just(UTC)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
PLAIN = {
    fields.Name: st.uuids(),
    fields.Uuid: st.uuids(),
    fields.Boolean: st.booleans(),
    fields.Money: AMOUNTS,
    fields.Date: st.dates(),
    fields.Integer: NUMBERS,
    fields.Text: st.text(max_size=10),
}


def every_schema() -> Iterator[type[Schema]]:
    """Yield every schema of a JSON object."""
    for module in pkgutil.iter_modules(schemas.__path__):
        importlib.import_module(f"{schemas.__name__}.{module.name}")
    pending: list[type[Schema]] = Schema.__subclasses__()
    while pending:
        schema = pending.pop()
        if not issubclass(schema, QuerySchema) and schema.__module__.startswith("app."):
            yield schema
            pending += schema.__subclasses__()


def values(field: "ma.fields.Field[Any]") -> st.SearchStrategy[Any]:
    """Return a strategy of values for a field."""
    match field:
        case fields.EnumName() | fields.Choice():
            return st.sampled_from(list(field.names if isinstance(field, fields.EnumName) else field.members.values()))
        case fields.Timestamp():
            return st.datetimes(datetime(1900, 1, 2), datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001 -- hypothesis requires naive datetimes
        case fields.Listed():
            return st.lists(values(field.inner), max_size=3)
        case fields.Object():
            return objects(field.schema)
    return next((found for kind, found in PLAIN.items() if isinstance(field, kind)), JSON)


def objects(schema: ma.Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of values for a schema; any member may be unset."""
    return st.fixed_dictionaries(
        {field.attribute or name: st.none() | values(field) for name, field in schema.dump_fields.items()}
    )


def as_object(value: Any) -> Any:
    """Return a value with attributes instead of items."""
    if isinstance(value, dict) and all(name.isidentifier() for name in value):
        return SimpleNamespace(**{name: as_object(each) for name, each in value.items()})
    return [as_object(each) for each in value] if isinstance(value, list) else value


def rendered(value: Any) -> bytes:
    """Return the body that a client receives."""
    return orjson.dumps(value, option=OPTIONS)


SCHEMAS = sorted(set(every_schema()), key=lambda schema: schema.__name__)


def test_schemas_are_found() -> None:
    assert {"TaskSchema", "TaskListSchema", "TaskBatchSchema", "ReadinessSchema"} <= {
        schema.__name__ for schema in SCHEMAS
    }


@pytest.mark.parametrize("kind", SCHEMAS, ids=lambda kind: kind.__name__)
class TestEncoder:
    @settings(max_examples=examples(25), deadline=None)
    @given(data=st.data())
    def test_it_writes_the_same_as_marshmallow(self, kind: type[Schema], data: st.DataObject) -> None:
        schema = kind()
        encode = Encoder(schema)
        value = data.draw(objects(schema))
        dumped = rendered(schema.dump(value))
        assert rendered(encode(value)) == dumped

    @settings(max_examples=examples(15), deadline=None)
    @given(data=st.data())
    def test_a_projection_equals_that_part_of_the_whole(self, kind: type[Schema], data: st.DataObject) -> None:
        schema = kind()
        whole = Encoder(schema)
        value = data.draw(objects(schema))
        projects = getattr(schema, "projects", None)
        if projects is None:
            names = data.draw(st.sets(st.sampled_from(sorted(schema.dump_fields)))) if schema.dump_fields else set()
            assert whole.only(names)(value) == {name: said for name, said in whole(value).items() if name in names}
        else:
            names = data.draw(st.sets(st.sampled_from(["name", "title", "tags"])))
            part, said = whole.only(names)(value), whole(value)
            said[projects] = said[projects] and [
                {n: e for n, e in each.items() if n in names} for each in said[projects]
            ]
            assert part == said


@settings(max_examples=examples(50), deadline=None)
@given(data=st.data())
def test_a_row_or_an_entity_is_written_like_a_dict(data: st.DataObject) -> None:
    schema = next(kind for kind in SCHEMAS if kind.__name__ == "TaskListSchema")()
    value = data.draw(objects(schema))
    assert Encoder(schema)(as_object(value)) == Encoder(schema)(value)


@settings(max_examples=examples(50), deadline=None)
@given(data=st.data())
def test_rows_are_read_by_position_with_the_same_result(data: st.DataObject) -> None:
    """With any additional columns, in any order."""
    schema = next(kind for kind in SCHEMAS if kind.__name__ == "TaskListSchema")()
    value = data.draw(objects(schema).filter(lambda value: value["tasks"]))
    names = data.draw(st.permutations([*value["tasks"][0], "version"]))
    row = namedtuple("Row", names)  # type: ignore[misc]
    rows = [row(**{**task, "version": 1}) for task in value["tasks"]]
    assert Encoder(schema)({**value, "tasks": rows}) == Encoder(schema)(value)


@pytest.mark.parametrize("kind", SCHEMAS, ids=lambda kind: kind.__name__)
def test_every_schema_of_the_service_is_compiled(kind: type[Schema]) -> None:
    assert Encoder(kind).uncovered is None


def test_a_value_that_is_not_a_schema_is_rejected() -> None:
    with pytest.raises(TypeError, match="is not a schema"):
        Encoder(1)  # type: ignore[arg-type]  # tested here
