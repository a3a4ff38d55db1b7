"""A resource under test: its model, schema, rules of lists and samples, found by its name."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import marshmallow as ma
from sqlalchemy import Table

from app.models.resource import Resource, Transition
from app.repositories.resource import ResourceReads
from app.wire import fields
from app.wire.decode_context import DecodeContext
from app.wire.decoder import Decoder
from app.wire.encoder import Encoder
from app.wire.schemas.base import Schema
from app.wire.schemas.lists import ListRules, ListSchema
from tests.samples import BODIES, path_of

K = TypeVar("K")
NOW: Final = DecodeContext(datetime.fromisoformat("2026-01-31T12:00:00Z"))


@dataclass(frozen=True)
class Subject:
    """A resource by the plural of its name."""

    name: str

    @cached_property
    def _wire(self) -> Any:
        return import_module(f"app.wire.schemas.{self.name}")

    @cached_property
    def _input(self) -> type[Schema]:
        return _own(self._wire, Schema, "InputSchema")

    @cached_property
    def rules(self) -> ListRules:
        """The rules of its list."""
        return _own(self._wire, ListSchema).rules

    @cached_property
    def model(self) -> type[Resource]:
        """Its model."""
        return _own(import_module(f"app.models.{self.name}"), Resource)

    @property
    def table(self) -> Table:
        """Its table."""
        return cast("Table", self.model.__table__)

    @property
    def module(self) -> Any:
        """The module of its model."""
        return import_module(self.model.__module__)

    @property
    def path(self) -> str:
        """The path of its list: for a nested one, under the parent of the samples."""
        return path_of(self.listing)

    @property
    def listing(self) -> str:
        """The operation of its list."""
        return f"GET {self.route}"

    @property
    def route(self) -> str:
        """The route of its list."""
        above = f"/{self.parent_table.name}/<id:{self.parent}>" if self.parent else ""
        return f"/v1{above}/{self.name}"

    @property
    def parent(self) -> str:
        """The column with the parent; empty if it is not nested."""
        return self.model.parent or ""

    @property
    def parent_table(self) -> Table:
        """The table of the parent."""
        (key,) = self.table.columns[self.parent].foreign_keys
        return key.column.table

    @property
    def has_owned_parent(self) -> bool:
        """True if the rows of the parent belong to users."""
        return bool(self.parent) and "by" in inspect.signature(self.parent_get).parameters

    @property
    def parent_get(self) -> Any:
        """The use case that reads a parent."""
        module = import_module(f"app.services.{self.parent_table.name}")
        return next(each for name, each in vars(module).items() if name.endswith("Service")).get

    @property
    def owner(self) -> str:
        """The column with the user who created a row."""
        return self.model.owner or "created_by"

    @cached_property
    def writable(self) -> dict[str, "ma.fields.Field[Any]"]:
        """The fields of a body."""
        return dict(self._input().load_fields)

    @property
    def sample(self) -> dict[str, Any]:
        """A valid body, with a value for every property."""
        return self.varied(0)

    def varied(self, number: int) -> dict[str, Any]:
        """Return a valid body. Another number has other values, where the type has enough of them."""
        required = BODIES[f"POST {self.route}"]
        return {name: _varied(field, required.get(name), number) for name, field in self.writable.items()}

    def values(self, number: int, **references: UUID) -> dict[str, Any]:
        """Return the values that the service receives for such a body."""
        violations: list[Any] = []
        values = Decoder(self._input())(self.varied(number), NOW, violations)
        assert violations == []
        return {**values, **references}

    def encoded(self, row: Any) -> dict[str, Any]:
        """Return a row as JSON."""
        return dict(Encoder(self._schema)(row))

    @cached_property
    def _schema(self) -> Schema:
        return cast("Schema", type(self._input()).__mro__[2]())

    @property
    def readable(self) -> dict[str, "ma.fields.Field[Any]"]:
        """The fields of a response."""
        return dict(self._schema.dump_fields)

    def body_of(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return the writable properties of a resource."""
        return {name: resource[name] for name in self.writable}

    @property
    def references(self) -> list[str]:
        """The properties of a body that refer to other rows."""
        return [name for name in self.foreign_keys if name != self.parent]

    @property
    def foreign_keys(self) -> list[str]:
        """The columns that refer to other rows."""
        return [str(key.column_keys[0]) for key in self.table.foreign_key_constraints]

    @property
    def reads(self) -> type[ResourceReads[Any]]:
        """The collection of its rows."""
        module = import_module(f"app.repositories.{self.name}")
        return _own(module, ResourceReads)

    @property
    def absent(self) -> str:
        """The code of the error for an unknown ID."""
        return self.reads.absent.code

    @property
    def transitions(self) -> dict[str, Transition[Any]]:
        """The table of transitions, by name."""
        found: dict[str, Transition[Any]] = getattr(self.module, "TRANSITIONS", {})
        return found

    @property
    def state(self) -> str:
        """The property that the transitions change."""
        (kind,) = {type(each.target) for each in self.transitions.values()}
        return next(name for name, field in self.readable.items() if isinstance(getattr(field, "default", None), kind))

    def state_name(self, state: IntEnum) -> str:
        """Return a state as JSON."""
        return f"{self.state.upper()}_{state.name}"

    def ways(self) -> dict[IntEnum, tuple[str, ...]]:
        """Return the states that can be reached, each with the transitions to it."""
        field: Any = self.readable[self.state]
        found: dict[IntEnum, tuple[str, ...]] = {field.default: ()}
        pending = [field.default]
        for state in pending:
            for name, each in self.transitions.items():
                if state in each.sources and each.target not in found:
                    found[each.target] = (*found[state], name)
                    pending.append(each.target)
        return found

    @property
    def unique_members(self) -> list[str]:
        """The writable properties of unique indexes."""
        return [name for columns, _ in self.unique_indexes() for name in columns if name in self.writable]

    def invalid(self, valid: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], tuple[str, str]]]:
        """Yield bodies that each break one rule, with the property and the code of the violation."""
        yield {**valid, "no_such": 1}, ("no_such", "UNKNOWN_FIELD")
        for name, field in self.writable.items():
            if field.required:
                yield {each: value for each, value in valid.items() if each != name}, (name, "REQUIRED_FIELD")
                yield {**valid, name: None}, (name, "REQUIRED_FIELD")
            yield {**valid, name: [1]}, (name, "INVALID_TYPE")
            for value, code in _wrong(field):
                yield {**valid, name: value}, (name, code)

    def unique_indexes(self) -> Iterator[tuple[list[str], str]]:
        """Yield the columns of each unique index, and the code of its error."""
        for index in self.table.indexes:
            if index.unique:
                yield [str(column.key) for column in index.columns], index.info["violated"].code


def _own(module: ModuleType, kind: type[K], ending: str = "") -> type[K]:
    """Return the subclass that a module defines, with this ending of its name."""
    classes = (each for each in vars(module).values() if isinstance(each, type) and issubclass(each, kind))
    return next(each for each in classes if each.__module__ == module.__name__ and each.__name__.endswith(ending))


def _varied(field: "ma.fields.Field[Any]", given: Any, number: int) -> Any:
    match field:
        case fields.EnumName():
            return [*field.by_name][number % len(field.by_name)]
        case fields.Uuid():
            return given or str(UUID(int=2**64 + number))
        case fields.Boolean():
            return number % 2 == 0
        case fields.Integer():
            return 1 + number
        case fields.Money():
            return f"{Decimal(number) + Decimal('9.80'):f}"
        case fields.Date():
            return (date(2030, 1, 31) + timedelta(days=number)).isoformat()
        case fields.Timestamp():
            return f"2030-01-31T12:00:{number % 60:02d}Z"
    longest = next(each.max for each in field.validators if hasattr(each, "max"))
    return f"{chr(97 + number % 26)}{given or 'x'}"[:longest]


def _wrong(field: "ma.fields.Field[Any]") -> Iterator[tuple[Any, str]]:
    """Yield values that break the rules of a type, with the codes."""
    match field:
        case fields.EnumName():
            yield "NO_SUCH", "INVALID_VALUE"
        case fields.Integer():
            yield 2**40, "INVALID_VALUE"
        case fields.Uuid() | fields.Money() | fields.Date() | fields.Timestamp():
            yield "1e9", "INVALID_FORMAT"
        case fields.Text():
            longest = next(each.max for each in field.validators if hasattr(each, "max"))
            yield from ((" ", "TOO_SHORT"), ("x" * (longest + 1), "TOO_LONG"), ("\u202e", "INVALID_FORMAT"))


def literal(value: Any) -> str:
    """Return a value of JSON as a filter writes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else f'"{value}"'


def in_order(rows: list[dict[str, Any]], member: str, field: "ma.fields.Field[Any]", *, down: bool) -> list[Any]:
    """Return the values of a member as a list in this order has them: nulls last."""
    known = [row[member] for row in rows if row[member] is not None]
    as_number = Decimal if isinstance(field, fields.Money) else lambda value: value
    return sorted(known, key=as_number, reverse=down) + [None] * (len(rows) - len(known))
