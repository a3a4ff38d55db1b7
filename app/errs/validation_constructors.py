"""Constructors of common validation errors."""

from app.errs.error import Violation
from app.errs.requests import ValidationFailed


def missing_field(name: str) -> ValidationFailed:
    """Return the error "<name> is required"."""
    return _one(Violation.of_member(name, "REQUIRED_FIELD", f"{name} is required"))


def input_unwanted(name: str) -> ValidationFailed:
    """Return the error of a property that the caller must not set."""
    return _one(Violation.of_member(name, "UNKNOWN_FIELD", f"{name} must not be set"))


def _one(violation: Violation) -> ValidationFailed:
    return ValidationFailed(message=violation.message, param=violation.field, violations=(violation,))
