"""Turns whatever is raised into an answer. Above every hook that refuses, so that their refusals pass it too."""

from werkzeug.exceptions import HTTPException

from app.errs import Error
from app.rest.application import Application
from app.rest.errors import answer


def install(app: Application) -> None:
    """Install the hook."""
    for kind in (Error, HTTPException, Exception):
        app.register_error_handler(kind, answer)
    app.recover = answer
