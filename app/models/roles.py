"""Roles: named sets of scopes. ``role:NAME`` can stand wherever scopes of a caller are listed.

That is in accounts (``flask users grant``), in ``DEFAULT_SCOPES``, ``ANONYMOUS_SCOPES`` and ``ISSUERS``, and in
``flask tokens issue``. Tokens contain scopes only. The next token of a user follows a change of this table.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from app import product

ROLES: Final[dict[str, frozenset[str]]] = {}
"""The scopes of each role, by its name. ``create_app`` rejects unknown scopes and ``admin``."""
PREFIX: Final = "role:"
"""The beginning of a role in a list of scopes. No scope begins like this."""


def scopes_of(listed: Iterable[str]) -> frozenset[str]:
    """Return the scopes, with those of a role in place of its name. A role that the table lacks has none."""
    return frozenset(scope for each in listed for scope in _meaning(each))


def _meaning(listed: str) -> Iterable[str]:
    if not listed.startswith(PREFIX):
        return (listed,)
    role = listed.removeprefix(PREFIX)
    if role not in ROLES:
        _warn(role)
    return ROLES.get(role, ())


@lru_cache(100)
def _warn(role: str) -> None:
    """Log a removed role, once in a process."""
    product.logger("roles").warning("an account has the role %r, which is not in ROLES: it gives no scope", role)
