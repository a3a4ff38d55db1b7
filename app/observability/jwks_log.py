"""The log of keys that others sign with: when they cannot be had, and when they can."""

from typing import Final

from app import product
from app.observability import logs

_LOG: Final = product.logger("jwks")


def fetched(issuer: str, count: int) -> None:
    """Write that the keys of an issuer are known."""
    _LOG.info("fetched signing keys of %s", issuer, extra={"fields": {"issuer": issuer, "keys": count}})


def unavailable(issuer: str, error: Exception) -> None:
    """Write that an issuer has not told its keys."""
    fields = {"issuer": issuer, **logs.cause_chain(error, stack=False)}
    _LOG.warning("could not fetch signing keys of %s", issuer, extra={"fields": fields})
