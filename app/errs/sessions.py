"""What can go wrong with logging in."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind


class InvalidCredentials(Error):
    """Nobody logs in like this.

    The address is unknown or its account not activated, disabled or deleted, or the password is wrong. Which of these
    it was is told to nobody.
    """

    kind = Kind.UNAUTHENTICATED
    code = "INVALID_CREDENTIALS"
    client = "Check address and password, or register and follow the mail."
    operator = "Many of these for many accounts from few addresses are somebody trying out passwords."
    since = "0.1.0"
    instance = "/v1/tokens"
    curl = (
        f"curl -i '{{url}}/v1/tokens' {curl_examples.JSON} "
        """-d '{"email": "nobody@example.com", "password": "correct horse"}'"""
    )
