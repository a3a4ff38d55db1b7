"""Who is asking, and may they? Answered with an empty body and a challenge (RFC 6750); these texts are for the log."""

from typing import Final

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind

NOT_ACCEPTED: Final = "The token is not accepted by a service that was asked with it"
"""What a challenge says where we accept a token that another instance refuses."""


class MissingCredentials(Error):
    """The request carries no bearer token.

    A protected route was called without an Authorization header, or with a scheme other than Bearer.
    """

    kind = Kind.UNAUTHENTICATED
    code = "MISSING_CREDENTIALS"
    client = "Send the header Authorization: Bearer, followed by a token."
    operator = "Nothing to do."
    since = "0.1.0"
    curl = "curl -i '{url}/v1/tasks'"


class InvalidToken(Error):
    """The bearer token is not valid.

    It is malformed, expired, revoked, not yet valid, wrongly signed or meant for somebody else; or two Authorization
    headers were sent. The challenge's error_description says which, out of a fixed set.
    """

    kind = Kind.UNAUTHENTICATED
    code = "INVALID_TOKEN"
    message = "{description}"
    client = "Get a new token; the challenge says what is wrong with this one."
    operator = (
        "The log names the reason. Many refusals at once, from many callers, suggest that a signing key was changed."
    )
    since = "0.1.0"
    description: str
    example = {"description": "The token has expired"}
    curl = "curl -i '{url}/v1/tasks' -H 'Authorization: Bearer nonsense'"


class InsufficientScope(Error):
    """The token lacks the scope that this operation asks for."""

    kind = Kind.UNAUTHORIZED
    code = "INSUFFICIENT_SCOPE"
    message = "This needs the scope {scope}."
    client = "Get a token with the scope named in the challenge."
    operator = "Nothing to do, unless the caller should have the scope."
    since = "0.1.0"
    scope: str
    example = {"scope": "tasks"}
    curl = f"curl -i '{{url}}/v1/tasks' {curl_examples.issued('--subject alice --scope orders')}"
