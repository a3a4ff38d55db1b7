"""Schemas in the style of marshmallow's manual are dumped by marshmallow, and the result is valid JSON."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final, NamedTuple
from uuid import UUID

import flask
import marshmallow as ma
import pytest

from app.wire import fields
from app.wire.encoder import Encoder, dumps
from app.wire.schemas.base import Schema

ID: Final = UUID("8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33")
MOMENT: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Colour(Enum):
    RED = 1


class Row(NamedTuple):
    name: str
    tags: Any


class Part(ma.Schema):
    name = ma.fields.Str()
    size = ma.fields.Integer()


class Everything(ma.Schema):
    price = ma.fields.Decimal()
    at = ma.fields.DateTime()
    id = ma.fields.UUID()
    part = ma.fields.Nested(Part)
    parts = ma.fields.List(ma.fields.Nested(Part))
    band = ma.fields.Nested(Part, many=True)
    counts = ma.fields.Dict(keys=ma.fields.Integer(), values=ma.fields.Decimal())
    shout = ma.fields.Method("shouted")
    half = ma.fields.Function(lambda thing: thing["price"] / 2)
    colour = ma.fields.Enum(Colour)
    kind = ma.fields.Constant("thing")
    label = ma.fields.Pluck(Part, "name")
    camel = ma.fields.Str(data_key="camelCase", attribute="deep.camel")
    quiet = ma.fields.Str(dump_default="shh")
    secret = ma.fields.Str(load_only=True)

    def shouted(self, thing: dict[str, Any]) -> str:
        return str(thing["colour"].name) + "!"


THING: Final = {
    "price": Decimal("1.50"),
    "at": MOMENT,
    "id": ID,
    "part": {"name": "a", "size": 1, "more": 2},
    "parts": [{"name": "b"}],
    "band": [{"name": "c"}],
    "counts": {1: Decimal("2.0")},
    "colour": Colour.RED,
    "label": {"name": "d"},
    "deep": {"camel": "e"},
    "secret": "f",
}


def test_a_plain_schema_is_dumped_by_marshmallow_and_rendered() -> None:
    assert json.loads(dumps(Encoder(Everything)(THING))) == {
        "price": "1.50",
        "at": "2026-11-28T12:00:00+00:00",
        "id": str(ID),
        "part": {"name": "a", "size": 1},
        "parts": [{"name": "b"}],
        "band": [{"name": "c"}],
        "counts": {"1": "2.0"},
        "shout": "RED!",
        "half": "0.75",
        "colour": "RED",
        "kind": "thing",
        "label": "d",
        "camelCase": "e",
        "quiet": "shh",
    }


def test_excluded_members_are_left_out() -> None:
    assert Encoder(Everything).only(["camelCase", "kind", "price"])(THING) == {
        "price": Decimal("1.50"),
        "kind": "thing",
        "camelCase": "e",
    }
    assert Encoder(Part(many=True)).only(["name"])([{"name": "a", "size": 1}]) == [{"name": "a"}]


def test_a_projection_applies_to_nested_schemas() -> None:
    class Page(ma.Schema):
        projects = "items"
        items_ = ma.fields.List(ma.fields.Nested(Part), data_key="items", attribute="items")
        total = ma.fields.Integer()

    page = {"items": [{"name": "a", "size": 1}], "total": 1}
    assert Encoder(Page).only(["size"])(page) == {"items": [{"size": 1}], "total": 1}
    assert Encoder(Page).only(["size"])({"items": None, "total": 1}) == {"items": None, "total": 1}


class TestCompiledSchemas:
    class Item(Schema):
        name = fields.Text()
        tags = fields.Listed(fields.Name("tags"), longest=3)

    def test_many_is_a_list(self) -> None:
        encode = Encoder(self.Item(many=True))
        assert encode.uncovered is None
        assert encode([{"name": "a", "tags": [1, None]}]) == [{"name": "a", "tags": ["tags/1", None]}]
        assert encode([Row("a", None)]) == [{"name": "a", "tags": None}]
        assert encode(iter([{"name": "a", "tags": None}])) == [{"name": "a", "tags": None}]
        assert encode([]) == []

    @pytest.mark.parametrize("make", [dict, MappingProxyType, lambda value: SimpleNamespace(**value)])
    def test_a_missing_member_is_left_out(self, make: Any) -> None:
        assert Encoder(self.Item)(make({"name": "a"})) == {"name": "a"}
        assert Encoder(self.Item).only(["tags"])(make({"name": "a"})) == {}

    def test_an_iterator_is_consumed_once(self) -> None:
        assert Encoder(self.Item)({"tags": iter([1, 2])}) == {"tags": ["tags/1", "tags/2"]}

    def test_mapping_items_take_precedence_over_attributes(self) -> None:
        class Both:
            name = "attribute"

            def __getitem__(self, key: str) -> Any:
                return {"name": "item", "tags": None}[key]

        assert Encoder(self.Item)(Both()) == {"name": "item", "tags": None}

    def test_hooks_are_called_once(self) -> None:
        calls = []

        class Hooked(self.Item):  # type: ignore[name-defined,misc]
            @ma.pre_dump
            def before(self, value: Any, **_: Any) -> Any:
                calls.append("before")
                return value

            @ma.post_dump(pass_collection=True)
            def after(self, value: Any, **_: Any) -> Any:
                calls.append("after")
                return {"data": value}

        assert Encoder(Hooked)({"name": "a"}) == {"data": {"name": "a"}}
        assert calls == ["before", "after"]

    def test_an_error_of_a_hook_is_raised(self) -> None:
        class Faulty(ma.Schema):
            @ma.post_dump
            def after(self, value: Any, **_: Any) -> Any:
                raise KeyError("own")

        with pytest.raises(KeyError, match="own"):
            Encoder(Faulty)({})

    def test_an_unusual_attribute_name_is_not_executed_as_code(self) -> None:
        odd = Schema.from_dict({"a-b": fields.Text(), "class": fields.Text()})
        assert Encoder(odd)({"a-b": "1", "class": "2"}) == {"a-b": "1", "class": "2"}


@dataclass
class Point:
    x: int


class Html:
    def __html__(self) -> str:
        return "<b>"

    def __repr__(self) -> str:
        """Return the same text in every process, because it is part of a test's name."""
        return "Html()"


class TestDumps:
    @pytest.mark.parametrize(
        "value",
        [
            {"a": Decimal("1.10"), "b": ID, "c": Point(1), "d": Html(), "e": [1, None, True, "é", 1.5], "f": (1, 2)},
            {"big": 2**70, "list": [{"n": -(2**64)}]},
            {"1": 2, "nested": {"a": {"b": Decimal(3)}, "big": 2**70}},
            {1: 2},
            {None: 1},
            {True: 1},
            {1.5: 1},
            {"half": "\ud800"},
            Row("a", Decimal(2)),
        ],
        ids=repr,
    )
    def test_the_result_equals_that_of_flask(self, value: Any) -> None:
        provider = flask.Flask(__name__).json
        assert json.loads(dumps(value)) == json.loads(provider.dumps(value))

    def test_times_are_rfc_3339(self) -> None:
        assert dumps([MOMENT, date(2026, 1, 2)]) == b'["2026-11-28T12:00:00Z","2026-01-02"]'
        assert json.loads(dumps({1: MOMENT})) == {"1": "2026-11-28T12:00:00Z"}

    def test_nan_and_infinity_become_null(self) -> None:
        assert dumps([float("nan"), 2**70, float("inf")]) == b"[null,1180591620717411303424,null]"

    def test_sets_and_iterators_become_lists(self) -> None:
        assert dumps([{1}, iter([2]), MappingProxyType({"a": 1})]) == b'[[1],[2],{"a":1}]'

    @pytest.mark.parametrize("value", [object(), b"bytes", {"a": object(), 1: 2}])
    def test_another_type_is_an_error(self, value: Any) -> None:
        with pytest.raises(TypeError):
            dumps(value)
