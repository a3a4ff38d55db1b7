"""Watches for errors that an operation did not declare: one ERROR line and a count for each."""

from typing import Final

from app import errs, product
from app.observability import metrics

_LOG: Final = product.logger("undeclared")


def install() -> None:
    """Be told of every error."""
    if _report not in errs.WATCHERS:
        errs.WATCHERS.append(_report)


def _report(operation: str, error: errs.Error, declared: bool) -> None:
    if declared:
        return
    metrics.UNDECLARED.labels(operation, errs.definition(error).code).inc()
    code = errs.public_code(error)
    fields = {"operation": operation, "code": code, "kind": error.kind.string}
    _LOG.error("%s ended with %s, which it does not declare", operation, code, extra={"fields": fields})
