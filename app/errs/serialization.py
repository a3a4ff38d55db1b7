"""Serialization of errors: a chain of errors to JSON and back, and problem documents of other services.

The JSON contains kind, code, message, param, retry_after, violations and the operation path. It does not contain user,
detail, undeclared facts or stacks.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from app.errs.error import Error, Violation, causes
from app.errs.kinds import Kind
from app.errs.make import build

T = TypeVar("T")

_TEXTS: Final = ("op", "code", "message", "param")
_MAX_WAIT: Final = 86400
"""The longest wait, in seconds, that is accepted from another service."""
_LARGEST_STATUS: Final = 599


def to_json(error: Error) -> str:
    """Return the ``Error`` objects of the chain, outermost first, as a JSON array without other exceptions."""
    return json.dumps([_link(link) for link in causes(error) if isinstance(link, Error)], default=str)


def from_json(text: str | bytes) -> Error:
    """Rebuild a chain that ``to_json`` wrote.

    Raises:
        ValueError: the text is not a marshalled error.
    """
    try:
        links = json.loads(text)
    except RecursionError as exc:
        raise ValueError("the text is not a marshalled error") from exc
    rebuilt = None
    for link in reversed(_as(list, links)):
        rebuilt = _error(_as(dict, link), cause=rebuilt)
    if rebuilt is None:
        raise ValueError("the text is not a marshalled error")
    return rebuilt


def from_problem(document: object) -> Error:
    """Return the error that another service's problem document (RFC 9457) describes.

    A kind of this codebase is kept. Any other document or value becomes an ``EXTERNAL`` error. Its texts go to the log.
    """
    attributes: Mapping[str, object] = document if isinstance(document, Mapping) else {}
    try:
        kind = Kind.of(str(attributes.get("kind")))
    except ValueError:
        kind = Kind.EXTERNAL
    return build(
        None,
        kind=kind,
        code=_text(attributes.get("code")),
        cause=None,
        param=_text(attributes.get("param")),
        detail=_text(attributes.get("detail")) or _text(attributes.get("title")),
        retry_after=_integer(attributes.get("retry_after"), _MAX_WAIT),
        remote_request_id=_text(attributes.get("request_id")),
        remote_status=_integer(attributes.get("status"), _LARGEST_STATUS),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _integer(value: object, largest: int) -> int | None:
    return value if type(value) is int and 0 <= value <= largest else None


def _link(error: Error) -> dict[str, object]:
    """Return the attributes that one error of the chain sets itself."""
    attributes = {name: getattr(type(error), name) for name in _TEXTS if hasattr(type(error), name)} | error.__dict__
    link = {name: attributes[name] for name in (*_TEXTS, "retry_after") if attributes.get(name) is not None}
    if hasattr(type(error), "kind") or "kind" in attributes:
        link["kind"] = error.kind.string
    if error.operations:
        link["passed"] = list(error.operations)
    if "violations" in attributes:
        link["violations"] = [violation.document() for violation in error.violations]
    if error.declared_facts:
        link["facts"] = {name: error.facts[name] for name in error.declared_facts}
    return link


def _error(link: dict[str, Any], *, cause: Error | None) -> Error:
    """Return one error of the chain.

    Raises:
        ValueError: a property has the wrong type.
    """
    texts = {name: _as(str, link[name]) for name in _TEXTS if name in link}
    error = build(
        texts.pop("op", None),
        code=texts.pop("code", None),
        kind=Kind.of(_as(str, link["kind"])) if "kind" in link else None,
        retry_after=_as(int, link["retry_after"]) if "retry_after" in link else None,
        violations=tuple(map(_violation, _as(list, link["violations"]))) if "violations" in link else None,
        cause=cause,
        **texts,
    )
    error.facts = _as(dict, link.get("facts", {}))
    error.operations = tuple(_as(str, op) for op in _as(list, link.get("passed", [])))
    return error


def _violation(document: object) -> Violation:
    texts = _as(dict, document)
    if any(type(text) is not str for text in texts.values()):
        raise ValueError("the text is not a marshalled error")
    try:
        return Violation(**texts)
    except TypeError as exc:
        raise ValueError("the text is not a marshalled error") from exc


def _as(kind: type[T], value: object) -> T:
    """Return the value if it has exactly this type; ``True`` is not an integer."""
    if type(value) is not kind:
        raise ValueError("the text is not a marshalled error")
    return value
