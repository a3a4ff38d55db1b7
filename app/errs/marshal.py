"""Errors across a service boundary: a whole chain to JSON and back, and other services' problem documents.

Kind, code, message, param, retry_after, violations and the op trail travel. User, detail, undeclared facts and
stacks stay home.
"""

import json
from collections.abc import Mapping
from typing import Any

from app.errs.error import E, Error, Violation, chain
from app.errs.kinds import Kind


def to_json(error: Error) -> str:
    """Return the chain of house errors, outermost first, as a JSON array; causes of other makes are left out."""
    return json.dumps([_link(link) for link in chain(error) if isinstance(link, Error)])


def from_json(text: str | bytes) -> Error:
    """Rebuild a chain that ``to_json`` wrote.

    Raises:
        ValueError: the text is something else.
    """
    try:
        links = json.loads(text)
        rebuilt = None
        for link in reversed(links):
            rebuilt = _error(link, cause=rebuilt)
    except (AttributeError, KeyError, TypeError, RecursionError) as exc:
        raise ValueError("this is no marshalled error") from exc
    if rebuilt is None:
        raise ValueError("this is no marshalled error")
    return rebuilt


def from_problem(document: Mapping[str, Any]) -> Error:
    """Return the error that another service's problem document (RFC 9457) speaks of.

    Its kind is kept when it is one of ours; a foreign document is an ``EXTERNAL`` error. Its texts go to the log.
    """
    try:
        kind = Kind.of(str(document.get("kind")))
    except ValueError:
        kind = Kind.EXTERNAL
    retry_after = document.get("retry_after")
    return E(
        kind=kind,
        code=_text(document.get("code")),
        param=_text(document.get("param")),
        detail=_text(document.get("detail")) or _text(document.get("title")),
        retry_after=retry_after if type(retry_after) is int and retry_after >= 0 else None,
        remote_request_id=_text(document.get("request_id")),
        remote_status=document.get("status"),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _link(error: Error) -> dict[str, object]:
    """Return what one link of the chain says itself, on its own account."""
    own = {**_class_says(error), **error.__dict__}
    link: dict[str, object] = {name: own[name] for name in ("code", "message", "param", "retry_after") if own.get(name)}
    if isinstance(own.get("kind"), Kind):
        link["kind"] = error.kind.string
    if error.op:
        link["op"] = error.op
    if error.__dict__.get("violations"):
        link["violations"] = [violation.document() for violation in error.violations]
    if error.declared_facts:
        link["facts"] = {name: error.facts[name] for name in error.declared_facts}
    return link


def _class_says(error: Error) -> dict[str, object]:
    return {name: getattr(type(error), name) for name in ("kind", "code") if hasattr(type(error), name)}


def _error(link: Mapping[str, Any], *, cause: Error | None) -> Error:
    violations = tuple(Violation(**violation) for violation in link.get("violations", ()))
    return E(
        link.get("op"),
        kind=Kind.of(link["kind"]) if "kind" in link else None,
        code=link.get("code"),
        message=link.get("message"),
        param=link.get("param"),
        retry_after=link.get("retry_after"),
        violations=violations or None,
        cause=cause,
        **link.get("facts", {}),
    )
