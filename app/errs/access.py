"""Authentication and authorization errors. Responses have no body and a challenge (RFC 6750); texts go to the log."""

from typing import Final

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind

NOT_ACCEPTED: Final = "An upstream service rejected the token"
"""The challenge's description when this instance accepts a token that another instance rejects."""


class MissingCredentials(Error):
    """The request has no bearer token.

    A protected operation was called without an Authorization header, or with a scheme other than Bearer.
    """

    kind = Kind.UNAUTHENTICATED
    code = "MISSING_CREDENTIALS"
    client = "Send an access token in the header: Authorization: Bearer TOKEN."
    operator = "No action is needed."
    since = "0.1.0"
    curl = "curl -i '{url}/v1/tasks'"


class InvalidToken(Error):
    """The bearer token is invalid.

    The token is malformed, expired, revoked or not yet valid, or it has a wrong signature or audience. Two
    Authorization headers are invalid too. The challenge's error_description has the reason, from a fixed list.
    """

    kind = Kind.UNAUTHENTICATED
    code = "INVALID_TOKEN"
    message = "{description}"
    client = "Get a new token. The challenge contains the reason."
    operator = "The log has the reason. If many callers get this error at once, check whether a signing key changed."
    since = "0.1.0"
    description: str
    example = {"description": "The token has expired"}
    curl = "curl -i '{url}/v1/tasks' -H 'Authorization: Bearer nonsense'"


class InsufficientScope(Error):
    """The token doesn't have the scope that this operation requires."""

    kind = Kind.UNAUTHORIZED
    code = "INSUFFICIENT_SCOPE"
    message = "This operation requires the scope {scope}."
    client = "Get a token with the scope in the challenge."
    operator = "No action is needed, unless the caller must have this scope."
    since = "0.1.0"
    scope: str
    example = {"scope": "tasks"}
    curl = f"curl -i '{{url}}/v1/tasks' {curl_examples.issued('--subject alice --scope account')}"
