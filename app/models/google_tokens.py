"""Google's description of one of its access tokens."""

from typing import NamedTuple


class TokenDescription(NamedTuple):
    """The audience and the subject of a token, and its expiry as a POSIX timestamp in seconds."""

    audience: str
    subject: str
    expires: float
