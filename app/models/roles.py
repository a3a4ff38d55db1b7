"""Roles: named sets of scopes. A role can stand wherever scopes of a caller are listed.

That is in accounts (``flask users grant``), in ``DEFAULT_SCOPES``, ``ANONYMOUS_SCOPES`` and ``ISSUERS``, and in
``flask tokens issue``. Tokens contain scopes only. The next token of a user follows a change of this table.
"""

from collections.abc import Iterable
from typing import Final

ROLES: Final[dict[str, frozenset[str]]] = {}
"""The scopes of each role. ``create_app`` rejects unknown scopes, ``admin``, and a name that is also a scope."""


def scopes_of(names: Iterable[str]) -> frozenset[str]:
    """Return the scopes, with those of a role in place of its name."""
    return frozenset(scope for name in names for scope in ROLES.get(name, (name,)))
