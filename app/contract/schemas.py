"""The comparison of two JSON schemas of OpenAPI 3.1.

A request can become wider: the new schema accepts everything that the old one accepted. A response can become
narrower: the old schema accepts everything that the new one allows. New properties are compatible in both, unless a
request requires them. Limits and patterns of responses are not compared, because a wider request widens them.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from app.contract import keywords
from app.contract.contract_change import Change, addition, breaking

SCHEMAS: Final = "#/components/schemas/"
Schema = Mapping[str, Any]


class Side(Enum):
    """The receiver of a value: the service or the client. The enum's value is a verb for the service."""

    SENT = "accepted"
    RETURNED = "returned"


class Schemas:
    """Compares schemas of two documents."""

    def __init__(self, old: Mapping[str, Schema], new: Mapping[str, Schema]) -> None:
        self._old, self._new = old, new
        self._known: dict[tuple[str, str, Side], list[Change]] = {}

    def changes(self, old: Any, new: Any, *, where: str, side: Side) -> list[Change]:
        """Return the changes between two schemas.

        Args:
            old: the recorded schema; references are resolved.
            new: the current schema.
            where: a name for the schema, unless it is a component, which has a name.
            side: the receiver of the value.
        """
        before, after = _name(old), _name(new)
        if not before:
            return [*self._compared(old, self._new.get(after, new), where, side)]
        key = (before, after, side)
        if key not in self._known:
            self._known[key] = []  # for a schema that contains itself
            found = [*self._renamed(before, after)]
            found += self._compared(self._old.get(before, {}), self._new.get(after, new), before, side)
            self._known[key] = found
        return self._known[key]

    def _renamed(self, before: str, after: str) -> Iterator[Change]:
        if before != after and before not in self._new:
            became = f"`{after}`" if after else "an inline schema"
            yield breaking(f"Schema `{before}` has become {became}", "generated clients lose the type of this name")

    def _compared(self, old: Schema, new: Schema, where: str, side: Side) -> Iterator[Change]:
        (old, was_null), (new, is_null) = self._settled(old, self._old), self._settled(new, self._new)
        if side is Side.SENT and was_null and not is_null:
            yield breaking(f"`{where}` can no longer be null", "clients that send null get 400")
        if side is Side.RETURNED and is_null and not was_null:
            yield breaking(f"`{where}` can be null", "clients that rely on a value fail to read null")
        if "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(old, new, where, side)
            return
        if changed := keywords.kind(old, new, where, is_sent=side is Side.SENT):
            yield changed
            return
        yield from keywords.values(old, new, where, is_sent=side is Side.SENT)
        if side is Side.SENT:
            yield from keywords.limits(old, new, where)
        if "items" in old and "items" in new:
            yield from self.changes(old["items"], new["items"], where=f"{where}[]", side=side)
        yield from self._properties(old, new, where, side)

    def _settled(self, schema: Schema, components: Mapping[str, Schema]) -> tuple[Schema, bool]:
        """Return a schema without null, and true if null is allowed. ``oneOf`` is handled like ``anyOf``."""
        rest = {name: each for name, each in schema.items() if name not in {"anyOf", "oneOf", "allOf"}}
        for each in schema.get("allOf", ()):
            part = components.get(_name(each), each)
            merged = {**rest.get("properties", {}), **part.get("properties", {})}
            rest = {
                **rest,
                **part,
                "properties": merged,
                "required": [*rest.get("required", ()), *part.get("required", ())],
            }
        forms = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        some = [each for each in forms if each.get("type") != "null"]
        is_null = len(some) < len(forms)
        if len(some) == 1:
            inner, is_inner_null = self._settled(components.get(_name(some[0]), some[0]), components)
            return {**rest, **inner}, is_null or is_inner_null
        if some:
            return {**rest, "anyOf": some}, is_null
        kinds = schema.get("type")
        if isinstance(kinds, list) and "null" in kinds:
            return {**rest, "type": [each for each in kinds if each != "null"]}, True
        return rest, is_null

    def _alternatives(self, old: Schema, new: Schema, where: str, side: Side) -> Iterator[Change]:
        """Compare alternatives: the receiver must know each alternative that the sender can use."""
        before, after = old.get("anyOf", [old]), new.get("anyOf", [new])
        for form in before if side is Side.SENT else after:
            others = after if side is Side.SENT else before
            pairs = [(form, each) if side is Side.SENT else (each, form) for each in others]
            if any(not any(each.is_breaking for each in self._fit(pair, where, side)) for pair in pairs):
                continue
            name = f"`{_name(form)}` of `{where}`" if _name(form) else f"One of the forms of `{where}`"
            if side is Side.SENT:
                yield breaking(f"{name} is no longer accepted", "clients that send it get 400")
            else:
                yield breaking(f"{name} is a new form", "clients that know the other forms fail to read it")

    def _fit(self, pair: tuple[Any, Any], where: str, side: Side) -> list[Change]:
        return self.changes(*pair, where=where, side=side)

    def _properties(self, old: Schema, new: Schema, where: str, side: Side) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield _removed(f"{where}.{name}", before[name], side)
            else:
                yield from self.changes(before[name], after[name], where=f"{where}.{name}", side=side)
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name in [*after]:
            if side is Side.SENT and name in needs - needed:
                yield breaking(f"`{where}.{name}` is required", "clients that leave it out get 400")
            elif side is Side.RETURNED and name in needed - needs:
                yield breaking(f"`{where}.{name}` can be absent", "clients that rely on it fail")
            elif name not in before:
                yield addition(f"`{where}.{name}` is {side.value}", name)
        yield from self._others(old, new, where, side)

    def _others(self, old: Schema, new: Schema, where: str, side: Side) -> Iterator[Change]:
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self.changes(before, after, where=f"{where}.*", side=side)
        elif side is Side.SENT and after is False and before is not False:
            yield breaking(f"`{where}` accepts no other properties", "clients that send more than the listed get 400")


def _name(schema: Any) -> str:
    """Return the name of the component to which a schema refers, or an empty text without a reference."""
    reference = schema.get("$ref", "") if isinstance(schema, Mapping) else ""
    return str(reference).removeprefix(SCHEMAS)


def _removed(where: str, schema: Any, side: Side) -> Change:
    if side is Side.RETURNED:
        return breaking(f"`{where}` is no longer returned", "clients that read it find nothing")
    who = "send back a resource" if isinstance(schema, Mapping) and schema.get("readOnly") else "send it"
    return breaking(f"`{where}` is no longer accepted", f"clients that {who} get 400")
