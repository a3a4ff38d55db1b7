"""Who asks, and under which request: context variables that follow the work wherever it goes."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

ADMIN: Final = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: the token's subject and its scopes."""

    id: str
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Tell whether the caller may do everything."""
        return ADMIN in self.scopes

    def may(self, scope: str) -> bool:
        """Tell whether the caller has the scope; ``admin`` implies all."""
        return scope in self.scopes or self.is_admin


request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
trace_id: Final[ContextVar[str | None]] = ContextVar("trace_id", default=None)
principal: Final[ContextVar[Principal | None]] = ContextVar("principal", default=None)
