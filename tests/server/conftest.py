"""The house, served with two workers."""

from tests.stack.conftest import served

__all__ = ["served"]
