"""Errors of logins."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind


class InvalidCredentials(Error):
    """The email or password is incorrect.

    The address is unknown, its account is not activated, disabled or deleted, or the password is wrong. The response
    doesn't contain the reason.
    """

    kind = Kind.UNAUTHENTICATED
    code = "INVALID_CREDENTIALS"
    client = "Check the address and the password, or register and follow the instructions in the email."
    operator = "Many of these errors for many accounts from few addresses can mean that a client guesses passwords."
    since = "0.1.0"
    instance = "/v1/tokens"
    curl = (
        f"curl -i '{{url}}/v1/tokens' {curl_examples.JSON} "
        """-d '{"email": "unknown@example.com", "password": "correct horse"}'"""
    )
