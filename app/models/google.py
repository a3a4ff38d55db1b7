"""What Google says of one of its access tokens."""

from typing import NamedTuple


class TokenDescription(NamedTuple):
    """Whom a token is for, whom it speaks for, and when it ends, in seconds of 1970."""

    audience: str
    subject: str
    expires: float
