"""The comparison of the error contract: kinds, codes, statuses, gRPC statuses, properties and header fields."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.contract.contract_change import Change, addition, breaking, listed
from app.contract.schemas import Schemas, Side

Record = Mapping[str, Any]
EFFECTS: Final[Mapping[str, str]] = {
    "number": "programs that store it read another kind",
    "string": "clients that compare it no longer match",
    "kind": "clients that branch on it take another branch",
    "status": "clients that branch on the HTTP status take another branch",
    "gRPC status": "gRPC clients that branch on the status take another branch",
    "retryable": "clients that follow it retry too much or too little",
    "fault": "clients and alerts that use it attribute the error to another party",
    "scope": "gRPC clients whose tokens have only the old one get PERMISSION_DENIED",
    "is_keyed": "gRPC clients that repeat a call with a key create twice",
}
"""The effect of a change of each fact on callers."""
LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "headers": ("the header field `{}`", "clients that read it find nothing"),
    "errors": ("the error `{}`", "gRPC clients that handle it see another error or none"),
}


def changes(old: Record, new: Record) -> list[Change]:
    """Return the changes between two records."""
    found = [
        *_entries("Kind", old["kinds"], new["kinds"], old, new),
        *_entries("Code", old["codes"], new["codes"], old, new),
        *_names("Violation", old["violations"], new["violations"]),
        *_names("Error before any operation", old["anywhere"], new["anywhere"]),
        *_entries("gRPC method", old["methods"], new["methods"], old, new),
        *_schema("Problem", old["problem"], new["problem"], old, new),
        *_schema("Violation", old["violation"], new["violation"], old, new),
    ]
    return [*dict.fromkeys(found)]


def _entries(what: str, old: Record, new: Record, before: Record, after: Record) -> Iterator[Change]:
    yield from _names(what, [*old], [*new])
    for name in old:
        if name in new:
            yield from _facts(f"{what} `{name}`", old[name], new[name])
            if "schema" in old[name]:
                yield from _schema(name, old[name]["schema"], new[name].get("schema", {}), before, after)


def _names(what: str, old: list[str], new: list[str]) -> Iterator[Change]:
    yield from listed(
        old,
        new,
        gone=lambda name: breaking(f"{what} `{name}` is gone", "clients that handle it never see it again"),
        added=lambda name: addition(f"{what} `{name}` is new", name.rpartition("/")[2]),
    )


def _facts(what: str, old: Record, new: Record) -> Iterator[Change]:
    for name, effect in EFFECTS.items():
        if name in old and old[name] != new.get(name) and not (name == "is_keyed" and new.get(name)):
            yield breaking(f"{what} has {name} {new.get(name)} instead of {old[name]}", effect)
    if (limit := old.get("max_bytes", 0)) > new.get("max_bytes", 0):  # part: grpc
        values = f"{what} reads {new.get('max_bytes', 0)} bytes instead of {limit}"
        yield breaking(values, "gRPC clients that send larger messages get RESOURCE_EXHAUSTED")
    for name, (thing, effect) in LISTS.items():
        for each in old.get(name, ()):
            if each not in new.get(name, ()):
                yield breaking(f"{what} no longer has {thing.format(each)}", effect)
        for each in new.get(name, ()):
            if each not in old.get(name, ()):
                yield addition(f"{what} has {thing.format(each)}", each)


def _schema(name: str, old: Record, new: Record, before: Record, after: Record) -> list[Change]:
    """Return the changes of the properties of a problem document."""
    schemas = Schemas({"Violation": before["violation"]}, {"Violation": after["violation"]})
    return schemas.changes(old, new, where=name, side=Side.RETURNED)
