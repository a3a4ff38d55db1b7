"""Single-use tokens. Only a digest is stored, therefore a reader of the database can't use them."""

import hashlib
import secrets
from typing import Final, NamedTuple

OCTETS: Final = 32
MAX_LENGTH: Final = 128
"""The maximum length of a token that is looked up, in characters."""


class NewToken(NamedTuple):
    """A new secret, and the digest that is stored."""

    secret: str
    digest: bytes


def generate() -> NewToken:
    """Return a new secret: 256 random bits, in base64url."""
    made = secrets.token_urlsafe(OCTETS)
    return NewToken(made, digest(made))


def digest(secret: str) -> bytes:
    """Return the digest of a secret that is stored. It needs no salt, because the secret can't be guessed."""
    return hashlib.sha256(secret.encode()).digest()
