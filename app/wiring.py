"""The composition root: session, engine and clock become services."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import scoped_session

from app.config import Settings
from app.repositories.readiness import DatabaseChecks
from app.repositories.reads import Reads
from app.repositories.tasks import TaskReads
from app.repositories.unit_of_work import UnitOfWork
from app.resilience import draining
from app.resilience.clock import Clock, SystemClock
from app.services.idempotency import IdempotencyService
from app.services.readiness import ReadinessService
from app.services.tasks import TaskService
from app.services.tokens import TokenService


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every use case there is, and the clock they go by."""

    clock: Clock
    idempotency: IdempotencyService
    readiness: ReadinessService
    tasks: TaskService
    tokens: TokenService


def wire(
    settings: Settings, session: scoped_session[Any], engine: Callable[[], Engine], clock: Clock | None = None
) -> Services:
    """Return the services on this database."""
    clock = clock or SystemClock()
    reads = Reads(session, engine)

    def unit_of_work() -> UnitOfWork:
        return UnitOfWork(session)

    return Services(
        clock=clock,
        idempotency=IdempotencyService(unit_of_work=unit_of_work, clock=clock),
        readiness=ReadinessService(DatabaseChecks(reads).all(), is_draining=draining.has_begun),
        tasks=TaskService(reads=TaskReads(reads), unit_of_work=unit_of_work, clock=clock),
        tokens=TokenService(
            secret=settings.jwt_secret,
            audience=settings.jwt_audience or None,
            issuer=settings.jwt_issuer or None,
            clock=clock,
        ),
    )
