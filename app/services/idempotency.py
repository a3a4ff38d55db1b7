"""Idempotent creation: the response to the first request is stored with its effect, and replayed for repetitions.

The transaction holds a lock on the key. A crash releases it, and an error stores nothing.
It follows draft-ietf-httpapi-idempotency-key-header and Stripe's API.
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from app.errs import raises
from app.errs.requests import IdempotencyInProgress, IdempotencyKeyReused
from app.models.idempotency import StoredResponse
from app.request_context import Principal
from app.resilience.clock import Clock
from app.resilience.transaction_retry import transaction

LIFETIME: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response: its status, the header fields to store, its body, and whether it is a replay."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_replay: bool = False

    @property
    def is_success(self) -> bool:
        """Return whether the status is 2xx."""
        return 200 <= self.status < 300


class StoredResponses(Protocol):
    """See ``app.repositories.idempotency``."""

    def lock(self, scope: str) -> bool: ...  # noqa: D102
    def find(self, scope: str, *, now: datetime) -> StoredResponse | None: ...  # noqa: D102
    def put(self, answer: StoredResponse, *, now: datetime) -> None: ...  # noqa: D102


class Unit(Protocol):
    """One transaction. Units of work inside it join it."""

    @property
    def stored_responses(self) -> StoredResponses: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class IdempotencyService:
    """Replays the response to the same request for 24 hours."""

    def __init__(self, *, unit_of_work: Callable[[], AbstractContextManager[Unit]], clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    @raises(IdempotencyInProgress, IdempotencyKeyReused, runs_callable=True)
    @transaction
    def once(self, key: str, *, by: Principal, fingerprint: bytes, answer: Callable[[], Answer]) -> Answer:
        """Return the stored response, or call ``answer`` and store its response in the same transaction.

        Args:
            key: the value of Idempotency-Key.
            by: the caller. Equal keys of different callers are independent.
            fingerprint: identifies the request. A repetition has the fingerprint of the first request.
            answer: runs the operation. Its exceptions pass through, and the key stays unused.
        """
        scope = hashlib.sha256(f"{len(by.id)}:{by.id}{key}".encode()).hexdigest()
        with self._unit_of_work() as unit:
            if not unit.stored_responses.lock(scope):
                raise IdempotencyInProgress(retry_after=1)
            stored = unit.stored_responses.find(scope, now=self._clock.now())
            if stored is not None:
                return _replayed(stored, fingerprint)
            made = answer()
            if made.is_success:
                self._store(unit, scope, fingerprint, made, by=by)
                unit.commit()
            return made

    def _store(self, unit: Unit, scope: str, fingerprint: bytes, made: Answer, *, by: Principal) -> None:
        now = self._clock.now()
        stored = StoredResponse(
            scope=scope,
            fingerprint=fingerprint,
            status=made.status,
            headers=made.headers,
            body=made.body,
            expire_time=now + LIFETIME,
            owner=by.id,
        )
        unit.stored_responses.put(stored, now=now)


def _replayed(stored: StoredResponse, fingerprint: bytes) -> Answer:
    """Return the stored response.

    Raises:
        IdempotencyKeyReused: it belongs to another request.
    """
    if stored.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return Answer(stored.status, stored.headers, stored.body, is_replay=True)
