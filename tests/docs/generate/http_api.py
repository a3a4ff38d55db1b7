"""Operations, scopes and their limits, from the routes and the OpenAPI document."""

from collections import defaultdict
from typing import Any, Final

from app.errs.requests import InvalidIdempotencyKey
from app.rest import operations, scopes
from app.rest.errors import status_of
from app.rest.operations import Operation
from tests.docs.generate.application import app, documented, openapi
from tests.docs.generate.errors import shown
from tests.docs.generate.markdown import PROPERTIES, code, codes, document, link, table

EVERYWHERE: Final = "RATE_LIMIT"
SCOPE: Final = {None: "public: no token", "": "any valid token"}
COMMON: Final = ("INTERNAL_ERROR", "RATE_LIMIT_EXCEEDED", "NOT_ACCEPTABLE")
MEANINGS: Final = {
    "account": "The caller's own account. Every session has it.",
    "admin": "All operations. It includes every other scope.",
    "movies:read": "Read movies.",
    "movies:write": "Create, replace and delete movies.",
    "orders": "The caller's own orders.",
    "tasks": "The caller's own tasks.",
}


def page() -> str:
    """Return the page of operations."""
    tags = {each["name"]: each["description"] for each in openapi()["tags"]}
    by_tag: dict[str, list[str]] = defaultdict(list)
    for path, item in openapi()["paths"].items():
        for method, each in item.items():
            if method != "parameters":
                by_tag[each["tags"][0]].append(_operation(method.upper(), path, each))
    universal = ", ".join(link(code(each.code), "errors.md", each.code) for each in operations.EVERYWHERE)
    common = ", ".join(link(code(each), "errors.md", each) for each in COMMON)
    overview = table(
        ("Operation", "Summary", "Scope"),
        [
            (link(code(shown(each.name)), "", shown(each.name)), _openapi_of(name)["summary"], _scope(each))
            for name, each in documented().items()
        ],
    )
    return document(
        "HTTP API",
        "app/rest/handlers and the OpenAPI document",
        "Every operation, with its scope, limits and errors. A running service serves the schemas of all bodies: "
        "`GET /openapi.json` is the OpenAPI 3.1 document, and `GET /docs` shows it.\n\n"
        f"A request that reaches no operation returns {universal}. An operation can also return {common}; the tables below "
        "list the other errors. For the order of the checks, see [Order of checks](precedence.md).",
        f"## All operations\n\n{overview}",
        *(f"## {tag}\n\n{tags.get(tag, '')}\n\n" + "\n\n".join(each) for tag, each in by_tag.items()),
    )


def _openapi_of(operation_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each
        for item in openapi()["paths"].values()
        for each in item.values()
        if isinstance(each, dict) and each.get("operationId") == operation_id
    )
    return found


def _operation(method: str, path: str, described: dict[str, Any]) -> str:
    operation = documented()[described["operationId"]]
    rows: list[tuple[str, str]] = [("Operation ID", code(operation.operation_id)), ("Scope", _scope(operation))]
    rows.append(("Rate limit", _limit(operation)))
    if operation.consumes:
        size = operation.body_limit(app().config["MAX_BODY_BYTES"])
        rows.append(("Request body", f"{codes(operation.consumes)}; at most {size:,} bytes"))
    if operation.parameters:
        rows.append(("Query parameters", codes(operation.parameters)))
    if InvalidIdempotencyKey in operation.raises:
        rows.append(("Idempotency", "`Idempotency-Key` is optional"))
    rows.append(("Success", ", ".join(sorted(status for status in described["responses"] if status < "4"))))
    rows.append(("Response", codes(operation.produces) if operation.produces else "no body"))
    raised = sorted(
        {each for each in operation.raises if each.code not in COMMON and each not in operations.EVERYWHERE},
        key=lambda each: (status_of(each).value, each.code),
    )
    rows.append(
        (
            "Errors",
            ", ".join(f"{status_of(each).value} {link(code(each.code), 'errors.md', each.code)}" for each in raised),
        )
    )
    text = described.get("description", "").removeprefix(described["summary"]).strip()
    return (
        f"### {method} {path}\n\n{described['summary']}\n\n" + (f"{text}\n\n" if text else "") + table(PROPERTIES, rows)
    )


def _scope(operation: Operation) -> str:
    if operation.scope in SCOPE:
        return SCOPE[operation.scope]
    return link(code(operation.scope), "scopes.md", str(operation.scope))


def _limit(operation: Operation) -> str:
    if not operation.is_limited:
        return "none"
    names = [EVERYWHERE, *([operation.limit] if operation.limit else [])]
    return " and ".join(f"{link(code(name), 'settings.md', name)} ({app().config[name]})" for name in names)


def scopes_page() -> str:
    """Return the page of scopes.

    Raises:
        KeyError: a scope has no meaning here.
    """
    sections = []
    for name in sorted(scopes.SCOPES):
        found = [shown(each.name) for each in documented().values() if each.scope == name]
        listed = "\n".join(f"- {link(code(each), 'http-api.md', each)}" for each in found)
        sections.append(f"## {name}\n\n{MEANINGS[name]}\n\n{listed or 'No operation requires it by name.'}")
    return document(
        "Scopes",
        "app/rest/scopes.py",
        "A token has scopes in its claim `scope`, separated by spaces. An operation without the scope returns 403 "
        f"({link(code('INSUFFICIENT_SCOPE'), 'errors.md', 'INSUFFICIENT_SCOPE')}). New accounts get "
        f"{link(code('DEFAULT_SCOPES'), 'settings.md', 'DEFAULT_SCOPES')}. To change the scopes of an account, run "
        f"{link(code('flask users grant'), 'cli.md', 'flask users grant')} or "
        f"{link(code('flask users revoke'), 'cli.md', 'flask users revoke')}; both reject names that are not on this page.",
        *sections,
    )
