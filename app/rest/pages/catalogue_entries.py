"""The entries of the error catalogue, from the definitions of errors and the declarations of operations (C10)."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from flask import current_app

from app import errs
from app.errs.platform import CatalogueEntryNotFound
from app.rest import error_examples, operations
from app.rest.errors import MEDIA_TYPE, status_of
from app.rest.openapi_completion import heading
from app.rest.openapi_components import JSON_TYPES

_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True, slots=True)
class Extra:
    """A property of one error's problem documents in addition to the common ones."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Example:
    """A response with an error; ``body`` is ``None`` if there is no body."""

    status: HTTPStatus
    headers: dict[str, str]
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Answering:
    """An operation that returns an error."""

    method: str
    path: str
    tag: str
    operation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """An error in the index."""

    code: str
    slug: str
    type: str
    title: str
    status: HTTPStatus
    kind: str
    fault: errs.Fault
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry(Summary):
    """The description of one error. ``is_universal``: any request can get it before it reaches an operation."""

    when: str
    client: str
    operator: str
    since: str
    extras: tuple[Extra, ...]
    example: Example
    curl: str | None
    simulation: str | None
    is_universal: bool
    operations: tuple[Answering, ...]


def summaries() -> tuple[Summary, ...]:
    """Return all errors, sorted by code."""
    return tuple(Summary(**_summary(named)) for named in errs.named_errors().values())


@errs.raises(CatalogueEntryNotFound)
def find_violation(slug: str) -> dict[str, Any]:
    """Return the violation code with this slug."""
    found = errs.violation_codes().get(slug.upper().replace("-", "_"))
    if found is None or errs.slug(found.code) != slug:
        raise CatalogueEntryNotFound
    return _violation(found)


def violations() -> list[dict[str, Any]]:
    """Return all violation codes, sorted."""
    return [*map(_violation, errs.violation_codes().values())]


def _violation(found: errs.ViolationCode) -> dict[str, Any]:
    return {
        "code": found.code,
        "slug": errs.slug(found.code),
        "title": found.title,
        "client": found.client,
        "since": found.since,
        "example": error_examples.violation(found),
    }


@errs.raises(CatalogueEntryNotFound)
def find(slug: str) -> CatalogueEntry:
    """Return the entry with this slug."""
    named = errs.named_errors().get(slug.upper().replace("-", "_"))
    if named is None or errs.slug(named.code) != slug:
        raise CatalogueEntryNotFound
    return CatalogueEntry(
        **_summary(named),
        when=errs.occurrence(named),
        client=named.client,
        operator=named.operator,
        since=named.since,
        extras=tuple(Extra(name, _type_name(JSON_TYPES[kind])) for name, kind in named.declared_facts.items()),
        example=_example(named),
        curl=error_examples.curl(named, public_url=_public_url()),
        simulation=error_examples.simulation(named, current_app),
        is_universal=named in operations.EVERYWHERE,
        operations=_answering(named),
    )


def _summary(named: type[errs.Error]) -> dict[str, Any]:
    slug = errs.slug(named.code)
    return {
        "code": named.code,
        "slug": slug,
        "type": f"{_public_url()}/errors/{slug}",
        "title": errs.title(named),
        "status": status_of(named),
        "kind": named.kind.string,
        "fault": named.kind.fault,
        "retryable": named.kind.retryable,
    }


def _example(named: type[errs.Error]) -> Example:
    body = error_examples.document(named, public_url=_public_url())
    entity = {"Content-Length": "0"} if body is None else {"Content-Type": MEDIA_TYPE}
    always = {"X-Content-Type-Options": "nosniff", "X-Request-Id": error_examples.REQUEST_ID}
    return Example(status_of(named), {**entity, **error_examples.headers(named), **always}, body)


def _answering(named: type[errs.Error]) -> tuple[Answering, ...]:
    """Return the documented operations that declare the error."""
    found = []
    for (endpoint, method), operation in operations.table(current_app).items():
        if operation.is_documented and named in operation.raises:
            path = _PARAMETER.sub(r"{\1}", operation.name.partition(" ")[2])
            found.append(Answering(method, path, heading(endpoint.rpartition(".")[0]), operation.operation_id))
    return tuple(found)


def _type_name(schema: dict[str, Any]) -> str:
    """Return the readable name of a JSON type."""
    inner = schema.get("items") or schema.get("additionalProperties")
    return f"{schema['type']} of {inner['type']}s" if inner else str(schema["type"])


def _public_url() -> str:
    url: str = current_app.config["PUBLIC_URL"]
    return url
