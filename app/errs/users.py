"""What can go wrong with accounts."""

from app.errs import curl_examples
from app.errs.error import Error, Violation
from app.errs.kinds import Kind
from app.errs.requests import ValidationFailed


class UserNotFound(Error):
    """There is no such user."""

    kind = Kind.NOT_EXIST
    code = "USER_NOT_FOUND"
    client = "Check the id; the account may have been deleted."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = "/v1/users/me"
    curl = f"curl -i '{{url}}/v1/users/me' {curl_examples.issued('--subject alice --scope account')}"


class NotThisUser(Error):
    """The account is somebody else's.

    Whether there is such an account is not looked up. The answer is an empty 403 without a challenge: another scope
    would not help.
    """

    kind = Kind.UNAUTHORIZED
    code = "NOT_THIS_USER"
    client = "Use /v1/users/me, or the token of an admin."
    operator = "Many of these from one caller look like somebody trying out ids."
    since = "0.1.0"
    instance = "/v1/users/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
    curl = f"curl -i '{{url}}{instance}' {curl_examples.BEARER}"


class InvalidOneTimeToken(Error):
    """The token of a mail is not valid.

    It was never sent, was used before, or has expired, or a password was set since. An activation token is good for
    three days, one to set another password for 45 minutes.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_ONE_TIME_TOKEN"
    client = "Have another mail sent: register again, or ask for a password reset again."
    operator = "Nothing to do, unless there are many: then mails arrive late, or somebody is guessing."
    since = "0.1.0"
    param = "token"
    instance = "/v1/users:activate"
    curl = (
        f"curl -i '{{url}}/v1/users:activate' {curl_examples.JSON} "
        """-d '{"token": "no-such-token", "password": "correct horse"}'"""
    )


def wrong_password() -> ValidationFailed:
    """Return the error of an operation that needs the current password and was sent another one."""
    text = "current_password is not the present password"
    return ValidationFailed(violations=(Violation.of_member("current_password", "WRONG_PASSWORD", text),))
