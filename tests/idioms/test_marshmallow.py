"""marshmallow, as in its quick start, on a schema of a blueprint: every hook is called, every rule applies."""

from dataclasses import dataclass
from datetime import UTC
from itertools import count
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask
from marshmallow import EXCLUDE, INCLUDE, RAISE, ValidationError, validate
from marshmallow import fields as mf

from tests.idioms.kit import INVALID, ON_FLASK, PUBLIC, Blueprint, fields

pytestmark = pytest.mark.slow


@pytest.fixture
def loads(app: Flask, api: Any):
    """Return a function that posts a value to an operation with this schema; the response has its ``repr``."""

    def send(schema, value, *, shown=repr):
        blp = Blueprint("pets", __name__, url_prefix="/pets", scope=PUBLIC)

        @blp.route("", methods=["POST"])
        @blp.arguments(schema)
        @blp.response(200)
        def create(pet):
            """Create a pet."""
            return app.response_class(shown(pet), mimetype="text/plain")

        api.register_blueprint(blp)
        return app.test_client().post("/pets", json=value)

    return send


def rejected(response, **expected: list[str]) -> list[dict[str, Any]]:
    """Assert that exactly these fields are rejected; on plain flask-smorest, that the request is rejected."""
    assert response.status_code == INVALID, response.text
    if ON_FLASK:
        assert set(response.json["errors"]["json"]) >= {name for name in expected if name.isidentifier()}
        return []
    found = fields(response)
    assert found.keys() == expected.keys()
    for name, messages in expected.items():
        mine = [each["message"] for each in response.json["errors"] if each["field"] == name]
        assert all(any(message in one for one in mine) for message in messages), mine
        assert all(code.isupper() for code in found[name])
    return response.json["errors"]


class PetSchema(ma.Schema):
    """A pet with fields of marshmallow."""

    name = mf.String(required=True)
    age = mf.Integer()


def test_plain_fields(loads) -> None:
    assert loads(PetSchema, {"name": "Max", "age": 3}).text == "{'name': 'Max', 'age': 3}"


def test_all_violations_are_reported_together(loads) -> None:
    errors = rejected(loads(PetSchema, {"age": "old"}), name=[], age=[])
    if not ON_FLASK:
        assert {each["pointer"] for each in errors} == {"#/name", "#/age"}
        assert {each["field"]: each["code"] for each in errors}["name"] == "REQUIRED_FIELD"


def test_a_schema_from_a_dict(loads) -> None:
    assert loads(ma.Schema.from_dict({"name": mf.Str()}), {"name": "Max"}).text == "{'name': 'Max'}"


@pytest.mark.parametrize(
    ("field", "sent", "loaded"),
    [
        (mf.Float(), 1.5, "1.5"),
        (mf.Boolean(), True, "True"),
        (mf.Decimal(as_string=True), "1.50", "Decimal('1.50')"),
        (mf.Date(), "2026-01-02", "datetime.date(2026, 1, 2)"),
        (mf.Time(), "10:30:00", "datetime.time(10, 30)"),
        (mf.TimeDelta(), 60, "datetime.timedelta(seconds=60)"),
        (mf.UUID(), "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33", "UUID('8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33')"),
        (mf.Email(), "ada@example.com", "'ada@example.com'"),
        (mf.URL(), "https://example.com/", "'https://example.com/'"),
        (mf.IP(), "192.0.2.1", "IPv4Address('192.0.2.1')"),
        (mf.List(mf.Integer()), [1, 2], "[1, 2]"),
        (mf.Dict(keys=mf.Str(), values=mf.Int()), {"a": 1}, "{'a': 1}"),
        (mf.Tuple((mf.Str(), mf.Int())), ["a", 1], "('a', 1)"),
        (mf.Nested(PetSchema), {"name": "Max"}, "{'name': 'Max'}"),
        (mf.List(mf.Nested(PetSchema)), [{"name": "Max"}], "[{'name': 'Max'}]"),
        (mf.Nested(PetSchema, many=True), [{"name": "Max"}], "[{'name': 'Max'}]"),
        (mf.Pluck(PetSchema, "name"), "Max", "{'name': 'Max'}"),
        (mf.Raw(), {"any": ["thing"]}, "{'any': ['thing']}"),
        (mf.Constant(7), 3, "7"),
        (mf.Date("%d.%m.%Y"), "02.01.2026", "datetime.date(2026, 1, 2)"),
        (
            mf.AwareDateTime(default_timezone=UTC),
            "2026-01-02T03:04:05",
            "datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)",
        ),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, mf.Field) else "",
)
def test_the_fields_of_marshmallow(loads, field, sent, loaded: str) -> None:
    schema = ma.Schema.from_dict({"value": field})
    assert loads(schema, {"value": sent}, shown=lambda pet: repr(pet["value"])).text == loaded


def test_validators(loads) -> None:
    schema = ma.Schema.from_dict(
        {
            "name": mf.Str(validate=validate.Length(min=2, error="is too short")),
            "age": mf.Int(validate=[validate.Range(min=0, max=30)]),
            "kind": mf.Str(validate=validate.OneOf(["cat", "dog"])),
            "code": mf.Str(validate=validate.Regexp(r"^[A-Z]+$")),
        }
    )
    bad = {"name": "x", "age": 31, "kind": "cow", "code": "x"}
    rejected(loads(schema, bad), name=["is too short"], age=["30"], kind=["cat"], code=[])


def test_a_custom_validator(loads) -> None:
    def must_not_be_blank(data):
        if not data.strip():
            raise ValidationError("Data not provided.")

    schema = ma.Schema.from_dict({"name": mf.Str(validate=must_not_be_blank)})
    rejected(loads(schema, {"name": " "}), name=["Data not provided."])


def test_validates(loads) -> None:
    class StockSchema(ma.Schema):
        quantity = mf.Integer()

        @ma.validates("quantity")
        def validate_quantity(self, value, data_key):
            if value < 0:
                raise ValidationError("Quantity must be greater than 0.")

    rejected(loads(StockSchema, {"quantity": -1}), quantity=["Quantity must be greater than 0."])


def test_validates_schema(loads) -> None:
    class NumberSchema(ma.Schema):
        a = mf.Integer(required=True)
        b = mf.Integer(required=True)

        @ma.validates_schema
        def validate_numbers(self, data, **kwargs):
            if data["b"] >= data["a"]:
                raise ValidationError("a must be greater than b", "b")

    rejected(loads(NumberSchema, {"a": 1, "b": 2}), b=["a must be greater than b"])


def test_validates_schema_without_a_field(loads) -> None:
    class NumberSchema(ma.Schema):
        a = mf.Integer()

        @ma.validates_schema
        def check(self, data, **kwargs):
            raise ValidationError("all of it is wrong")

    response = loads(NumberSchema, {"a": 1})
    assert response.status_code == INVALID
    assert "all of it is wrong" in response.text


def test_pre_and_post_load(loads) -> None:
    @dataclass
    class User:
        name: str
        slug: str

    class AuthorSchema(ma.Schema):
        name = mf.Str()
        slug = mf.Str()

        @ma.pre_load
        def slugify_name(self, in_data, **kwargs):
            return {**in_data, "slug": in_data["name"].lower().replace(" ", "-")}

        @ma.post_load
        def make_author(self, data, **kwargs):
            return User(**data)

    assert loads(AuthorSchema, {"name": "Ada Lovelace"}, shown=lambda user: user.slug).text == "ada-lovelace"


def test_hooks_of_a_nested_schema(loads) -> None:
    class Inner(ma.Schema):
        name = mf.Str()

        @ma.post_load
        def shout(self, data, **kwargs):
            return data["name"].upper()

        @ma.validates("name")
        def check(self, value, data_key):
            if value == "bad":
                raise ValidationError("is bad")

    class Outer(ma.Schema):
        inner = mf.Nested(Inner)

    assert loads(Outer, {"inner": {"name": "max"}}).text == "{'inner': 'MAX'}"


def test_a_nested_violation_has_its_pointer(loads) -> None:
    schema = ma.Schema.from_dict({"pets": mf.List(mf.Nested(PetSchema))}, name="PetsSchema")
    response = loads(schema, {"pets": [{"name": "a"}, {"age": "x"}]})
    errors = rejected(response, **{"pets[1].name": [], "pets[1].age": []})
    assert ON_FLASK or {each["pointer"] for each in errors} == {"#/pets/1/name", "#/pets/1/age"}


@pytest.mark.parametrize(
    ("unknown", "loaded"), [(EXCLUDE, "{'name': 'Max'}"), (INCLUDE, "{'name': 'Max', 'other': 1}"), (RAISE, None)]
)
def test_unknown_fields(loads, unknown, loaded) -> None:
    meta = type("Meta", (), {"unknown": unknown})
    schema = type("UnknownSchema", (ma.Schema,), {"Meta": meta, "name": mf.Str()})
    response = loads(schema, {"name": "Max", "other": 1})
    if loaded:
        assert response.text == loaded
    else:
        errors = rejected(response, other=[])
        assert ON_FLASK or [each["code"] for each in errors] == ["UNKNOWN_FIELD"]


def test_partial_loading(loads) -> None:
    assert loads(PetSchema(partial=True), {"age": 3}).text == "{'age': 3}"


def test_a_list_at_the_top(loads) -> None:
    assert loads(PetSchema(many=True), [{"name": "a"}, {"name": "b"}]).text == "[{'name': 'a'}, {'name': 'b'}]"


def test_only_and_exclude(loads) -> None:
    assert loads(PetSchema(only=("name",)), {"name": "Max"}).text == "{'name': 'Max'}"


def test_load_default_is_called_for_each_request(app: Flask, api, loads) -> None:
    numbers = count()
    schema = ma.Schema.from_dict(
        {"number": mf.Int(load_default=lambda: next(numbers)), "kind": mf.Str(load_default="x")}
    )
    first = loads(schema, {}).text
    second = app.test_client().post("/pets", json={}).text
    assert first != second
    assert "'kind': 'x'" in first


def test_data_key_and_attribute(loads) -> None:
    schema = ma.Schema.from_dict({"name": mf.Str(data_key="petName", attribute="title", required=True)})
    assert loads(schema, {"petName": "Max"}).text == "{'title': 'Max'}"


def test_a_violation_has_the_data_key(loads) -> None:
    rejected(loads(ma.Schema.from_dict({"name": mf.Int(data_key="petName")}), {"petName": "x"}), petName=[])


def test_custom_messages(loads) -> None:
    schema = ma.Schema.from_dict(
        {"name": mf.Str(required=True, error_messages={"required": "What is it called?"}), "age": mf.Int(strict=True)}
    )
    rejected(loads(schema, {"age": 1.5}), name=["What is it called?"], age=[])


def test_null_and_output_only_fields(loads) -> None:
    schema = ma.Schema.from_dict(
        {"name": mf.Str(allow_none=True), "id": mf.Int(dump_only=True), "pw": mf.Str(load_only=True)}
    )
    assert loads(schema, {"name": None, "pw": "x"}).text == "{'name': None, 'pw': 'x'}"


def test_null_is_a_violation_by_default(loads) -> None:
    rejected(loads(PetSchema, {"name": None}), name=[])


def test_a_custom_field_class(loads) -> None:
    class PinCode(mf.Field):
        def _deserialize(self, value, attr, data, **kwargs):
            try:
                return [int(c) for c in value]
            except ValueError as error:
                raise ValidationError("Pin codes must contain only digits.") from error

    assert loads(ma.Schema.from_dict({"pin": PinCode()}), {"pin": "123"}).text == "{'pin': [1, 2, 3]}"


def test_method_and_function_fields(loads) -> None:
    class Sized(ma.Schema):
        size = mf.Method(deserialize="read_size")
        shout = mf.Function(deserialize=str.upper)

        def read_size(self, value):
            return len(value)

    assert loads(Sized, {"size": "abc", "shout": "x"}).text == "{'size': 3, 'shout': 'X'}"
