"""Errors and violations, from the catalogue and the declarations of operations."""

import re
from typing import Final

from app import errs
from app.rest import operations
from app.rest.errors import status_of
from app.rest.openapi_components import FACTS
from app.rpc.errors import CODES
from tests.docs.generate.application import documented
from tests.docs.generate.markdown import PROPERTIES, code, document, link, prose, table

FAULTS: Final = {
    errs.Fault.CLIENT: "the client",
    errs.Fault.SERVICE: "the service",
    errs.Fault.DEPENDENCY: "a dependency",
    errs.Fault.CAPACITY: "capacity",
}
_PARAMETER: Final = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")
MANY: Final = 12
"""Operations that are listed; an error that more operations return is listed by number."""


def page() -> str:
    """Return the page of errors."""
    named = errs.named_errors()
    overview = table(
        (
            "Code",
            "HTTP status",
            "gRPC status",
            "Meaning",
        ),
        [
            (
                link(code(name), "", name),
                status_of(each).value,
                CODES[each.kind].name,
                errs.title(each),
            )
            for name, each in named.items()
        ],
    )
    kinds = table(
        (
            "Category (`kind`)",
            "HTTP status",
            "gRPC status",
            "Retryable",
            "Responsible (`fault`)",
        ),
        [
            (
                code(kind.string),
                status_of(errs.fallback(kind)).value,
                CODES[kind].name,
                yes(kind.retryable),
                FAULTS[kind.fault],
            )
            for kind in errs.Kind
        ],
    )
    return document(
        "Errors",
        "app/errs",
        "All errors that the service returns, by `code`. A running service has the same pages at `/errors`, and "
        f"`flask errors explain CODE` prints them offline. Rules of input have their own codes: see {link('Violations', 'violations.md')}. "
        f"For the format of errors, see {link('Errors', 'contract/errors.md')} in the wire contract.",
        f"## All codes\n\n{overview}",
        f"## Categories\n\nThe category determines the status, unless a code defines another.\n\n{kinds}",
        *map(_error, named.values()),
    )


def yes(value: bool) -> str:
    """Return a boolean as a word."""
    return "yes" if value else "no"


def _error(named: type[errs.Error]) -> str:
    rows: list[tuple[object, object]] = [
        ("HTTP status", f"{status_of(named).value} {status_of(named).phrase}"),
        ("gRPC status", CODES[named.kind].name),
        ("Category", code(named.kind.string)),
        ("Responsible", FAULTS[named.kind.fault]),
        ("Retryable", yes(named.kind.retryable)),
        ("Page", code(f"/errors/{errs.slug(named.code)}")),
        ("Since", named.since),
    ]
    if named.declared_facts:
        described = (
            f"{code(name)} ({FACTS[name].rstrip('.')})" if name in FACTS else code(name)
            for name in named.declared_facts
        )
        rows.append(("Specific fields", ", ".join(described)))
    return "\n\n".join(
        (
            f"## {named.code}",
            errs.title(named),
            f"**How to fix it (caller):** {named.client}",
            *([] if errs.occurrence(named) == errs.title(named) else [f"**When it occurs:** {errs.occurrence(named)}"]),
            f"**How to fix it (operator):** {named.operator}",
            table(PROPERTIES, rows),
            f"**Operations:** {_operations(named)}",
        )
    )


def _operations(named: type[errs.Error]) -> str:
    if named in operations.EVERYWHERE:
        return "any request, before it reaches an operation."
    found = [each.name for each in documented().values() if named in each.raises]
    if not found:
        return "none. Code that names the category or status uses it."
    if len(found) > MANY:
        return f"{len(found)} of {len(documented())}; {link('HTTP API', 'http-api.md')} lists the errors of each."
    return ", ".join(link(code(shown(name)), "http-api.md", shown(name)) for name in found) + "."


def shown(name: str) -> str:
    """Return the method and path of an operation, with parameters as OpenAPI writes them."""
    return _PARAMETER.sub(r"{\1}", name)


def violations() -> str:
    """Return the page of violations."""
    known = errs.violation_codes().values()
    return document(
        "Violations",
        "app/errs/violation_catalogue.py",
        f"The service rejects invalid input with {link(code('VALIDATION_FAILED'), 'errors.md', 'VALIDATION_FAILED')} (400). "
        "Its `errors` list has an entry for each violation, with one of these codes.",
        table(("Code", "Rule"), [(link(code(each.code), "", each.code), each.title) for each in known]),
        *(
            f"## {each.code}\n\n{each.title}\n\n**How to fix it (caller):** {each.client}\n\n"
            + table(
                PROPERTIES,
                [
                    ("Example of a field", code(each.field)),
                    ("Example of a message", prose(each.message)),
                    ("Page", code(f"/errors/violations/{errs.slug(each.code)}")),
                    ("Since", each.since),
                ],
            )
            for each in known
        ),
    )
