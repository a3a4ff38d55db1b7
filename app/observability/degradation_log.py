"""Log entries for degraded responses: the missing dependency and its error."""

from typing import Final

from app import errs, product
from app.observability import error_fields, logs

_LOG: Final = product.logger("dependencies")


def degraded(dependency: str, reason: str, error: errs.Error) -> None:
    """Log a degraded response. If the response is an error, the error's own entry has these fields."""
    fields = {
        "dependency": dependency,
        "reason": reason,
        "kind": error.kind.string,
        "code": error.code or None,
        "op": errs.ops(error) or None,
        "facts": error_fields.facts_of(error),
        **logs.cause_chain(error, stack=False),
    }
    _LOG.warning("degraded response without %s: %s", dependency, reason, extra={"fields": fields})
