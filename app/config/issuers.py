"""``ISSUERS``: a TOML file with a table for each trusted token issuer and the scopes of its subjects.

::

    ["https://login.example.com/"]
    jwks_url = "https://login.example.com/.well-known/jwks.json"
    audience = "https://api.example.com"
    scopes = {"auth0|5f7c1" = "tasks orders", "*" = "orders"}
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from app.config import readers
from app.config.rules import LOOPBACK

ADMIN: Final = "admin"
EVERYBODY: Final = "*"
GOOGLE: Final = "https://accounts.google.com"
"""The issuer whose access tokens are not JWTs and therefore need no keys."""
LONGEST: Final = 200
MEMBERS: Final = frozenset({"jwks_url", "audience", "scopes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A trusted issuer of tokens.

    Attributes:
        url: the ``iss`` claim of its tokens.
        jwks_url: the URL of its keys.
        audience: the required ``aud`` claim of its tokens.
        scopes: by subject; ``*`` stands for all other subjects.
    """

    url: str
    jwks_url: str = ""
    audience: str = ""
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def scopes_of(self, subject: str) -> frozenset[str]:
        """Return the scopes of a subject."""
        return frozenset(self.scopes.get(subject, self.scopes.get(EVERYBODY, ())))

    def name_of(self, subject: str) -> str:
        """Return the user ID of a subject in this service. It is unique, because an issuer's URL has no fragment."""
        return f"{self.url}#{subject}"


def read_issuers(text: str) -> tuple[Issuer, ...]:
    """Accept the path of a file with trusted issuers."""
    try:
        tables = tomllib.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"must be a file that can be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"must be a TOML file: {error}") from None
    return tuple(_issuer(url, table) for url, table in tables.items())


def _issuer(url: str, table: Any) -> Issuer:
    if not _is_safe(url) or "#" in url or len(url) > LONGEST:
        raise ValueError(f"must name issuers by https:// URLs without a fragment, not by {url!r}")
    if not isinstance(table, dict) or not table.keys() <= MEMBERS:
        raise ValueError(f"must contain only {', '.join(sorted(MEMBERS))} for {url}")
    jwks_url, audience, scopes = table.get("jwks_url", ""), table.get("audience", ""), table.get("scopes", {})
    if not all(isinstance(each, str) for each in (jwks_url, audience)) or not isinstance(scopes, dict):
        raise ValueError(f"must give {url} two strings and a table of scopes")
    if bool(jwks_url) != bool(audience) or not (jwks_url or url == GOOGLE):
        raise ValueError(f"must give {url} a jwks_url and an audience")
    if jwks_url and not _is_safe(jwks_url):
        raise ValueError(f"must give {url} a jwks_url that begins with https://")
    return Issuer(
        url=url,
        jwks_url=jwks_url,
        audience=audience,
        scopes={subject: _scopes(url, listed) for subject, listed in scopes.items()},
    )


def _is_safe(url: str) -> bool:
    """True if the connection to this host cannot be intercepted."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def _scopes(url: str, listed: object) -> tuple[str, ...]:
    if not isinstance(listed, str) or ADMIN in readers.scopes(listed):
        raise ValueError(f"must list the scopes of {url} as strings, without the scope admin")
    return readers.scopes(listed)
