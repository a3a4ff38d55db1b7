"""Schemas in the style of marshmallow's manual are loaded by marshmallow, and report the same violations."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from itertools import count
from typing import Any, Final, NamedTuple
from uuid import UUID

import marshmallow as ma
import pytest
from marshmallow import validate

from app.errs.error import Violation
from app.wire import fields, validators
from app.wire.decode_context import DecodeContext, under_way
from app.wire.decoder import Decoder
from app.wire.schemas.base import QuerySchema, Schema, names
from app.wire.validators import Breach

NOW: Final = datetime(2026, 11, 28, tzinfo=UTC)


def read(schema: Any, data: Any, **options: Any) -> tuple[Any, list[tuple[str, str, str]]]:
    """Return the value, and the field, location and code of each violation."""
    value, violations = whole(schema, data, **options)
    return value, [(each.field, place(each), each.code) for each in violations]


def whole(schema: Any, data: Any, **options: Any) -> tuple[Any, list[Violation]]:
    violations: list[Violation] = []
    return Decoder(schema, **options)(data, DecodeContext(NOW), violations), violations


def place(violation: Violation) -> str:
    return next(filter(None, (violation.pointer, violation.parameter, violation.header)))


class Colour(Enum):
    RED = 1
    BLUE = 2


class Artist(ma.Schema):
    name = ma.fields.Str(required=True, validate=validate.Length(min=1, max=5))
    born = ma.fields.Date()


class Album(ma.Schema):
    title = ma.fields.Str(required=True)
    artist = ma.fields.Nested(Artist)
    guests = ma.fields.List(ma.fields.Nested(Artist))
    band = ma.fields.Nested(Artist, many=True)
    label = ma.fields.Pluck(Artist, "name")
    labels = ma.fields.Pluck(Artist, "name", many=True)
    year = ma.fields.Integer(validate=validate.Range(min=1900, max=2100))
    price = ma.fields.Decimal()
    released = ma.fields.DateTime()
    id = ma.fields.UUID()
    site = ma.fields.Url()
    mail = ma.fields.Email(data_key="e-mail")
    genre = ma.fields.Str(validate=validate.OneOf(["jazz", "pop"]))
    code = ma.fields.Str(validate=validate.Regexp("^[a-z]+$"))
    tags = ma.fields.List(ma.fields.Str(), validate=validate.Length(equal=2, error="Two tags."))
    counts = ma.fields.Dict(keys=ma.fields.Str(validate=validate.Length(max=3)), values=ma.fields.Integer())
    place = ma.fields.Tuple((ma.fields.Float(), ma.fields.Float()))
    colour = ma.fields.Enum(Colour)
    length = ma.fields.Str(validate=[validate.Length(max=2), validate.Regexp("^a")])


BROKEN: Final[list[tuple[Any, tuple[str, str, str]]]] = [
    ({}, ("title", "#/title", "REQUIRED_FIELD")),
    ({"title": None}, ("title", "#/title", "REQUIRED_FIELD")),
    ({"title": 1}, ("title", "#/title", "INVALID_TYPE")),
    ({"titel": 1}, ("titel", "#/titel", "UNKNOWN_FIELD")),
    ({"_schema": 1}, ("_schema", "#/_schema", "UNKNOWN_FIELD")),
    ({"a/b~": 1}, ("a/b~", "#/a~1b~0", "UNKNOWN_FIELD")),
    ({"artist": 1}, ("artist", "#/artist", "INVALID_TYPE")),
    ({"artist": {}}, ("artist.name", "#/artist/name", "REQUIRED_FIELD")),
    ({"artist": {"name": "Miles D."}}, ("artist.name", "#/artist/name", "TOO_LONG")),
    ({"artist": {"name": ""}}, ("artist.name", "#/artist/name", "TOO_SHORT")),
    ({"artist": {"name": "A", "born": "soon"}}, ("artist.born", "#/artist/born", "INVALID_FORMAT")),
    ({"artist": {"name": "A", "born": 3}}, ("artist.born", "#/artist/born", "INVALID_TYPE")),
    ({"artist": {"name": "A", "age": 3}}, ("artist.age", "#/artist/age", "UNKNOWN_FIELD")),
    ({"guests": [{"name": "A"}, {}]}, ("guests[1].name", "#/guests/1/name", "REQUIRED_FIELD")),
    ({"guests": {}}, ("guests", "#/guests", "INVALID_TYPE")),
    ({"band": [{"name": "A"}, 1]}, ("band[1]", "#/band/1", "INVALID_TYPE")),
    ({"band": 1}, ("band", "#/band", "INVALID_TYPE")),
    ({"band": [{"name": "A"}, {"name": 1}]}, ("band[1].name", "#/band/1/name", "INVALID_TYPE")),
    ({"label": 1}, ("label", "#/label", "INVALID_TYPE")),
    ({"label": "Bluenote"}, ("label", "#/label", "TOO_LONG")),
    ({"labels": ["A", ""]}, ("labels[1]", "#/labels/1", "TOO_SHORT")),
    ({"year": "long ago"}, ("year", "#/year", "INVALID_TYPE")),
    ({"year": 1}, ("year", "#/year", "INVALID_VALUE")),
    ({"price": "much"}, ("price", "#/price", "INVALID_TYPE")),
    ({"price": "NaN"}, ("price", "#/price", "INVALID_VALUE")),
    ({"released": "today"}, ("released", "#/released", "INVALID_FORMAT")),
    ({"id": "1"}, ("id", "#/id", "INVALID_FORMAT")),
    ({"id": 1}, ("id", "#/id", "INVALID_TYPE")),
    ({"site": "nowhere"}, ("site", "#/site", "INVALID_FORMAT")),
    ({"e-mail": "alice"}, ("e-mail", "#/e-mail", "INVALID_FORMAT")),
    ({"mail": "alice@example.com"}, ("mail", "#/mail", "UNKNOWN_FIELD")),
    ({"genre": "polka"}, ("genre", "#/genre", "INVALID_VALUE")),
    ({"code": "1"}, ("code", "#/code", "INVALID_FORMAT")),
    ({"tags": ["a"]}, ("tags", "#/tags", "TOO_SHORT")),
    ({"tags": ["a", "b", "c"]}, ("tags", "#/tags", "TOO_LONG")),
    ({"tags": ["a", 1]}, ("tags[1]", "#/tags/1", "INVALID_TYPE")),
    ({"counts": {"long": 1}}, ("counts.long", "#/counts/long", "TOO_LONG")),
    ({"counts": {"a": "b"}}, ("counts.a", "#/counts/a", "INVALID_TYPE")),
    ({"counts": []}, ("counts", "#/counts", "INVALID_TYPE")),
    ({"place": [1, "x"]}, ("place[1]", "#/place/1", "INVALID_TYPE")),
    ({"place": [1]}, ("place", "#/place", "TOO_SHORT")),
    ({"place": 1}, ("place", "#/place", "INVALID_TYPE")),
    ({"colour": "GREEN"}, ("colour", "#/colour", "INVALID_VALUE")),
    ({"colour": 1}, ("colour", "#/colour", "INVALID_TYPE")),
]


@pytest.mark.parametrize(("data", "expected"), BROKEN, ids=repr)
def test_a_plain_schema_reports_field_pointer_and_code(data: dict[str, Any], expected: tuple[str, str, str]) -> None:
    full = data if data.get("title", 1) != 1 or data in ({}, {"title": 1}) else {"title": "Blue", **data}
    value, found = read(Album, full)
    assert value is None
    assert found == [expected]


def test_a_plain_schema_returns_the_values_of_marshmallow() -> None:
    data = {"title": "Blue", "year": "1959", "price": 1.5, "id": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33", "label": "A"}
    value, violations = read(Album(), data)
    assert violations == []
    assert value == {
        "title": "Blue",
        "year": 1959,
        "price": Decimal("1.5"),
        "id": UUID(data["id"]),  # type: ignore[arg-type]  # a string
        "label": {"name": "A"},
    }


def test_all_violations_are_reported_in_the_order_of_the_members() -> None:
    data = {"zebra": 1, "length": "bcd", "year": "x", "artist": {"age": 1}, "alpha": 2}
    _, violations = whole(Album, data)
    assert [(each.field, each.code) for each in violations] == [
        ("title", "REQUIRED_FIELD"),
        ("artist.name", "REQUIRED_FIELD"),
        ("artist.age", "UNKNOWN_FIELD"),
        ("year", "INVALID_TYPE"),
        ("length", "TOO_LONG"),
        ("length", "INVALID_FORMAT"),
        ("alpha", "UNKNOWN_FIELD"),
        ("zebra", "UNKNOWN_FIELD"),
    ]


def test_a_message_of_marshmallow_is_kept_and_codes_have_its_name() -> None:
    class Both(Schema):
        mine = fields.Text(required=True)
        plain = ma.fields.Integer(required=True)

    assert [each.message for each in whole(Both, {})[1]] == ["mine is required", "Missing data for required field."]


@pytest.mark.parametrize("data", [1, "text", [], None, True])
def test_a_body_of_another_type_is_invalid(data: Any) -> None:
    assert read(Album, data) == (None, [("body", "#", "INVALID_TYPE")])


class TestHooks:
    def test_each_is_called(self) -> None:
        class Hooked(Schema):
            title = fields.Text(required=True)
            size = fields.Integer()

            @ma.pre_load
            def trim(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
                return {**data, "title": data["title"].strip()}

            @ma.validates("size")
            def check_size(self, value: int, **_: Any) -> None:
                if value < 0:
                    raise ma.ValidationError("Too small.")

            @ma.validates_schema
            def check_all(self, data: dict[str, Any], **_: Any) -> None:
                if data["title"] == "x" and data.get("size"):
                    raise ma.ValidationError("x has no size.")

            @ma.post_load
            def make_tuple(self, data: dict[str, Any], **_: Any) -> tuple[Any, ...]:
                return tuple(data.items())

        assert read(Hooked, {"title": " a "}) == ((("title", "a"),), [])
        assert read(Hooked, {"title": "a", "size": -1})[1] == [("size", "#/size", "INVALID_VALUE")]
        _, (violation,) = whole(Hooked, {"title": "x", "size": 1})
        assert violation == Violation("body", "INVALID_VALUE", "x has no size.", pointer="#")
        assert read(Hooked, [])[1] == [("body", "#", "INVALID_TYPE")]

    def test_a_hook_in_a_nested_schema_is_called(self) -> None:
        class Inner(Schema):
            size = fields.Integer()

            @ma.validates_schema
            def check_all(self, data: dict[str, Any], **_: Any) -> None:
                raise ma.ValidationError("Never.")

        class Outer(Schema):
            inner = fields.Object(Inner)
            several = fields.Listed(fields.Object(Inner), longest=3)

        assert read(Outer, {"inner": {}, "several": [{}]})[1] == [
            ("inner", "#/inner", "INVALID_VALUE"),
            ("several[0]", "#/several/0", "INVALID_VALUE"),
        ]
        assert read(Outer, {"inner": 1, "several": [1]})[1] == [
            ("inner", "#/inner", "INVALID_TYPE"),
            ("several[0]", "#/several/0", "INVALID_TYPE"),
        ]

    def test_an_exception_in_a_hook_is_not_a_violation(self) -> None:
        class Faulty(ma.Schema):
            a = ma.fields.Integer()

            @ma.pre_load
            def look(self, data: dict[str, Any], **_: Any) -> Any:
                return data["missing"]

        with pytest.raises(KeyError):
            read(Faulty, {"a": 1})

    def test_a_method_of_a_schema_can_be_decorated(self) -> None:
        class Decorated(Schema):
            title = fields.Text()

            @ma.post_load
            def make(self, values: dict[str, Any], **_: Any) -> Any:
                return [values]

        assert read(Decorated, {"title": "a"}) == ([{"title": "a"}], [])

    @pytest.mark.parametrize(
        ("raised", "expected"),
        [
            (lambda: ma.ValidationError("No."), ("body", "INVALID_VALUE", "No.")),
            (lambda: ma.ValidationError("No.", "title"), ("title", "INVALID_VALUE", "No.")),
            (lambda: ma.ValidationError({"title": ["No."]}), ("title", "INVALID_VALUE", "No.")),
            (lambda: ma.ValidationError({"title": "No."}), ("title", "INVALID_VALUE", "No.")),
            (lambda: ma.ValidationError({"other": {"deep": ["No."]}}), ("other.deep", "INVALID_VALUE", "No.")),
            (lambda: Breach("TITLE_TAKEN", "is taken").error(), ("body", "TITLE_TAKEN", "body is taken")),
            (
                lambda: ma.ValidationError([Breach("TITLE_TAKEN", "is taken")], "title"),
                ("title", "TITLE_TAKEN", "title is taken"),
            ),
            (
                lambda: ma.ValidationError([Violation("x", "ODD", "x is odd", pointer="#/x")]),
                ("x", "ODD", "x is odd"),
            ),
            (
                lambda: ma.ValidationError({"title": [{"code": "ODD", "message": "Odd."}]}),
                ("title", "ODD", "Odd."),
            ),
            (lambda: ma.ValidationError([]), ("body", "INVALID_VALUE", "Invalid value.")),
            (lambda: ma.ValidationError([17], "title"), ("title", "INVALID_VALUE", "17")),
        ],
    )
    @pytest.mark.parametrize("decorate", [ma.pre_load, ma.validates_schema, ma.post_load])
    def test_a_validation_error_of_a_method_is_a_violation(
        self, decorate: Any, raised: Callable[[], Exception], expected: tuple[str, str, str]
    ) -> None:
        class Raising(ma.Schema):
            title = ma.fields.Str()

            @decorate  # type: ignore[untyped-decorator]
            def fail(self, _data: Any, **_: Any) -> Any:
                raise raised()

        _, violations = whole(Raising, {"title": "a"})
        assert [(each.field, each.code, each.message) for each in violations] == [expected]


class TestMessages:
    def test_a_message_in_the_form_of_the_manual_keeps_its_text(self) -> None:
        class City(ma.Schema):
            city = ma.fields.Str(required=True, error_messages={"required": {"message": "City required", "code": 400}})
            name = ma.fields.Str(required=True, error_messages={"required": "Name it."})

        assert [(each.field, each.code, each.message) for each in whole(City, {})[1]] == [
            ("city", "REQUIRED_FIELD", "City required"),
            ("name", "REQUIRED_FIELD", "Name it."),
        ]

    def test_members_can_be_called_code_and_message(self) -> None:
        class Note(ma.Schema):
            code = ma.fields.Str()
            message = ma.fields.Str()

            @ma.validates_schema
            def fail(self, _data: Any, **_: Any) -> None:
                raise ma.ValidationError({"code": "A", "message": "B"})

        class Outer(ma.Schema):
            note = ma.fields.Nested(Note)

        assert [(each.field, each.message) for each in whole(Note, {})[1]] == [("code", "A"), ("message", "B")]
        found = [(each.field, each.message) for each in whole(Outer, {"note": {}})[1]]
        assert found == [("note.code", "A"), ("note.message", "B")]

    def test_a_member_can_be_called_schema(self) -> None:
        plain = ma.Schema.from_dict({"_schema": ma.fields.Integer(required=True)})
        assert read(plain, {})[1] == [("_schema", "#/_schema", "REQUIRED_FIELD")]

    def test_long_names_are_cut(self) -> None:
        assert len(read(Album, {"title": "", "x" * 300: 1})[1][0][0]) == 100

    def test_at_most_101_violations_are_collected(self) -> None:
        assert len(read(Album, {str(number): 1 for number in range(5000)})[1]) == 101


class TestOptions:
    @pytest.mark.parametrize(("unknown", "expected"), [(ma.EXCLUDE, {"a": 1}), (ma.INCLUDE, {"a": 1, "b": 2})])
    def test_unknown_of_meta(self, unknown: Any, expected: dict[str, int]) -> None:
        class Open(Schema):
            a = fields.Integer()

        kind = type("Opened", (Open,), {"Meta": type("Meta", (), {"unknown": unknown})})
        assert read(kind, {"a": 1, "b": 2}) == (expected, [])
        assert read(Open(unknown=unknown), {"a": 1, "b": 2}) == (expected, [])
        assert read(Open, {"a": 1, "b": 2}, unknown=unknown) == (expected, [])

    def test_partial(self) -> None:
        class Two(Schema):
            a = fields.Integer(required=True)
            b = fields.Integer(required=True)

        assert read(Two(partial=["a"]), {})[1] == [("b", "#/b", "REQUIRED_FIELD")]
        assert read(Two(partial=True), {}) == ({}, [])
        assert Decoder(Two(partial=True)).uncovered is None

    def test_many(self) -> None:
        class One(Schema):
            a = fields.Integer(required=True)

        assert read(One(many=True), [{"a": 1}]) == ([{"a": 1}], [])
        assert read(One(many=True), [{"a": 1}, {}, 3])[1] == [
            ("[1].a", "#/1/a", "REQUIRED_FIELD"),
            ("[2]", "#/2", "INVALID_TYPE"),
        ]
        others: list[Any] = [{}, 1, None, "a"]
        for data in others:
            assert read(One(many=True), data)[1] == [("body", "#", "INVALID_TYPE")]

    def test_only_and_exclude(self) -> None:
        assert read(Album(only=["title"]), {"title": "a", "year": 1})[1] == [("year", "#/year", "UNKNOWN_FIELD")]
        assert read(Album(exclude=["title"]), {}) == ({}, [])

    def test_a_dict_of_fields(self) -> None:
        assert read({"a": ma.fields.Integer(required=True)}, {"a": "1"}) == ({"a": 1}, [])

    def test_data_key_and_attribute(self) -> None:
        class Keyed(Schema):
            full_name = fields.Text(required=True, data_key="fullName", validate=validators.Length(max=3))
            street = fields.Text(attribute="address.street")

        assert read(Keyed, {"fullName": "Al", "street": "S"}) == (
            {"full_name": "Al", "address": {"street": "S"}},
            [],
        )
        assert read(Keyed, {"fullName": "Alice"})[1] == [("fullName", "#/fullName", "TOO_LONG")]

    def test_a_hook_can_use_the_attribute_or_the_data_key(self) -> None:
        class Keyed(ma.Schema):
            full_name = ma.fields.Str(data_key="fullName")

            @ma.validates_schema
            def fail(self, data: dict[str, Any], **_: Any) -> None:
                raise ma.ValidationError({data["full_name"]: ["No."]})

        for name in ("fullName", "full_name"):
            assert read(Keyed, {"fullName": name})[1] == [("fullName", "#/fullName", "INVALID_VALUE")]

    def test_an_output_only_member_is_ignored_by_its_public_name(self) -> None:
        class Keyed(Schema):
            made = fields.Text(dump_only=True, data_key="madeAt")
            name = fields.Text(data_key="fullName")

        sent = {"madeAt": 1, "fullName": "a"}
        assert read(Keyed, sent) == ({"name": "a"}, [])
        assert len(read(Keyed, sent | {f"a{number}": 1 for number in range(200)})[1]) == 101

    def test_a_callable_default_is_called_for_each_request(self) -> None:
        number = count()

        class Defaults(Schema):
            ours = fields.Integer(load_default=lambda: next(number))

        class Plain(ma.Schema):
            theirs = ma.fields.Integer(load_default=lambda: next(number))

        compiled, loaded = Decoder(Defaults, location="query"), Decoder(Plain, location="query")
        found = [decode({}, DecodeContext(NOW), []) for decode in (compiled, compiled, loaded, loaded)]
        assert found == [{"ours": 0}, {"ours": 1}, {"theirs": 2}, {"theirs": 3}]

    def test_hooks_have_access_to_the_decode_context(self) -> None:
        class Timed(ma.Schema):
            @ma.post_load
            def at(self, _data: Any, **_: Any) -> datetime:
                return under_way.get().now

        assert read(Timed, {}) == (NOW, [])


class Spot(NamedTuple):
    location: str
    field: str
    place: str


@pytest.mark.parametrize(
    "spot",
    [
        Spot("query", "n", "n"),
        Spot("querystring", "n", "n"),
        Spot("path", "n", "n"),
        Spot("view_args", "n", "n"),
        Spot("headers", "n", "n"),
        Spot("cookies", "n", "Cookie"),
        Spot("form", "n", "#/n"),
        Spot("files", "n", "#/n"),
        Spot("json", "n", "#/n"),
    ],
)
def test_a_violation_has_its_location_in_its_part_of_the_request(spot: Spot) -> None:
    schema = {"n": ma.fields.Integer(required=True), "m": ma.fields.List(ma.fields.Integer())}
    assert read(schema, {}, location=spot.location)[1] == [(spot.field, spot.place, "REQUIRED_FIELD")]
    items = read(schema, {"n": "1", "m": ["1", "x"]}, location=spot.location)[1]
    assert items == [("m[1]", {"n": "m", "#/n": "#/m/1"}.get(spot.place, spot.place), "INVALID_TYPE")]


class TestLocations:
    def test_unknown_members(self) -> None:
        kind = ma.Schema.from_dict({"n": ma.fields.Integer()})
        mine = Schema.from_dict({"n": fields.Integer()})
        for schema in (kind, mine):
            assert read(schema, {"x": "1"}, location="query")[1] == [("x", "x", "UNKNOWN_PARAMETER")]
            assert read(schema, {"x": "1"}, location="form")[1] == [("x", "#/x", "UNKNOWN_FIELD")]
            for location in ("headers", "cookies"):
                assert read(schema, {"x": "1"}, location=location) == ({}, [])
        assert read(kind(unknown=ma.INCLUDE), {"x": "1"}, location="headers") == ({"x": "1"}, [])

    def test_an_unknown_location_is_rejected(self) -> None:
        with pytest.raises(ValueError, match=r"'body' is not a location of arguments\. Use one of: json, form"):
            Decoder(Album, location="body")

    def test_lists_are_repeatable(self) -> None:
        class Mixed(QuerySchema):
            one = ma.fields.Integer()
            several = ma.fields.List(ma.fields.Integer(), data_key="many")
            two = ma.fields.Tuple((ma.fields.Integer(), ma.fields.Integer()))

        decode = Decoder(Mixed)
        assert decode.repeatable == {"many", "two"}
        assert list(decode.members) == ["one", "many", "two"]


class TestInvalidText:
    def test_it_is_a_violation_of_its_field_in_addition_to_all_others(self) -> None:
        data = {"title": "a\0", "guests": [{"name": "\ud800"}], "counts": {"x\0": 1}, "year": "x"}
        assert read(Album, data)[1] == [
            ("title", "#/title", "INVALID_FORMAT"),
            ("guests[0].name", "#/guests/0/name", "INVALID_FORMAT"),
            ("year", "#/year", "INVALID_TYPE"),
            ("counts.x\ufffd", "#/counts/x\ufffd", "INVALID_FORMAT"),
        ]

    @pytest.mark.parametrize("location", ["form", "cookies", "headers", "path"])
    def test_a_compiled_schema_reports_it_for_input_without_a_parser(self, location: str) -> None:
        mine = Schema.from_dict({"t": fields.Text(), "n": fields.Integer(required=True)})
        assert [each[::2] for each in read(mine, {"t": "a\0"}, location=location)[1]] == [
            ("t", "INVALID_FORMAT"),
            ("n", "REQUIRED_FIELD"),
        ]

    def test_hooks_do_not_receive_it(self) -> None:
        seen: list[Any] = []

        class Looking(ma.Schema):
            title = ma.fields.Str()

            @ma.validates("title")
            def look(self, value: str, **_: Any) -> None:
                seen.append(value)

        assert read(Looking, {"title": "a\0b"})[1] == [("title", "#/title", "INVALID_FORMAT")]
        assert seen == ["a\ufffdb"]


class TestNames:
    def test_they_are_those_of_violations(self) -> None:
        found = {*names(Album())}
        assert {"body", "query", "title", "artist.name", "guests[0].born", "band[0].name", "e-mail"} <= found
        assert {"labels[0]", "place[0]", "counts", "label"} <= found
        assert "mail" not in found
        assert "[0].title" in {*names(Album(many=True))}

    def test_a_recursive_schema_has_few_names(self) -> None:
        class Comment(ma.Schema):
            text = ma.fields.Str()
            replies = ma.fields.List(ma.fields.Nested(lambda: Comment(only=("text", "replies"))))
            later = ma.fields.Nested("NotDefinedYet")

        assert {*names(Comment())} - {"query", "body", "path", "headers", "cookies"} == {
            *("text", "replies", "replies[0]", "later"),
        }
        deep: dict[str, Any] = {"text": 1}
        for _ in range(30):
            deep = {"replies": [deep]}
        ((field, _, code),) = read(Comment, deep)[1]
        assert (field, code) == ("replies[0]." * 30 + "text", "INVALID_TYPE")
