"""The record of the current contract: the OpenAPI document, the error contract, and the image of the protocol.

The document contains no texts, because they are not compared, and no values that depend on the deployment.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask import Flask

from app import errs
from app.contract import proto_record
from app.rest import error_examples
from app.rest.error_statuses import STATUS_OF_KIND
from app.rest.errors import BODILESS, status_of
from app.rest.openapi import problem_schema
from app.rest.openapi_components import PROBLEM, VIOLATION
from app.rest.operations import EVERYWHERE
from app.rpc.errors import CODES
from app.rpc.services import METHODS

Record = dict[str, Any]
FILES: Final = (
    "openapi.json",
    "errors.json",
    "proto.json",
)
TEXTS: Final = frozenset(
    {"description", "summary", "example", "examples", "tags", "externalDocs", "servers", "contact"}
)
WIDTH: Final = 120
NAMES: Final = frozenset({"properties", "schemas", "parameters", "headers", "responses", "paths", "content", "mapping"})
"""Objects whose keys are names and not keywords."""


def current(app: Flask) -> dict[str, Record]:
    """Return the record of the current code by file."""
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return {
        "openapi.json": _document(api.spec.to_dict()),
        "errors.json": _errors(),
        "proto.json": proto_record.image(),
    }


def recorded(folder: Path) -> dict[str, Record]:
    """Return the record in a folder.

    Raises:
        OSError: a file is missing.
        ValueError: a file is not JSON.
    """
    return {name: json.loads((folder / name).read_text()) for name in FILES}


def record(folder: Path, state: Mapping[str, Record]) -> None:
    """Write the record into a folder, with line breaks for reviews."""
    folder.mkdir(exist_ok=True)
    for name, each in state.items():
        (folder / name).write_text(_text(each) + "\n")


def _text(node: Any, indent: str = "") -> str:
    """Return JSON with sorted properties, each on one line if it fits."""
    flat = json.dumps(node, sort_keys=True, ensure_ascii=False)
    if not isinstance(node, dict | list) or len(indent) + len(flat) <= WIDTH:
        return flat
    inner = indent + " "
    if isinstance(node, list):
        return "[\n" + ",\n".join(inner + _text(each, inner) for each in node) + f"\n{indent}]"
    rows = (f"{inner}{json.dumps(name)}: {_text(node[name], inner)}" for name in sorted(node))
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


def _document(whole: Record) -> Record:
    """Return the document without its texts. A response keeps an empty description, which OpenAPI requires."""
    found: Record = without_texts(whole)
    operations = (each for item in found["paths"].values() for each in item.values() if isinstance(each, dict))
    for responses in (found["components"].get("responses", {}), *(each["responses"] for each in operations)):
        for response in responses.values():
            if "$ref" not in response:
                response["description"] = ""
    return found


def without_texts(node: Any, *, are_names: bool = False) -> Any:
    """Return a part of the document without its texts.

    Args:
        node: the part.
        are_names: true if the keys of the part are names and not keywords.
    """
    if isinstance(node, list):
        return [without_texts(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    return {
        name: each
        if name.startswith("x-")
        else without_texts(each, are_names=name in NAMES and isinstance(each, Mapping))
        for name, each in node.items()
        if are_names or name not in TEXTS
    }


def _errors() -> Record:
    """Return the error contract."""
    return {
        "kinds": {
            kind.string: {
                "number": kind.value,
                "status": int(STATUS_OF_KIND[kind]),
                "gRPC status": CODES[kind].name,
                "retryable": kind.retryable,
                "fault": kind.fault.value,
            }
            for kind in errs.Kind
        },
        "codes": {code: _code(named) for code, named in errs.named_errors().items()},
        "violations": [*errs.violation_codes()],
        "anywhere": sorted(named.code for named in EVERYWHERE),
        "methods": {
            path.lstrip("/"): {
                "scope": method.scope,
                "errors": sorted(named.code for named in method.raises),
                "max_bytes": method.max_bytes,
                "is_keyed": method.is_kept,
            }
            for path, method in METHODS.items()
        },
        "problem": _closed_lists_apart(PROBLEM),
        "violation": _closed_lists_apart(VIOLATION),
    }


def _code(named: type[errs.Error]) -> Record:
    """Return the contract of one named error. 401 and 403 have no body."""
    found: Record = {
        "kind": named.kind.string,
        "status": int(status_of(named)),
        "gRPC status": CODES[named.kind].name,
        "headers": sorted(error_examples.headers(named)),
    }
    if status_of(named) not in BODILESS:
        whole = without_texts(problem_schema(named))
        own = {name: each for name, each in whole["properties"].items() if name not in PROBLEM["properties"]}
        found["schema"] = {"type": "object", "properties": own, "required": sorted(own.keys() & {*whole["required"]})}
    return found


def _closed_lists_apart(schema: Mapping[str, Any]) -> Record:
    """Return a schema without the enumerations of kinds and codes, which are recorded in their entries."""
    kept: Record = without_texts(schema)
    for each in kept["properties"].values():
        each.pop("enum", None)
    return kept
