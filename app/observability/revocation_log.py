"""Log entries about the age of the list of revoked sessions."""

import math
from typing import Final

from app import product
from app.observability.logs import cause_chain

_LOG: Final = product.logger("revocations")


def stale(seconds: float, error: Exception) -> None:
    """Log that the list could not be updated in time."""
    fields = {"seconds": round(seconds, 1) if math.isfinite(seconds) else None, **cause_chain(error, stack=False)}
    _LOG.warning("the list of revoked sessions is out of date", extra={"fields": fields})


def fresh() -> None:
    """Log that the list is up to date again."""
    _LOG.info("the list of revoked sessions is up to date again")
