"""Sentences said so often that they have a name."""

from app.errs.error import Violation
from app.errs.requests import ValidationFailed


def missing_field(name: str) -> ValidationFailed:
    """Return the error "<name> is required"."""
    return _one(Violation(name, "REQUIRED_FIELD", f"{name} is required", pointer=f"#/{name}"))


def input_unwanted(name: str) -> ValidationFailed:
    """Return the error for a field that the caller must not set."""
    return _one(Violation(name, "UNKNOWN_FIELD", f"{name} must not be set", pointer=f"#/{name}"))


def _one(violation: Violation) -> ValidationFailed:
    return ValidationFailed(message=violation.message, param=violation.field, violations=(violation,))
