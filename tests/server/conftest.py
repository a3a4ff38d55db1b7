"""A gunicorn server with two workers."""

from tests.stack.conftest import served

__all__ = ["served"]
