"""The scopes of this service: what a blueprint's ``scope`` may name. Another name is rejected when the module loads.

A resource of yours adds its line here; code that cannot edit this file calls ``add``.
"""

import re
from typing import Final

from app.context import ADMIN

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749, section 3.3."""
SCOPES: Final[set[str]] = {
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


def check(name: str | None) -> None:
    """Accept a scope of this service; the empty one stands for any valid token, ``None`` for none at all.

    Raises:
        TypeError: the scope is unknown.
    """
    if name is not None and name != "" and name not in SCOPES:
        known = ", ".join(sorted(SCOPES))
        raise TypeError(f"the scope {name!r} is unknown: use one of {known}, or add it to SCOPES in app/rest/scopes.py")
