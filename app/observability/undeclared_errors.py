"""Detection of errors that an operation does not declare: one ERROR entry and a counter."""

from typing import Final

from app import errs, product
from app.observability import metrics

_LOG: Final = product.logger("undeclared")


def install() -> None:
    """Subscribe to every error."""
    if _report not in errs.WATCHERS:
        errs.WATCHERS.append(_report)


def _report(operation: str, error: errs.Error, declared: bool) -> None:
    if declared:
        return
    metrics.UNDECLARED.labels(operation, errs.definition(error).code).inc()
    code = errs.public_code(error)
    fields = {"operation": operation, "code": code, "kind": error.kind.string}
    _LOG.error("%s ended with %s, which it does not declare", operation, code, extra={"fields": fields})
