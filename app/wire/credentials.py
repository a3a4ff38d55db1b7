"""What stands in ``Authorization`` (RFC 6750, section 2.1)."""

import re
from collections.abc import Sequence
from typing import Final

from app.context import Principal
from app.errs.access import InvalidToken, MissingCredentials
from app.models.claims import MALFORMED

ANONYMOUS: Final = "anonymous"
SEVERAL: Final = "Send exactly one Authorization header"
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?: |$)")
_SEVERAL: Final = re.compile(r",\s*(bearer|basic|digest|negotiate)\b", re.IGNORECASE)


def bearer_token(sent: str) -> str | None:
    """Return the token; ``None`` where there is none, or another scheme than Bearer.

    Raises:
        InvalidToken: there are several, or what is there is malformed.
    """
    sent = sent.strip()
    if _SEVERAL.search(sent):
        raise InvalidToken(description=SEVERAL)
    if bearer := _BEARER.fullmatch(sent):
        return bearer[1]
    scheme = _SCHEME.match(sent)
    if sent and (scheme is None or scheme[1].lower() == "bearer"):
        raise InvalidToken(description=MALFORMED)
    return None


def anonymous(scopes: Sequence[str]) -> Principal:
    """Return who asks without credentials, where that is allowed at all.

    Raises:
        MissingCredentials: it is not.
    """
    if not scopes:
        raise MissingCredentials
    return Principal(ANONYMOUS, frozenset(scopes))
