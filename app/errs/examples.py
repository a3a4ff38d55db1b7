"""Example errors from their definitions, for the catalogue and for simulated errors."""

from typing import Final

from app.errs.error import Error

SIMULATED: Final = "simulated: requested by the caller"


def example_of(named: type[Error], **facts: object) -> Error:
    """Return an error with the facts of its example; ``facts`` replace those of the same name."""
    return named(**{**named.example, **facts})  # type: ignore[arg-type]  # keywords of the constructor, checked at definition


def simulated(error: Error) -> Error:
    """Return the error, marked as simulated: operators can ignore it."""
    error.is_simulated, error.detail = True, SIMULATED
    return error
