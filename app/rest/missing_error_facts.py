"""Facts from the current request for errors that were raised without them, such as ``Allow`` of a 405.

An error with only a kind, ``E(kind=Kind.METHOD_NOT_ALLOWED)``, has none of the facts that its definition declares. This
module adds the facts that the route, the operation or the deadline determine. Other facts stay absent.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask import has_request_context
from flask.globals import request_ctx

from app import errs
from app.errs import Kind
from app.resilience import deadline
from app.rest.request import current

SAFE: Final = frozenset({"GET", "HEAD"})
"""Methods that one function handles."""
SERVICE: Final = "service"
"""The stage of an exceeded deadline, if the error does not specify one."""


def completed(error: errs.Error) -> dict[str, Any]:
    """Return the facts that the definition of an error declares, including facts from the request."""
    declared = errs.definition(error).declared_facts
    if not declared:
        return {}
    facts = errs.public_facts(error)
    if facts.keys() == declared.keys() or not has_request_context():
        return facts
    supplied = _supplied(error.kind)
    known = {**supplied, **facts}
    return {name: known[name] for name in declared if name in known}


def allowed() -> list[str]:
    """Return the methods of the requested path without the rejected method, and always OPTIONS."""
    adapter = request_ctx.url_adapter
    methods = set(adapter.allowed_methods()) if adapter else set()
    rejected = current().method
    return sorted({*(methods - (SAFE if rejected in SAFE else {rejected})), "OPTIONS"})


def _supplied(kind: Kind) -> Mapping[str, Any]:
    """Return the facts from the request for errors of a kind."""
    request = current()
    if kind is Kind.METHOD_NOT_ALLOWED:
        return {"method": request.method, "allowed": allowed()}
    if kind is Kind.DEADLINE and (limit := deadline.current.get()):
        return {"budget_ms": round(limit.budget.total_seconds() * 1000), "spent_in": SERVICE}
    if (operation := request.operation) is None:
        return {}
    if kind is Kind.UNSUPPORTED_MEDIA_TYPE:
        return {"supported": list(operation.consumes)}
    return {"available": list(operation.produces)} if kind is Kind.NOT_ACCEPTABLE else {}
