"""Strategies of schemas in the style of marshmallow's users, of input data, and of values to dump.

The first letter of a member's name marks its type: the tests read messages by it, independently of the tested code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum
from random import Random
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from hypothesis import strategies as st
from marshmallow import validate

from app.wire import fields, validators
from app.wire.schemas.base import Schema

UNKNOWN: Final = ("zz", "yy", "a/b")


class Shade(IntEnum):
    """An enumeration."""

    DARK = 1
    LIGHT = 2


Make = Callable[..., Any]
TEXTS: Final = ("", "a", "bad", "long text", "2030-01-31T12:00:00Z", "DARK", "7", "a@b.example")
ANY: Final[tuple[Any, ...]] = (*TEXTS, None, -1, 0, 1, 3, True, False, 0.5, [], {})
Draw = Callable[[Random], Any]
OURS: Final[dict[str, Make]] = {
    "t": lambda **more: fields.Text(
        validate=[validators.Length(min=1, max=4), validators.OneOf(["a", "bad", ""])], **more
    ),
    "n": lambda **more: fields.Integer(validate=validators.Range(min=0, max=2), **more),
    "b": fields.Boolean,
    "w": fields.Timestamp,
    "u": fields.Uuid,
    "y": lambda **more: fields.Date(metadata={}, **more),
    "x": lambda **more: fields.Money(digits=9, metadata={}, **more),
    "s": lambda **more: fields.EnumName(Shade, prefix="", default=Shade.DARK, **more),
    "l": lambda **more: fields.Listed(fields.Text(validate=validators.Length(max=1)), longest=2, **more),
}
PLAIN: Final[dict[str, Make]] = {
    "t": lambda **more: ma.fields.Str(validate=[validate.Length(min=1, max=4), validate.Regexp("^[a-z]*$")], **more),
    "n": lambda **more: ma.fields.Int(validate=validate.Range(min=0, max=2), **more),
    "b": ma.fields.Bool,
    "w": ma.fields.DateTime,
    "y": ma.fields.Date,
    "s": lambda **more: ma.fields.Enum(Shade, **more),
    "l": lambda **more: ma.fields.List(ma.fields.Str(validate=validate.Length(max=1)), **more),
    "m": ma.fields.Email,
    "u": ma.fields.UUID,
    "x": ma.fields.Decimal,
    "d": lambda **more: ma.fields.Dict(
        keys=ma.fields.Str(validate=validate.Length(max=2)), values=ma.fields.Int(), **more
    ),
    "p": lambda **more: ma.fields.Tuple((ma.fields.Int(), ma.fields.Str()), **more),
}
SENT: Final[dict[str, Draw]] = {
    "t": lambda random: random.choice(TEXTS),
    "n": lambda random: random.randint(-1, 3),
    "b": lambda random: random.choice([True, False]),
    "w": lambda _: "2030-01-31T12:00:00Z",
    "y": lambda random: random.choice(["2030-01-31", "2030-02-30", "0000-01-01", "2030-1-31"]),
    "s": lambda _: "DARK",
    "l": lambda random: random.choices([*TEXTS, None], k=random.randint(0, 3)),
    "m": lambda _: "a@b.example",
    "u": lambda _: "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
    "x": lambda _: "1.50",
    "d": lambda random: {name: random.choice([1, "x"]) for name in random.choices(["k", "long"], k=2)},
    "p": lambda random: random.choices(ANY, k=random.randint(1, 3)),
}
HELD: Final[dict[str, Draw]] = {
    "t": lambda random: random.choice(TEXTS),
    "n": lambda random: random.randint(-(2**70), 2**70),
    "b": lambda random: random.choice([True, False]),
    "w": lambda _: datetime(2030, 1, 31, 12, tzinfo=UTC),
    "y": lambda _: date(2030, 1, 31),
    "s": lambda random: random.choice(list(Shade)),
    "l": lambda random: random.choices(TEXTS, k=random.randint(0, 3)),
    "m": lambda random: random.choice(TEXTS),
    "u": lambda _: UUID(int=7),
    "x": lambda _: Decimal("1.50"),
    "d": lambda random: {random.choice(TEXTS): 1},
    "p": lambda random: (random.randint(0, 9), random.choice(TEXTS)),
}


@dataclass(frozen=True)
class Drawn:
    """A schema, input data and values to dump."""

    schema: ma.Schema
    data: Draw
    held: Draw


def hooks(first: str) -> dict[str, Any]:
    """Return hooks by name; some reject values."""

    def before(_: Any, data: Any, **__: Any) -> Any:
        return {name: each for name, each in data.items() if name != UNKNOWN[0]} if isinstance(data, dict) else data

    def one(_: Any, value: Any, **__: Any) -> None:
        if value in ("bad", 0, False):
            raise ma.ValidationError("Not this one.")

    def all_of_it(self: ma.Schema, data: Any, **__: Any) -> None:
        if len(data) == 1:
            raise ma.ValidationError("One is too few.")
        if len(data) == 2:
            raise ma.ValidationError({self.declared_fields[first].data_key or first: ["Two are odd."]})

    def after(_: Any, data: Any, **__: Any) -> Any:
        if first in data and data[first] == "a":
            raise ma.ValidationError("Not a.", first)
        return ("made", data)

    return {
        "before": ma.pre_load(before),
        "one": ma.validates(first)(one),
        "all_of_it": ma.validates_schema(skip_on_field_errors=False)(all_of_it),
        "after": ma.post_load(after),
        "before_dump": ma.pre_dump(lambda _, value, **__: value),
        "after_dump": ma.post_dump(lambda _, value, **__: {**value, "added": 1}),
    }


@st.composite
def options(draw: st.DrawFn, letter: str, *, is_ours: bool) -> dict[str, Any]:
    """Return the arguments of a field."""
    made: dict[str, Any] = {"allow_none": draw(st.booleans())}
    kind = draw(st.sampled_from(["", "", "required", "default", "callable", "dump_only"]))
    if kind in ("required", "dump_only"):
        made[kind] = True
    elif kind == "default":
        made["load_default"] = 1
    elif kind == "callable":
        made["load_default"] = lambda: ["new"]
    if not is_ours and draw(st.integers(0, 4)) == 0:
        made["attribute"] = f"at.{letter}"
    if not is_ours and draw(st.integers(0, 4)) == 0:
        made["data_key"] = f"{letter}-key"
    return made


@st.composite
def drawn(draw: st.DrawFn, *, is_ours: bool, depth: int = 1) -> Drawn:
    """Return a schema, with the field types of the service or with other ones of marshmallow."""
    kinds = OURS if is_ours else PLAIN | {name: draw(st.sampled_from([OURS[name], PLAIN[name]])) for name in OURS}
    made: dict[str, Any] = {}
    sent: dict[str, Draw] = {}
    held: dict[str, Draw] = {}
    for letter in draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=3, unique=True)):
        more = draw(options(letter, is_ours=is_ours))
        made[f"{letter}1"] = kinds[letter](**more)
        sent[more.get("data_key", f"{letter}1")] = mostly(SENT[letter])
        held[f"{letter}1"] = or_none(HELD[letter])
    if depth and draw(st.booleans()):
        inner = draw(
            drawn(is_ours=is_ours, depth=depth - 1)
            if is_ours
            else st.one_of(COVERED, DEVIATING, drawn(is_ours=False, depth=0))
        )
        made |= {"o1": _one(is_ours)(type(inner.schema)), "q1": _several(is_ours)(type(inner.schema))}
        sent |= {"o1": mostly(inner.data), "q1": mostly(several(mostly(inner.data)))}
        held |= {"o1": or_none(inner.held), "q1": several(inner.held)}
    base = Schema if is_ours or draw(st.booleans()) else ma.Schema
    kind = type("DrawnSchema", (base,), {**made, "Meta": type("Meta", (base.Meta,), {"register": False})})
    schema = kind(partial=draw(st.sampled_from([None, True])) if depth else None)
    return Drawn(schema, members(sent, UNKNOWN), members(held))


def members(values: dict[str, Draw], others: tuple[str, ...] = ()) -> Draw:
    """Return a strategy of objects: half of them complete, some with additional members."""

    def draw(random: Random) -> dict[str, Any]:
        is_whole = random.random() < 0.5
        found = {name: value(random) for name, value in values.items() if is_whole or random.random() < 0.6}
        if others and random.random() < 0.3:
            found |= dict.fromkeys(random.sample(others, random.randint(1, 2)), 1)
        return found

    return draw


def mostly(draw: Draw) -> Draw:
    """Return a strategy that draws any value instead in one case of six."""
    return lambda random: random.choice(ANY) if random.random() < 1 / 6 else draw(random)


def or_none(draw: Draw) -> Draw:
    """Return a strategy that draws ``None`` instead in one case of six."""
    return lambda random: None if random.random() < 1 / 6 else draw(random)


def several(draw: Draw) -> Draw:
    """Return a strategy of lists."""
    return lambda random: [draw(random) for _ in range(random.randint(0, 2))]


def _one(is_ours: bool) -> Any:
    return fields.Object if is_ours else ma.fields.Nested


def _several(is_ours: bool) -> Any:
    if is_ours:
        return lambda kind: fields.Listed(fields.Object(kind), longest=1)
    return lambda kind: ma.fields.Nested(kind, many=True)


@st.composite
def deviating(draw: st.DrawFn, *, is_ours: bool) -> Drawn:
    """Return a schema with one or two features that the compiled forms do not support."""
    case = draw(drawn(is_ours=is_ours))
    kind, first = type(case.schema), next(iter(case.schema.fields))
    more: dict[str, Any] = {}
    made: dict[str, Any] = {}
    for way in draw(st.sets(st.sampled_from(WAYS), min_size=1, max_size=2)):
        if way in hooks(first):
            more[way] = hooks(first)[way]
        elif way in (ma.EXCLUDE, ma.INCLUDE):
            more["Meta"] = type("Meta", (kind.Meta,), {"unknown": way})
        elif way == "handle_error":
            more[way] = _handle_error
        elif way == "field":
            more[first] = _changed(kind().fields[first], draw(st.sampled_from(["validators", "data_key", "post_load"])))
        else:
            made[way] = {"partial": [first, "o1.t1"], "only": [first], "exclude": [first]}[way]
            made = made if way == "only" or "only" not in made else {"only": [first]}
    schema = type("DeviatingSchema", (kind,), {"Meta": kind.Meta, **more})(**made)
    return Drawn(schema, case.data, case.held)


WAYS: Final = (
    *("before", "one", "all_of_it", "after", "before_dump", "after_dump"),
    *("handle_error", "field", "partial", "only", "exclude", ma.EXCLUDE, ma.INCLUDE),
)


def _handle_error(_: Any, error: ma.ValidationError, *__: Any, **___: Any) -> None:
    if len(error.messages) > 1:
        raise ma.ValidationError("Handled.")


def _changed(field: Any, way: str) -> Any:
    if way == "validators":
        field.validators = [validate.NoneOf([1, "a", True])]
    elif way == "data_key":
        field.data_key = "changed"
    else:
        field.post_load = [lambda value: [value]]
    return field


COVERED: Final = drawn(is_ours=True)
DEVIATING: Final = deviating(is_ours=True)
MIXED: Final = drawn(is_ours=False, depth=0) | deviating(is_ours=False)
CASES: Final = ((COVERED, 55), (DEVIATING, 50), (MIXED, 35))
"""Strategies of schemas with their counts: as in the service, nearly so, and arbitrary."""
