"""The scopes of this service. A blueprint with an unknown scope is rejected when the module loads.

Settings and commands with an unknown scope are rejected too. Add the scopes of your resources here. Code that cannot
edit this file calls ``add`` before ``create_app``.
"""

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from app.config import Settings
from app.models.roles import ROLES
from app.models.users import OWN
from app.request_context import ADMIN

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
            raise ValueError(f"a scope is printable ASCII without blanks, quotes and backslashes, not {name!r}")
    SCOPES.update(names)


def faults(settings: Settings) -> list[str]:
    """Return a sentence for each setting with an unknown scope, and for each invalid role."""
    named = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name.endswith("_scopes")}
    named["issuers"] = [scope for issuer in settings.issuers for listed in issuer.scopes.values() for scope in listed]
    found = [f"{name.upper()} {fault}" for name, scopes in named.items() if (fault := unknown(scopes))]
    return found + [f"The role {name!r} {fault}" for name, scopes in ROLES.items() if (fault := _fault(name, scopes))]


def _fault(role: str, names: Iterable[str]) -> str:
    """Return the fault of a role, or an empty text."""
    if role in SCOPES:
        return "is the name of a scope: choose another name."
    if ADMIN in names:
        return "contains the scope admin: grant admin itself."
    nested = sorted({*names} & ROLES.keys())
    return f"contains the role {nested[0]}: list its scopes." if nested else unknown(names)


def unknown(names: Iterable[str]) -> str:
    """Return a text with the unknown names and all known ones, or an empty text if all are scopes or roles."""
    strange = sorted({*names} - SCOPES - ROLES.keys())
    if not strange:
        return ""
    kind = "an unknown scope" if len(strange) == 1 else "unknown scopes"
    roles = f" Roles: {', '.join(sorted(ROLES))}." if ROLES else ""
    return f"contains {kind}: {', '.join(strange)}. Known scopes: {', '.join(sorted(SCOPES))}.{roles}"


def check(name: str | None) -> None:
    """Check a scope. The empty one means any valid token, and ``None`` means no token.

    Raises:
        TypeError: the scope is unknown.
    """
    if name is not None and name != "" and name not in SCOPES:
        known = ", ".join(sorted(SCOPES))
        raise TypeError(f"the scope {name!r} is unknown: use one of {known}, or add it to SCOPES in app/rest/scopes.py")
