"""Errors of accounts."""

from app.errs import curl_examples
from app.errs.error import Error, Violation
from app.errs.kinds import Kind
from app.errs.requests import ValidationFailed


class UserNotFound(Error):
    """The user does not exist."""

    kind = Kind.NOT_EXIST
    code = "USER_NOT_FOUND"
    client = "Check the ID. The account may have been deleted."
    operator = "No action is needed."
    since = "0.1.0"
    instance = "/v1/users/me"
    curl = f"curl -i '{{url}}/v1/users/me' {curl_examples.issued('--subject alice --scope account')}"


class NotThisUser(Error):
    """The account belongs to another user.

    The service does not check whether the account exists. The response is a 403 without a body and without a
    challenge, because another scope does not help.
    """

    kind = Kind.UNAUTHORIZED
    code = "NOT_THIS_USER"
    client = "Use /v1/users/me, or the token of an admin."
    operator = "Many of these errors from one caller can mean that it guesses IDs."
    since = "0.1.0"
    instance = "/v1/users/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
    curl = f"curl -i '{{url}}{instance}' {curl_examples.BEARER}"


class InvalidOneTimeToken(Error):
    """The email token is invalid or expired.

    The token was never sent, is already used or expired, or the password was set after it was sent. An activation
    token is valid for three days, a password reset token for 45 minutes.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_ONE_TIME_TOKEN"
    client = "Request a new email: register again, or request a password reset again."
    operator = "No action is needed for a few. Many can mean that emails arrive late, or that a client guesses tokens."
    since = "0.1.0"
    param = "token"
    instance = "/v1/users:activate"
    curl = (
        f"curl -i '{{url}}/v1/users:activate' {curl_examples.JSON} "
        """-d '{"token": "no-such-token", "password": "correct horse"}'"""
    )


def wrong_password() -> ValidationFailed:
    """Return the error of a request with a wrong current password."""
    text = "current_password is wrong"
    return ValidationFailed(violations=(Violation.of_member("current_password", "WRONG_PASSWORD", text),))
