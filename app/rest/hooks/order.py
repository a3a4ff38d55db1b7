"""The order of the request hooks."""

from typing import Final

from flask import Flask

from app.rest.hooks import authentication, caching, initial_checks, limits, read_after, simulation

HOOKS: Final = (initial_checks, limits, authentication, simulation, read_after, caching)


def install(app: Flask) -> None:
    """Register every hook, in order."""
    for hook in HOOKS:
        hook.install(app)
