"""The comparison of two images of the protocol: ``FileDescriptorSet`` messages in the JSON form of protobuf.

Names and numbers are part of the contract: generated code and the JSON form contain names, messages contain numbers.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.contract.contract_change import Change, addition, breaking

Node = Mapping[str, Any]
MISREAD: Final = "gRPC clients that were generated before misread it"
OF_METHOD: Final = ("inputType", "outputType", "clientStreaming", "serverStreaming")


def changes(old: Node, new: Node) -> list[Change]:
    """Return the changes between two images."""
    before, after = _definitions(old), _definitions(new)
    found = []
    for name, (kind, node) in before.items():
        if name not in after or after[name][0] != kind:
            found.append(
                breaking(
                    f"The {kind} `{name}` of the protocol is gone", "gRPC clients that use it no longer compile or fail"
                )
            )
        else:
            found += COMPARED[kind](name, node, after[name][1])
    for name, (kind, _) in after.items():
        if name not in before:
            found.append(addition(f"`{name}` is a new {kind} of the protocol", name.rpartition(".")[2]))
    return found


def _definitions(image: Node) -> dict[str, tuple[str, Node]]:
    """Return all messages, enums and services by full name, except those of Google."""
    found: dict[str, tuple[str, Node]] = {}
    for file in image["file"]:
        package = file.get("package", "")
        if package.startswith("google."):
            continue
        pending = [(package, file)]
        while pending:
            scope, node = pending.pop(0)
            for key, kind in (
                ("messageType", "message"),
                ("nestedType", "message"),
                ("enumType", "enum"),
                ("service", "service"),
            ):
                for each in node.get(key, ()):
                    name = f"{scope}.{each['name']}".lstrip(".")
                    found[name] = (kind, each)
                    if kind == "message":
                        pending.append((name, each))
    return found


def _pairs(what: str, key: str, name: str, old: Node, new: Node) -> Iterator[tuple[str, Node, Node] | Change]:
    """Yield the entries that both have, and a change for each entry that only one has."""
    before, after = ({each["name"]: each for each in node.get(key, ())} for node in (old, new))
    for each, node in before.items():
        if each not in after:
            yield breaking(f"The {what} `{name}.{each}` is gone", "gRPC clients that use it no longer compile or fail")
        else:
            yield f"{name}.{each}", node, after[each]
    for each in after:
        if each not in before:
            yield addition(f"`{name}.{each}` is a new {what} of the protocol", each)


def _message(name: str, old: Node, new: Node) -> Iterator[Change]:
    for each in _pairs("field", "field", name, old, new):
        if isinstance(each, Change):
            yield each
            continue
        where, was, now = each
        if was["number"] != now["number"]:
            yield _moved(where, was["number"], now["number"])
        if was["jsonName"] != now["jsonName"]:
            options = f"The field `{where}` is `{now['jsonName']}` in JSON instead of `{was['jsonName']}`"
            yield breaking(options, "gRPC clients that read and write JSON lose it")
        if (before := _spelled(old, was)) != (after := _spelled(new, now)):
            options = f"The field `{where}` has another type: {after} instead of {before}"
            yield breaking(options, MISREAD)


def _enum(name: str, old: Node, new: Node) -> Iterator[Change]:
    for each in _pairs("value", "value", name, old, new):
        if isinstance(each, Change):
            yield each
        elif each[1].get("number") != each[2].get("number"):
            yield _moved(each[0], each[1].get("number", 0), each[2].get("number", 0))


def _service(name: str, old: Node, new: Node) -> Iterator[Change]:
    for each in _pairs("method", "method", name, old, new):
        if isinstance(each, Change):
            yield each
            continue
        where, was, now = each
        for part in OF_METHOD:
            if was.get(part) != now.get(part):
                options = f"The method `{where}` has {part} {now.get(part)} instead of {was.get(part)}"
                yield breaking(options, MISREAD)
        if now.get("options", {}).get("deprecated") and not was.get("options", {}).get("deprecated"):
            yield addition(f"The method `{where}` is deprecated", where.rpartition(".")[2])
        yield from _routes(where, was, now)


def _routes(where: str, old: Node, new: Node) -> Iterator[Change]:
    """Yield a change of a method's HTTP path, which gateways use."""
    was, now = (node.get("options", {}).get("[google.api.http]") for node in (old, new))
    if was is not None and was != now:
        yield breaking(
            f"The method `{where}` has another path over HTTP", "gateways that transcode it call the old one"
        )


def _moved(where: str, old: int, new: int) -> Change:
    return breaking(
        f"`{where}` has the number {new} instead of {old}", "gRPC clients that were generated before misread it"
    )


def _spelled(message: Node, field: Node) -> str:
    """Return the type of a field as in a proto file."""
    kind = field.get("typeName", "").lstrip(".") or field["type"].removeprefix("TYPE_").lower()
    if field.get("proto3Optional"):
        return f"optional {kind}"
    if "oneofIndex" in field:
        return f"oneof {message['oneofDecl'][field['oneofIndex']]['name']} {kind}"
    return f"repeated {kind}" if field["label"] == "LABEL_REPEATED" else kind


COMPARED: Final = {"message": _message, "enum": _enum, "service": _service}
