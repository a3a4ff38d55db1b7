"""Secrets that are handed out once and of which only a digest is kept: whoever reads the database cannot use them."""

import hashlib
import secrets
from typing import Final, NamedTuple

OCTETS: Final = 32
MAX_LENGTH: Final = 128
"""Characters of what is looked up at all."""


class NewToken(NamedTuple):
    """A secret to be handed out, and what is kept of it."""

    secret: str
    digest: bytes


def generate() -> NewToken:
    """Return a new secret: 256 random bits, in base64url."""
    made = secrets.token_urlsafe(OCTETS)
    return NewToken(made, digest(made))


def digest(secret: str) -> bytes:
    """Return what is kept of a secret. No salt: it cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()
