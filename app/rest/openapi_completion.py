"""The final form of the OpenAPI document, which client generators and validators interpret in the same way.

marshmallow describes a schema once. This module distinguishes requests from responses:

- A response has all its properties, except those that ``?fields=`` omits, and can have more in a later release. All are
  ``required``, and ``additionalProperties`` is not ``false``.
- No property has a ``default``: generated clients send defaults with every update, or require omitted properties.
  The description contains the default, and so does ``x-default``, for the comparison with the recorded contract.
- A parameter is never null: a query has no null.
- ``const`` is an ``enum`` of one value with a type, an ``enum`` with null is ``anyOf``, and integers have a format.
- ``allOf`` of a single reference is that reference. An object without properties allows any property.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

import orjson

SCHEMAS: Final = "#/components/schemas/"
INT32: Final = 2**31 - 1
TYPES: Final[Mapping[type, str]] = {str: "string", bool: "boolean", int: "integer", float: "number"}
ERRORS: Final = frozenset({"Problem", "ItemProblem", "Violation"})
"""Schemas in responses whose optional properties stay optional."""
_SUBSCHEMAS: Final = ("items", "additionalProperties", "not")
_LISTS: Final = ("anyOf", "oneOf", "allOf")


def finished(document: Mapping[str, Any], *, unlisted: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a copy of the document with its schemas finished.

    Args:
        document: the document from apispec.
        unlisted: names of schemas that are omitted without a reference to them.
    """
    found: dict[str, Any] = deepcopy(dict(document))
    schemas: dict[str, Any] = found.get("components", {}).get("schemas", {})
    operations = [*_operations(found)]
    sent = _reached(schemas, [each.get("requestBody") for each in operations])
    returned = _reached(schemas, [[*_successes(each)] for each in operations])
    for name in returned - ERRORS:
        for each in _nested(schemas[name]):
            _complete(each, is_sent=name in sent)
    for each in _parameters(found):
        _exclude_null(each["schema"])
    _describe(found, operations)
    for each in _roots(found):
        for schema in _nested(each):
            _settle(schema)
    for each in _parameters(found):
        _free(each["schema"])
    for name in unlisted - _reached(schemas, [{**found, "components": {**found["components"], "schemas": {}}}]):
        schemas.pop(name, None)
    return found


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from (each for each in item.values() if isinstance(each, dict))


def _parameters(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parameters of all operations that have their own schema."""
    for item in document["paths"].values():
        for part in item.values():
            listed = part.get("parameters", ()) if isinstance(part, dict) else part
            yield from (each for each in listed if isinstance(each, dict) and isinstance(each.get("schema"), dict))


def _successes(operation: Mapping[str, Any]) -> Iterator[Any]:
    return (response for status, response in operation.get("responses", {}).items() if str(status)[:1] == "2")


def _reached(schemas: Mapping[str, Any], start: Any) -> set[str]:
    """Return the names of the schemas that a part of the document refers to, directly or not."""
    found, pending = set[str](), [start]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping):
            reference, mapping = node.get("$ref"), node.get("mapping")
            named = [reference, *(mapping.values() if isinstance(mapping, Mapping) else ())]
            for each in named:
                if isinstance(each, str) and each.startswith(SCHEMAS):
                    name = each.removeprefix(SCHEMAS)
                    if name in schemas and name not in found:
                        found.add(name)
                        pending.append(schemas[name])
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    return found


def _roots(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema of the document that is not nested in another one."""
    if isinstance(node, dict):
        for name, each in node.items():
            if name == "schema":
                yield each
            elif name == "schemas":
                yield from each.values()
            elif name not in {"example", "examples"}:
                yield from _roots(each)
    elif isinstance(node, list):
        for each in node:
            yield from _roots(each)


def _nested(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and its nested schemas."""
    if not isinstance(schema, dict):
        return
    yield schema
    inner = [schema.get(name) for name in _SUBSCHEMAS]
    inner += schema.get("properties", {}).values()
    inner += [each for name in _LISTS for each in schema.get(name, ())]
    for each in inner:
        yield from _nested(each)


def _describe(document: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    """Set the texts of operations, tags and IDs in paths, from docstrings and names."""
    headings = {each["name"]: heading(each["name"]) for each in document.get("tags", ())}
    for each in document.get("tags", ()):
        each["name"] = headings[each["name"]]
    for each in operations:
        each["tags"] = [headings.get(tag, tag) for tag in each.get("tags", ())]
        summary = " ".join(each.get("summary", "").split())
        if summary and "description" not in each:
            each["summary"], each["description"] = summary[: summary.find(". ") + 1] or summary, summary
        _entitle(each)
    for item in document["paths"].values():
        for each in item.get("parameters", ()):
            _describe_id(each)


def _entitle(operation: dict[str, Any]) -> None:
    """Set a title for the errors of one status: generators use it as the name of the type."""
    name = "".join(f"{word[:1].upper()}{word[1:]}" for word in operation.get("operationId", "").split("_"))
    for status, response in operation.get("responses", {}).items():
        for media in response.get("content", {}).values() if isinstance(response, dict) else ():
            schema = media.get("schema")
            if name and isinstance(schema, dict) and "discriminator" in schema:
                schema.setdefault("title", f"{name}{status}Response")


def heading(tag: str) -> str:
    """Return the name of a blueprint as a heading."""
    return f"{tag[:1].upper()}{tag[1:]}".replace("-", " ").replace("_", " ")


def _describe_id(parameter: dict[str, Any]) -> None:
    """Describe a parameter of a path that is an ID, unless it has a description."""
    name = parameter.get("name", "")
    if parameter.get("in") == "path" and name.endswith("_id"):
        parameter.setdefault("description", f"The ID of the {name.removesuffix('_id').replace('_', ' ')}.")


def _complete(schema: dict[str, Any], *, is_sent: bool) -> None:
    """Require all properties of a returned object. An object that is also sent gets no new requirements in requests."""
    properties = schema.get("properties", {})
    always = {
        name for name, each in properties.items() if (each.get("readOnly") if is_sent else not each.get("writeOnly"))
    }
    if required := [name for name in properties if name in always or name in schema.get("required", ())]:
        schema["required"] = required
    if not is_sent and schema.get("additionalProperties") is False:
        del schema["additionalProperties"]


def _exclude_null(schema: dict[str, Any]) -> None:
    """Exclude null from the schema of a parameter: marshmallow allows null if the default is ``None``."""
    if isinstance(kinds := schema.get("type"), list):
        rest = [kind for kind in kinds if kind != "null"]
        schema["type"] = rest[0] if len(rest) == 1 else rest
    if "enum" in schema:
        schema["enum"] = [each for each in schema["enum"] if each is not None]


def _free(schema: dict[str, Any]) -> None:
    """Remove the format of a query parameter without a maximum: a format implies a maximum, but any value is valid."""
    if schema.get("type") == "integer" and "maximum" not in schema:
        schema.pop("format", None)


def _settle(schema: dict[str, Any]) -> None:
    """Rewrite a schema in the form that all generators support."""
    if (default := schema.pop("default", None)) not in (None, "", [], {}):
        schema["x-default"] = default
        schema_type = f"Default: {default if isinstance(default, str) else orjson.dumps(default).decode()}."
        described = schema.get("description", "")
        schema["description"] = described if "default" in described.lower() else f"{described} {schema_type}".lstrip()
    if [*map(set, schema.get("allOf", ()))] == [{"$ref"}]:
        schema.update(schema.pop("allOf")[0])
        schema.pop("type", None)
    if schema.get("type") == "object" and not schema.get("properties"):
        schema.pop("properties", None)
        schema.setdefault("additionalProperties", True)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    values = schema.get("enum")
    if values and None in values:
        rest = [each for each in values if each is not None]
        del schema["enum"]
        schema.pop("type", None)
        schema["anyOf"] = (
            [{"type": TYPES[type(rest[0])], "enum": rest}, {"type": "null"}] if rest else [{"type": "null"}]
        )
    elif values and "type" not in schema:
        schema["type"] = TYPES[type(values[0])]
    kind = schema.get("type")
    if (kind == "integer" or (isinstance(kind, list) and "integer" in kind)) and "format" not in schema:
        schema["format"] = "int32" if schema.get("maximum", INT32 + 1) <= INT32 else "int64"
