"""The log of keys that others sign with: when they cannot be had, and when they can."""

import logging
from typing import Final

from app.observability import logs

_LOG: Final = logging.getLogger("candor.keys")


def known(issuer: str, count: int) -> None:
    """Write that the keys of an issuer are known."""
    _LOG.info("the keys of %s are known", issuer, extra={"fields": {"issuer": issuer, "keys": count}})


def missing(issuer: str, error: Exception) -> None:
    """Write that an issuer has not told its keys."""
    fields = {"issuer": issuer, **logs.cause_chain(error, stack=False)}
    _LOG.warning("the keys of %s cannot be had", issuer, extra={"fields": fields})
