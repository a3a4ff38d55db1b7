"""What can go wrong with accounts."""

from app.errs import commands
from app.errs.error import Error
from app.errs.kinds import Kind


class UserNotFound(Error):
    """There is no such user."""

    kind = Kind.NOT_EXIST
    code = "USER_NOT_FOUND"
    client = "Check the id; the account may have been deleted."
    operator = "Nothing to do."
    since = "0.1.0"


class InvalidOneTimeToken(Error):
    """The token of a mail is not valid.

    It was never sent, was used before, has expired, or a later one took its place. An activation token is good for
    three days.
    """

    kind = Kind.INVALID_REQUEST
    code = "INVALID_ONE_TIME_TOKEN"
    client = "Have another mail sent: register again."
    operator = "Nothing to do, unless there are many: then mails arrive late, or somebody is guessing."
    since = "0.1.0"
    param = "token"
    instance = "/v1/users:activate"
    curl = f"""curl -i '{{url}}/v1/users:activate' {commands.JSON} -d '{{"token": "no-such-token"}}'"""
