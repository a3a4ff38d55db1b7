"""Log entries about fetching the signing keys of token issuers."""

from typing import Final

from app import product
from app.observability import logs

_LOG: Final = product.logger("jwks")


def fetched(issuer: str, count: int) -> None:
    """Log that an issuer's keys are available."""
    _LOG.info("fetched signing keys of %s", issuer, extra={"fields": {"issuer": issuer, "keys": count}})


def unavailable(issuer: str, error: Exception) -> None:
    """Log that an issuer's keys could not be fetched."""
    fields = {"issuer": issuer, **logs.cause_chain(error, stack=False)}
    _LOG.warning("could not fetch signing keys of %s", issuer, extra={"fields": fields})
