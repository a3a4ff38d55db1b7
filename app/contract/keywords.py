"""The comparison of the keywords of two JSON schemas: types, values, limits and defaults."""

from collections.abc import Iterator, Mapping
from operator import gt, lt
from typing import Any, Final

from app.contract.contract_change import Change, addition, breaking, listed

Schema = Mapping[str, Any]
MAXIMA: Final = ("maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties")
MINIMA: Final = ("minLength", "minItems", "minimum", "exclusiveMinimum", "minProperties")
MEMBERS: Final = "x-members"
"""The properties that a parameter accepts, for a filter with their operators. They determine its pattern."""
DEFAULT: Final = "x-default"
WIDER: Final = {("integer", "number"), ("int32", "int64"), ("float", "double")}
"""Each type or format fits into the second one."""


def kind(old: Schema, new: Schema, where: str, *, is_sent: bool) -> Change | None:
    """Return a change of type or format if the new one is incompatible."""
    inner, outer = (old, new) if is_sent else (new, old)
    if _fits(_kinds(inner), _kinds(outer)) and _fits({inner.get("format")}, _formats(outer)):
        return None
    schemas = f"`{where}` has changed its type from {_spelled(old)} to {_spelled(new)}"
    return breaking(
        schemas, "clients that send the old one get 400" if is_sent else "clients that parse the old one fail"
    )


def _kinds(schema: Schema) -> set[Any] | None:
    """Return the types that a schema allows, or ``None`` for any type."""
    found = schema.get("type")
    return None if found is None else {*found} if isinstance(found, list) else {found}


def _formats(schema: Schema) -> set[Any] | None:
    return {schema["format"]} if "format" in schema else None


def _fits(inner: set[Any] | None, outer: set[Any] | None) -> bool:
    if outer is None:
        return True
    return inner is not None and all(each in outer or any((each, wide) in WIDER for wide in outer) for each in inner)


def _spelled(schema: Schema) -> str:
    found = schema.get("type", "any value")
    text = " or ".join(map(str, found)) if isinstance(found, list) else str(found)
    return f"{text} ({schema['format']})" if "format" in schema else text


def values(old: Schema, new: Schema, where: str, *, is_sent: bool) -> Iterator[Change]:
    """Yield the changes of an enumeration."""
    before, after = old.get("enum"), new.get("enum")
    if after is None and before is not None and not is_sent:
        yield breaking(f"`{where}` can have any value", "clients that know the listed values fail to read others")
    if before is None and after is not None and is_sent:
        yield breaking(f"`{where}` accepts {_listed(after)} only", "clients that send other values get 400")
    if before is None or after is None:
        return
    for each in before:
        if each not in after and is_sent:
            yield breaking(f"`{where}` no longer accepts `{each}`", "clients that send it get 400")
        elif each not in after:
            yield breaking(f"`{where}` is never `{each}` any more", "clients that wait for it never get it")
    for each in after:
        if each not in before and is_sent:
            yield addition(f"`{where}` accepts `{each}`", str(each))
        elif each not in before:
            yield breaking(f"`{where}` can be `{each}`", "clients that know the other values fail to read it")


def limits(old: Schema, new: Schema, where: str) -> Iterator[Change]:
    """Yield the changes of limits, patterns and defaults of a request."""
    for names, is_tighter, beyond in ((MAXIMA, lt, "larger or longer"), (MINIMA, gt, "smaller or shorter")):
        for name in names:
            if name in new and (name not in old or is_tighter(new[name], old[name])):
                values = f"`{where}` has {name} {new[name]} instead of {old.get(name, 'none')}"
                yield breaking(values, f"clients that send {beyond} values get 400")
    if new.get("uniqueItems") and not old.get("uniqueItems"):
        yield breaking(f"`{where}` takes no duplicates", "clients that send some get 400")
    if "multipleOf" in new and new["multipleOf"] != old.get("multipleOf"):
        yield breaking(f"`{where}` takes multiples of {new['multipleOf']} only", "clients that send others get 400")
    if MEMBERS in old and MEMBERS in new:
        yield from _members(old[MEMBERS], new[MEMBERS], where)
    elif "pattern" in new and new["pattern"] != old.get("pattern"):
        yield breaking(
            f"`{where}` has another pattern", "clients that send values that only the old one allows get 400"
        )
    if old.get(DEFAULT) != new.get(DEFAULT):
        values = f"The default of `{where}` is {_one(new.get(DEFAULT))} instead of {_one(old.get(DEFAULT))}"
        yield breaking(values, "clients that leave it out get another result")


def _members(old: Any, new: Any, where: str) -> Iterator[Change]:
    """Yield the changes of the properties that a parameter accepts."""
    yield from listed(
        old,
        new,
        gone=lambda name: breaking(f"`{where}` no longer takes `{name}`", "clients that name it get 400"),
        added=lambda name: addition(f"`{where}` takes `{name}`", name),
    )
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name, operators in old.items():
            for each in operators:
                if each not in new.get(name, operators):
                    yield breaking(f"`{where}` no longer takes `{name} {each}`", "clients that use it get 400")


def _listed(values: list[Any]) -> str:
    return ", ".join(f"`{each}`" for each in values)


def _one(value: Any) -> str:
    return "none" if value is None else f"`{value}`"
