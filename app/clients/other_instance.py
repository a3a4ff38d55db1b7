"""Calls to another instance of this service with the caller's token, and the translation of its errors."""

from typing import Final

from app import request_context
from app.clients.http import HttpClient
from app.errs import Error, Kind
from app.errs.access import NOT_ACCEPTED, InvalidToken
from app.errs.platform import ExternalServiceError, ServiceUnavailable
from app.errs.users import NotThisUser, UserNotFound

FORWARDED_KINDS: Final = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE, Kind.EXTERNAL})
"""Kinds of errors that are passed on to the caller unchanged."""


def get(client: HttpClient, path: str) -> object:
    """Return the response of the other instance.

    Raises:
        Error: the translated error of the other instance.
    """
    token = request_context.bearer.get()
    try:
        return client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
    except Error as error:
        if (translated := _own_error(error)) is None:
            raise
        raise translated from error


def unexpected_response(client: HttpClient, cause: Exception) -> ExternalServiceError:
    """Return the error for a JSON response with unexpected contents."""
    error = ExternalServiceError(
        f"{client.name}.get", detail=f"service {client.name} returned an unexpected response", retryable=False
    )
    error.__cause__ = cause
    return error


def _own_error(error: Error) -> Error | None:
    """Return the error for the caller; ``None`` if the error of the other instance is passed on unchanged.

    The call has the caller's token and the caller's user ID, therefore 401, 403 and 404 also apply to the caller. The
    caller can't fix any other rejection.
    """
    status = error.facts.get("remote_status")
    if status == 401:
        return InvalidToken(description=NOT_ACCEPTED)
    if status == 403:
        return NotThisUser()
    if error.kind is Kind.NOT_EXIST and error.code == UserNotFound.code:
        return UserNotFound()
    if error.kind is Kind.RATE_LIMITED:
        return ServiceUnavailable(retry_after=error.retry_after or 1)
    return None if error.kind in FORWARDED_KINDS else ExternalServiceError()
