"""What all schemas share: unknown members are refused, output-only ones ignored, and every breach has its place."""

from collections.abc import Iterator, Mapping
from heapq import nsmallest
from typing import Any, ClassVar, Final

import marshmallow as ma
from marshmallow.experimental.context import Context

from app.errs.error import Violation
from app.errs.requests import ValidationFailed
from app.wire import fields
from app.wire.reading import Reading
from app.wire.rules import Breach

UNKNOWN: Final = 101
"""Unknown members of one object that are spoken of: one more than a problem document lists."""


class Schema(ma.Schema):
    """A JSON object; ``relative_to`` names a member whose fields are spoken of as if they stood at the top."""

    relative_to: ClassVar[str | None] = None
    error_messages: Any = {
        "type": Breach("INVALID_TYPE", "must be an object"),
        "unknown": Breach("UNKNOWN_FIELD", "is not a member"),
    }

    class Meta:
        """Refuse what is not declared."""

        unknown = ma.RAISE

    @ma.pre_load
    def narrow(self, data: Any, **_: object) -> Any:
        """Drop the members that only the service writes, so that what was read can be sent back.

        Of unknown ones the first by name are kept: a body full of them is not worth a violation for each.
        """
        if not isinstance(data, dict) or data.keys() <= self.load_fields.keys():
            return data
        unknown = nsmallest(UNKNOWN, data.keys() - self.fields.keys())
        kept = {*self.load_fields, *unknown}
        return {name: value for name, value in data.items() if name in kept}


class QuerySchema(Schema):
    """The parameters of a query, by name."""

    error_messages: Any = {
        "type": Breach("INVALID_TYPE", "must be an object"),
        "unknown": Breach("UNKNOWN_PARAMETER", "is not a parameter of this operation"),
    }


def load(schema: ma.Schema, data: object, reading: Reading) -> Any:
    """Return what the schema makes of the data.

    Raises:
        ValidationFailed: with every violation, in the order of the schema's fields.
    """
    try:
        with Context(reading):
            return schema.load(data)  # type: ignore[arg-type]  # the schema itself refuses what is no mapping
    except ma.ValidationError as error:
        raise ValidationFailed(violations=tuple(violations(schema, error.messages_dict))) from None


def violations(schema: ma.Schema, messages: Mapping[Any, Any]) -> Iterator[Violation]:
    """Yield what marshmallow found, each with its field's name and where it is."""
    is_query = isinstance(schema, QuerySchema)
    for path, breach in _leaves(schema, messages, ()):
        if isinstance(breach, Violation):
            yield breach
        elif is_query:
            name = str(path[0]) if path else "query"
            yield Violation(name, breach.code, f"{name} {breach.says}", parameter=name)
        else:
            name = _spoken(path, getattr(schema, "relative_to", None))
            pointer = "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
            yield Violation(name, breach.code, f"{name} {breach.says}", pointer=pointer)


Path = tuple[str | int, ...]
LONGEST_NAME: Final = 100
"""Characters of an unknown member's name that are repeated to the client."""


def _leaves(schema: ma.Schema | None, messages: Any, path: Path) -> list[tuple[Path, Breach | Violation]]:
    """Return the leaves of the tree: what is said of the object itself, of fields in order, of unknown ones by name."""
    if not isinstance(messages, dict):
        return [(path, breach) for breach in messages]
    leaves = list[tuple[Path, Breach | Violation]]()
    for step in messages if len(messages) == 1 else _in_order(schema, messages):
        step_said = step[:LONGEST_NAME] if isinstance(step, str) else step
        inner = path if _is_of_itself(step, messages[step]) else (*path, step_said)
        leaves += _leaves(_schema_of(schema, step), messages[step], inner)
    return leaves


def _in_order(schema: ma.Schema | None, messages: dict[Any, Any]) -> list[Any]:
    """Return the steps from here in the order in which they are told."""
    order = {name: index for index, name in enumerate(schema.fields)} if schema else {}

    def place(step: str | int) -> tuple[bool, int, str]:
        index = step if isinstance(step, int) else order.get(step, len(order))
        return not _is_of_itself(step, messages[step]), index, str(step)

    return sorted(messages, key=place)


def _is_of_itself(step: str | int, messages: Any) -> bool:
    """Tell whether messages are of the object itself, and not of an unknown member that bears marshmallow's name."""
    return step == ma.exceptions.SCHEMA and not any(each.code.startswith("UNKNOWN") for each in messages)


def _schema_of(schema: ma.Schema | None, step: str | int) -> ma.Schema | None:
    """Return the schema one step down; the items of a list share theirs with the list."""
    if isinstance(step, int) or schema is None:
        return schema
    field = schema.fields.get(step)
    inner = field.inner if isinstance(field, fields.Listed) else field
    return inner.schema if isinstance(inner, fields.Object) else None


def names(schema: ma.Schema) -> Iterator[str]:
    """Yield the name of every field in which a rule can be broken; the item of a list has the index 0."""
    yield from ("query", "body")
    for path in _paths(schema, ()):
        yield _spoken(path, getattr(schema, "relative_to", None))


def _paths(schema: ma.Schema, path: Path) -> Iterator[Path]:
    for name, field in schema.fields.items():
        yield (*path, name)
        if isinstance(field, fields.Listed):
            yield (*path, name, 0)
        inside = (*path, name, 0) if isinstance(field, fields.Listed) else (*path, name)
        if (inner := _schema_of(schema, name)) is not None:
            yield from _paths(inner, inside)


def _spoken(path: Path, relative_to: str | None) -> str:
    """Return the field's name as a person says it: ``requests[1].task.title``."""
    if len(path) > 1 and path[0] == relative_to:
        path = path[1:]
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return name.removeprefix(".") or "body"
