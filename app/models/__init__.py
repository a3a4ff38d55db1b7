"""Typed models and their invariants, and the questions that may be asked of them. No Flask, no session.

Every module with a table is imported here, so that ``Base.metadata`` knows them all.
"""

from app.models import (
    failures,
    idempotency,
    jobs,
    logger,
    movies,
    orders,
    preferences,
    products,
    sessions,
    tasks,
    users,
)
from app.models.base import Base

__all__ = [
    "Base",
    "failures",
    "idempotency",
    "jobs",
    "logger",
    "movies",
    "orders",
    "preferences",
    "products",
    "sessions",
    "tasks",
    "users",
]
