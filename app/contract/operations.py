"""The comparison of two OpenAPI documents by operation. The error contract is compared separately."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.contract.contract_change import Change, addition, breaking, collected, listed
from app.contract.schemas import Schemas, Side
from app.request_context import ADMIN

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PROBLEM: Final = "application/problem+json"
LIMIT: Final = "x-max-body-bytes"
CODES: Final = "x-errors"
SCOPES: Final = "x-scopes"
IS_400: Final = "send it get 400"
UNREAD: Final = {"header": "send it are ignored", "path": "use its name have to be generated again"}
"""The effect of a removed parameter on clients, by its location."""
Document = Mapping[str, Any]
Operation = Mapping[str, Any]


def changes(old: Document, new: Document) -> list[Change]:
    """Return the changes between two documents, each once, with its operations."""
    return [*_scopes(old, new), *collected(_found(old, new))]


def _found(old: Document, new: Document) -> Iterator[tuple[Change, str]]:
    schemas = Schemas(_components(old, "schemas"), _components(new, "schemas"))
    before, after = _operations(old), _operations(new)
    for key, (name, operation) in before.items():
        if key not in after:
            yield breaking("An operation is gone", "clients that call it get 404 or 405"), name
            continue
        for change in _Pair(operation, after[key][1], old, new, schemas).changes():
            yield change, name
    for key, (name, operation) in after.items():
        if key not in before:
            yield addition(f"`{name}` is a new operation", *name.split(" ", 1)), ""
        elif operation.get("deprecated") and not before[key][1].get("deprecated"):
            yield addition(f"`{name}` is deprecated", *name.split(" ", 1)), ""


def _operations(document: Document) -> dict[tuple[str, str], tuple[str, Operation]]:
    """Return the operations by method and path. Path parameters have no names in the keys."""
    found: dict[tuple[str, str], tuple[str, Operation]] = {}
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method in METHODS:
            if method in item:
                operation = {**item[method], "parameters": [*shared, *item[method].get("parameters", [])]}
                found[method, re.sub(r"\{[^}]*\}", "{}", path)] = (f"{method.upper()} {path}", operation)
    return found


def _components(document: Document, kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document.get("components", {}).get(kind, {})
    return found


def _resolved(document: Document, node: Any) -> Any:
    """Return the target of a reference, or any other node unchanged."""
    while isinstance(node, Mapping) and "$ref" in node:
        kind, name = node["$ref"].split("/")[-2:]
        node = _components(document, kind)[name]
    return node


def _scopes(old: Document, new: Document) -> Iterator[Change]:
    """Yield the changes of the list of scopes."""
    after = _components(new, "securitySchemes")
    for scheme, each in _components(old, "securitySchemes").items():
        was, now = each.get(SCOPES, []), after.get(scheme, {}).get(SCOPES, [])
        yield from listed(
            was,
            now,
            gone=lambda scope: breaking(f"The scope `{scope}` is gone", "clients that request it get no token"),
            added=lambda scope: addition(f"`{scope}` is a new scope", scope),
        )


class _Pair:
    """One operation in both documents."""

    def __init__(self, old: Operation, new: Operation, before: Document, after: Document, schemas: Schemas) -> None:
        self._old, self._new, self._before, self._after, self._schemas = old, new, before, after, schemas

    def changes(self) -> Iterator[Change]:
        """Yield all changes."""
        if self._old.get("operationId") != self._new.get("operationId"):
            names = f"`{self._old.get('operationId')}` is called `{self._new.get('operationId')}`"
            yield breaking(f"The operation {names}", "generated clients lose the function of this name")
        yield from self._security()
        yield from self._parameters()
        yield from self._body()
        yield from self._codes()
        yield from self._responses()

    def _security(self) -> Iterator[Change]:
        before = self._old.get("security", self._before.get("security", []))
        after = self._new.get("security", self._after.get("security", []))
        if not after or {} in after:
            return
        if not before or {} in before:
            yield breaking("Authentication is required", "clients that send no token get 401")
            return
        for each in before:
            if not any(_is_enough(each, other) for other in after):
                scopes = ", ".join(sorted({scope for other in after for names in other.values() for scope in names}))
                yield breaking(
                    f"The scope {scopes or 'of another scheme'} is needed", "tokens that have only the old one get 403"
                )

    def _parameters(self) -> Iterator[Change]:
        before, after = _parameters(self._before, self._old), _parameters(self._after, self._new)
        for (where, name), each in before.items():
            other = after.get((where, name))
            if other is None:
                yield breaking(f"The {where} parameter `{name}` is gone", f"clients that {UNREAD.get(where, IS_400)}")
                continue
            if other.get("required") and not each.get("required"):
                yield breaking(f"The {where} parameter `{name}` is required", "clients that leave it out get an error")
            if any(each.get(style) != other.get(style) for style in ("style", "explode")):
                yield breaking(f"The {where} parameter `{name}` is spelled in another way", f"clients that {IS_400}")
            schemas = each.get("schema", {}), other.get("schema", {})
            yield from self._schemas.changes(*schemas, where=name, side=Side.SENT)
        for (where, name), each in after.items():
            if (where, name) not in before and where != "path":
                yield _new_parameter(where, name, is_required=each.get("required", False))

    def _body(self) -> Iterator[Change]:
        before = _resolved(self._before, self._old.get("requestBody"))
        after = _resolved(self._after, self._new.get("requestBody"))
        if before is None and after is None:
            return
        if after is None:
            yield breaking("A body is no longer read", "clients that send one are ignored")
            return
        if after.get("required") and not (before or {}).get("required"):
            yield breaking("A body is required", "clients that send none get 400")
        if before is None:
            return
        if (limit := self._new.get(LIMIT, 0)) < self._old.get(LIMIT, 0):
            required = f"A body has at most {limit} bytes instead of {self._old[LIMIT]}"
            yield breaking(required, "clients that send larger ones get 413")
        yield from self._contents(before["content"], after["content"], "body", Side.SENT)

    def _contents(self, old: Document, new: Document, where: str, side: Side) -> Iterator[Change]:
        for name in old:
            if name not in new:
                status = "415" if side is Side.SENT else "406"
                yield breaking(
                    f"The media type `{name}` is no longer {side.value}", f"clients that use it get {status}"
                )
            elif name != PROBLEM:
                yield from self._schemas.changes(
                    old[name].get("schema", {}), new[name].get("schema", {}), where=where, side=side
                )
        for name in new:
            if name not in old and name != PROBLEM:
                yield addition(f"The media type `{name}` is {side.value}", name)

    def _codes(self) -> Iterator[Change]:
        lost = "clients that handle it see another error or none"
        yield from listed(
            self._old.get(CODES, []),
            self._new.get(CODES, []),
            gone=lambda code: breaking(f"`{code}` is no longer returned", lost),
            added=lambda code: addition(f"`{code}` can be returned", code),
        )

    def _responses(self) -> Iterator[Change]:
        before, after = self._old.get("responses", {}), self._new.get("responses", {})
        for status, each in before.items():
            if status not in after:
                yield breaking(f"The status {status} is no longer returned", "clients that expect it see another one")
                continue
            was, now = _resolved(self._before, each), _resolved(self._after, after[status])
            yield from self._headers(was.get("headers", {}), now.get("headers", {}))
            yield from self._contents(
                was.get("content", {}), now.get("content", {}), f"response {status}", Side.RETURNED
            )
        for status in after:
            if status not in before and status < "4":
                yield addition(f"The status {status} can be returned", status)

    def _headers(self, old: Document, new: Document) -> Iterator[Change]:
        for name, each in old.items():
            if name not in new:
                yield breaking(f"The header field `{name}` is no longer returned", "clients that read it find nothing")
                continue
            was, now = _resolved(self._before, each), _resolved(self._after, new[name])
            yield from self._schemas.changes(
                was.get("schema", {}), now.get("schema", {}), where=name, side=Side.RETURNED
            )
        for name in new:
            if name not in old:
                yield addition(f"The header field `{name}` is returned", name)


def _parameters(document: Document, operation: Operation) -> dict[tuple[str, str], Mapping[str, Any]]:
    found = [_resolved(document, each) for each in operation["parameters"]]
    return {(each["in"], each["name"]): each for each in found}


def _new_parameter(where: str, name: str, *, is_required: bool) -> Change:
    if not is_required:
        return addition(f"`{name}` is a new {where} parameter", name)
    return breaking(f"The new {where} parameter `{name}` is required", "clients that do not know it get an error")


def _is_enough(old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> bool:
    """Return true if credentials for the old requirement satisfy the new one. The admin scope implies all others."""
    return all(
        scheme in old and (ADMIN in old[scheme] or {*scopes} <= {*old[scheme]}) for scheme, scopes in new.items()
    )
