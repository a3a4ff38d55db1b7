"""Another instance of this service, asked on behalf of the caller, whose token goes along; and what its errors mean."""

from typing import Final

from app import context
from app.clients.http import HttpClient
from app.errs import Error, Kind
from app.errs.access import NOT_ACCEPTED, InvalidToken
from app.errs.platform import ExternalServiceError, ServiceUnavailable
from app.errs.users import NotThisUser, UserNotFound

FORWARDED_KINDS: Final = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE, Kind.EXTERNAL})
"""Kinds that mean the same to our own caller."""


def get(client: HttpClient, path: str) -> object:
    """Return what an instance answers.

    Raises:
        Error: what its refusal, or its failure, means to our own caller.
    """
    token = context.bearer.get()
    try:
        return client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
    except Error as error:
        if (translated := _own_error(error)) is None:
            raise
        raise translated from error


def unexpected_response(client: HttpClient, cause: Exception) -> ExternalServiceError:
    """Return the error for an answer that is JSON, and not what was asked for."""
    error = ExternalServiceError(
        f"{client.name}.get", detail=f"service {client.name} answered something else", retryable=False
    )
    error.__cause__ = cause
    return error


def _own_error(error: Error) -> Error | None:
    """Return what an error of the other instance is to our caller, unless it is the same.

    We ask as the caller, and for what the caller asks for, so that 401, 403 and 404 are the caller's too. Whatever else
    the other side has against the request, it is not the caller who could mend it.
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
