"""An error as its definition shows it: what the catalogue renders, and what a caller can ask for."""

from typing import Final

from app.errs.error import Error

SIMULATED: Final = "simulated: the caller has asked for it"


def example_of(named: type[Error], **facts: object) -> Error:
    """Return an error with the facts of its example, of which these are known better."""
    return named(**{**named.example, **facts})  # type: ignore[arg-type]  # keywords of the constructor, checked at definition


def simulated(error: Error) -> Error:
    """Return the error, marked as simulated: it doesn't concern operators."""
    error.is_simulated, error.detail = True, SIMULATED
    return error
