"""The scopes of this service: what a blueprint's ``scope`` may name. Another name is rejected when the module loads.

Settings and commands that name another one are rejected too. A resource of yours adds its line here; code that cannot
edit this file calls ``add`` before ``create_app``.
"""

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from app.config import Settings
from app.context import ADMIN
from app.models.users import OWN

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749, section 3.3."""
ACCOUNT: Final = OWN
SCOPES: Final[set[str]] = {
    ACCOUNT,
    ADMIN,
    "movies:read",
    "movies:write",
    "orders",
    "tasks",
}


def add(*names: str) -> None:
    """Add scopes.

    Raises:
        ValueError: a name is not a scope.
    """
    for name in names:
        if not _SCOPE.fullmatch(name):
            raise ValueError(f"a scope is printable ASCII without blanks, quotes and backslashes, and is not {name!r}")
    SCOPES.update(names)


def faults(settings: Settings) -> list[str]:
    """Return a sentence for each setting that names an unknown scope."""
    named = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name.endswith("_scopes")}
    named["issuers"] = [scope for issuer in settings.issuers for listed in issuer.scopes.values() for scope in listed]
    return [f"{name.upper()} {fault}" for name, scopes in named.items() if (fault := unknown(scopes))]


def unknown(names: Iterable[str]) -> str:
    """Return what is wrong with scopes of which some are unknown, and which there are; an empty text if none is."""
    strange = sorted({*names} - SCOPES)
    if not strange:
        return ""
    kind = "an unknown scope" if len(strange) == 1 else "unknown scopes"
    return f"names {kind}: {', '.join(strange)}. There are {', '.join(sorted(SCOPES))}."


def check(name: str | None) -> None:
    """Accept a scope of this service; the empty one stands for any valid token, ``None`` for none at all.

    Raises:
        TypeError: the scope is unknown.
    """
    if name is not None and name != "" and name not in SCOPES:
        known = ", ".join(sorted(SCOPES))
        raise TypeError(f"the scope {name!r} is unknown: use one of {known}, or add it to SCOPES in app/rest/scopes.py")
