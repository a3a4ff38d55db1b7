"""The scopes of this service. A blueprint with an unknown scope is rejected when the module loads.

Settings and commands with an unknown scope are rejected too. Add the scopes of your resources here. Code that cannot
edit this file calls ``add`` before ``create_app``.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Final

from app.config import Settings
from app.models.roles import PREFIX, ROLES
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
        if name.startswith(PREFIX):
            raise ValueError(f"{name!r} is a role: add it to ROLES in app/models/roles.py")
        if not _SCOPE.fullmatch(name):
            raise ValueError(f"a scope is printable ASCII without blanks, quotes and backslashes, not {name!r}")
    SCOPES.update(names)


def faults(settings: Settings) -> list[str]:
    """Return a sentence for each setting with an unknown scope, and for each invalid role."""
    named = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name.endswith("_scopes")}
    named["issuers"] = [scope for issuer in settings.issuers for listed in issuer.scopes.values() for scope in listed]
    faulty = [f"{name.upper()} {fault}" for name, scopes in named.items() if (fault := unknown(scopes))]
    roles = [f"The role {name!r} {fault}" for name, scopes in ROLES.items() if (fault := _fault(scopes))]
    return faulty + roles


def _fault(names: Collection[str]) -> str:
    """Return the fault of a role, or an empty text."""
    return "contains the scope admin: grant admin itself." if ADMIN in names else _unknown(names, SCOPES)


def unknown(listed: Iterable[str]) -> str:
    """Return a text with the unknown scopes and roles and all known ones, or an empty text if all are known."""
    return _unknown(listed, SCOPES | {f"{PREFIX}{name}" for name in ROLES})


def _unknown(listed: Iterable[str], known: Collection[str]) -> str:
    strange = sorted({*listed}.difference(known))
    if not strange:
        return ""
    kind = "an unknown scope" if len(strange) == 1 else "unknown scopes"
    return f"contains {kind}: {', '.join(strange)}. Known scopes: {', '.join(sorted(known))}."


def check(name: str | None) -> None:
    """Check a scope. The empty one means any valid token, and ``None`` means no token.

    Raises:
        TypeError: the scope is unknown.
    """
    if name is not None and name != "" and name not in SCOPES:
        known = ", ".join(sorted(SCOPES))
        raise TypeError(f"the scope {name!r} is unknown: use one of {known}, or add it to SCOPES in app/rest/scopes.py")
