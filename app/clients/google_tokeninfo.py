"""Client of Google's tokeninfo endpoint, which describes access tokens (https://oauth2.googleapis.com/tokeninfo)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Protocol

from app.errs import Error, Kind
from app.errs.platform import ServiceUnavailable
from app.models.google_tokens import TokenDescription
from app.resilience import deadline

PATH: Final = "/tokeninfo"
INVALID_TOKEN_STATUSES: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED})
RETRY_AFTER: Final = 5
"""Seconds after which a client can retry when Google is not available."""
MAX_DIGITS: Final = 12


class Client(Protocol):
    """See ``app.clients.http``."""

    def get(self, path: str, *, params: Mapping[str, str], operation: str) -> object: ...  # noqa: D102


class TokenInfoClient:
    """Reads descriptions of access tokens."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def describe(self, token: str) -> TokenDescription | None:
        """Return the description of a token; ``None`` if Google rejects the token.

        Raises:
            ServiceUnavailable: Google returns no usable response.
            DeadlineExceeded: the deadline of the request has passed.
        """
        try:
            return _description(self._client.get(PATH, params={"access_token": token}, operation="tokeninfo"))
        except Error as error:
            if error.facts.get("remote_status") in INVALID_TOKEN_STATUSES:
                return None
            limit = deadline.current.get()
            if error.kind is Kind.DEADLINE and limit is not None and limit.is_over:
                raise
            raise ServiceUnavailable(retry_after=error.retry_after or RETRY_AFTER) from error


def _description(document: object) -> TokenDescription:
    """Return the description in a response.

    Raises:
        ServiceUnavailable: the response does not have the expected fields.
    """
    fields = document if isinstance(document, Mapping) else {}
    audience, subject, expires = fields.get("aud"), fields.get("sub", ""), str(fields.get("exp"))
    if not isinstance(audience, str) or not isinstance(subject, str) or not _is_timestamp(expires):
        raise ServiceUnavailable(retry_after=RETRY_AFTER, detail="Google's description of the token is malformed")
    return TokenDescription(audience, subject, float(expires))


def _is_timestamp(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
