"""The parser of ``Authorization`` (RFC 6750, section 2.1)."""

import re
from collections.abc import Sequence
from typing import Final

from app.errs.access import InvalidToken, MissingCredentials
from app.models.claim_validation import MALFORMED
from app.models.roles import scopes_of
from app.request_context import Principal

ANONYMOUS: Final = "anonymous"
SEVERAL: Final = "Send exactly one Authorization header"
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?: |$)")
_SEVERAL: Final = re.compile(r",\s*(bearer|basic|digest|negotiate)\b", re.IGNORECASE)


def bearer_token(sent: str) -> str | None:
    """Return the token, or ``None`` if there is no token or the scheme is not Bearer.

    Raises:
        InvalidToken: there are several headers, or the header is malformed.
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
    """Return the principal of requests without credentials.

    Raises:
        MissingCredentials: such requests are not allowed.
    """
    if not scopes:
        raise MissingCredentials
    return Principal(ANONYMOUS, scopes_of(scopes))
