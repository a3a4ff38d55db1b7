"""Typed models, their invariants, and the list queries on them. No Flask, no session.

This package imports every module that has a table, because ``Base.metadata`` must list all tables.
"""

from app.models import (
    failed_requests,
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
from app.models.declarative_base import Base

__all__ = [
    "Base",
    "failed_requests",
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
