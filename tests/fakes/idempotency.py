"""Stored answers in memory; see ``app.repositories.idempotency``."""

from datetime import datetime
from typing import Any, Protocol

from app.models.idempotency import StoredResponse

COLUMNS = tuple(column.key for column in StoredResponse.__table__.columns)


class Storage(Protocol):
    """The stored responses, by scope."""

    stored_responses: dict[str, dict[str, Any]]
    locked: set[str]


class FakeStoredResponses:
    """Responses that can be replayed."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def lock(self, scope: str) -> bool:
        """Take the scope, unless another request holds it."""
        return scope not in self._storage.locked

    def find(self, scope: str, *, now: datetime) -> StoredResponse | None:
        """Return the unexpired response of the scope."""
        row = self._storage.stored_responses.get(scope)
        return StoredResponse(**row) if row is not None and row["expire_time"] > now else None

    def put(self, answer: StoredResponse, *, now: datetime) -> None:
        """Store the response, and delete expired ones."""
        for scope in [scope for scope, row in self._storage.stored_responses.items() if row["expire_time"] <= now]:
            del self._storage.stored_responses[scope]
        self._storage.stored_responses[answer.scope] = {name: getattr(answer, name) for name in COLUMNS}
