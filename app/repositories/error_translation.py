"""Translation of errors of the driver and PostgreSQL to application errors, by constraint name or SQLSTATE.

Repositories raise the translated errors. A session outside of any unit of work raises SQLAlchemy's ``IntegrityError``.
If no view catches it, the error handler of the request translates it (``of``).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import Any, Final

import psycopg
from sqlalchemy import Constraint, Engine, ExceptionContext, ForeignKeyConstraint, Index, event
from sqlalchemy.exc import DBAPIError

from app import errs
from app.errs.platform import InsufficientStorage, ServiceUnavailable
from app.models.declarative_base import Base
from app.observability import metrics
from app.repositories import stale_plans
from app.repositories.sqlstates import ABSENT, QUERY_CANCELED, Decision, decided
from app.resilience import deadline, failure_classifier

FOREIGN: Final = (psycopg.Error, UnicodeEncodeError)
"""The exceptions of the driver. It raises ``UnicodeEncodeError`` for a lone surrogate."""


by_repositories: Final[ContextVar[bool]] = ContextVar("by_repositories", default=False)
"""True while a repository works: within a unit of work, or in a read."""


def install(engine: Engine) -> None:
    """Translate the errors that repositories get from this engine."""
    event.listen(engine, "handle_error", handle)


def handle(context: ExceptionContext) -> BaseException | None:
    """Return the application error for an error of the driver; ``None`` does not translate other exceptions."""
    cause = context.original_exception
    if not isinstance(cause, FOREIGN) or (isinstance(cause, psycopg.Error) and not by_repositories.get()):
        return None
    return from_foreign(cause, _step(context), is_disconnect=context.is_disconnect or context.connection is None)


@contextmanager
def translating() -> Iterator[None]:
    """Translate errors of SQLAlchemy's connections inside this context."""
    token = by_repositories.set(True)
    try:
        yield
    finally:
        by_repositories.reset(token)


def of(error: DBAPIError) -> errs.Error | None:
    """Return the application error for an error of SQLAlchemy; ``None`` if another driver than psycopg raised it."""
    cause = error.orig
    if not isinstance(cause, psycopg.Error):
        return None
    is_disconnect = error.connection_invalidated or (error.statement is None and cause.sqlstate is None)
    return from_foreign(cause, "execute" if error.statement else "commit", is_disconnect=is_disconnect)


def from_foreign(cause: psycopg.Error | UnicodeEncodeError, step: str, *, is_disconnect: bool) -> errs.Error:
    """Return the application error for an exception of the driver in a step."""
    if isinstance(cause, psycopg.Error):
        error = translated(cause, is_disconnect=is_disconnect)
    else:
        error = errs.E(kind=errs.Kind.VALIDATION)
    error.__cause__ = cause
    error.op = f"database.{step}"
    count(error, step)
    return error


def count(error: errs.Error, step: str) -> None:
    """Count an error of the database, except client errors and statements that a shortened deadline canceled."""
    limit = deadline.current.get()
    is_short = limit is not None and limit.is_shortened and error.facts.get("is_answered")
    if error.kind.fault is not errs.Fault.CLIENT and not is_short:
        metrics.DEPENDENCY_ERRORS.labels("database", step).inc()


def _step(context: ExceptionContext) -> str:
    """Return the step that failed: an error at COMMIT may have another meaning than the same error in a statement."""
    if context.connection is None:
        return "connect"
    return "execute" if context.statement or context.execution_context else "commit"


def translated(cause: psycopg.Error, *, is_disconnect: bool = False) -> errs.Error:
    """Return the application error for an error of the driver."""
    sqlstate = cause.sqlstate or ""
    facts: dict[str, Any] = {"sqlstate": sqlstate or None, "constraint": cause.diag.constraint_name}
    limit = deadline.current.get()
    if limit is not None and limit.is_over and (is_disconnect or sqlstate == QUERY_CANCELED):
        late = limit.exceeded("database")
        late.facts = {**late.facts, "is_answered": not is_disconnect}
        return late
    decision = decided(sqlstate, has_ended=is_disconnect, function=cause.diag.source_function)
    if decision in (Decision.AGAIN, Decision.LATER):
        stale = {"is_stale": True} if stale_plans.is_stale(cause) else {}
        facts |= {"disconnected": is_disconnect, "is_undone": decision is Decision.AGAIN, **stale}
        return ServiceUnavailable(retry_after=1, **facts)
    if decision is Decision.CONSTRAINT and cause.diag.constraint_name in _violated():
        return _violated()[cause.diag.constraint_name]()
    if decision is Decision.FULL:
        return InsufficientStorage(**facts)
    if decision is Decision.INPUT or (not sqlstate and isinstance(cause, psycopg.DataError)):
        return errs.E(kind=errs.Kind.VALIDATION, **facts)
    return errs.E(kind=errs.Kind.DATABASE, **facts)


def is_failure(error: BaseException) -> bool | None:
    """Return whether an error means that the database is down or hangs; ``None`` if it proves neither.

    A lock timeout, a serialization failure or a read-only database are not failures, because the database has
    responded. A waiting COMMIT proves nothing. A server that does not respond to a cancellation hangs, even if the
    deadline was short.
    """
    if isinstance(error, psycopg.Error):
        error = translated(error, is_disconnect=True)
    facts = error.facts if isinstance(error, errs.Error) else {}
    is_waiting = facts.get("is_committing") or facts.get("spent_in") == "database_pool"
    if is_waiting or (isinstance(error, ServiceUnavailable) and "sqlstate" not in facts):
        return None
    if facts.get("is_answered") is False:
        return True
    if isinstance(error, ServiceUnavailable):
        sqlstate = error.facts.get("sqlstate")
        return str(sqlstate).startswith(ABSENT) if sqlstate else bool(error.facts.get("disconnected"))
    return failure_classifier.is_failure(error)


@cache
def _violated() -> dict[str, Callable[[], errs.Error]]:
    """Return the errors that the models name for their constraints."""
    found: dict[str, Callable[[], errs.Error]] = {}
    for table in Base.metadata.tables.values():
        rules: list[Constraint | Index] = [*table.constraints, *table.indexes]
        for rule in rules:
            if isinstance(rule.name, str) and "violated" in rule.info:
                found[rule.name] = rule.info["violated"]
        for key in table.foreign_key_constraints:
            violated = key.elements[0].info.get("violated")
            if violated is not None:
                found[_name(key)] = partial(violated, key.column_keys[0])
    return found


def _name(key: ForeignKeyConstraint) -> str:
    """Return the name that the naming convention gives a foreign key of one column."""
    return f"fk_{key.parent.name}_{key.column_keys[0]}_{key.referred_table.name}"
