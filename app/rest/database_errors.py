"""The error handler of SQLAlchemy's exceptions from views that use ``db.session`` directly.

Conflicts and outages are rendered like errors of repositories. A mistake in a statement is an unexpected exception,
which Flask logs, signals and handles.
"""

from typing import Any

from flask import Flask
from sqlalchemy.exc import DBAPIError

from app.repositories import error_translation
from app.rest import errors
from app.rest.errors import OURS
from app.rest.request import application


def register(app: Flask) -> None:
    """Register the error handler. Flask prefers a handler for a subclass, such as ``IntegrityError``."""
    app.register_error_handler(DBAPIError, answer)


def answer(error: DBAPIError) -> Any:
    """Return the response for the error, from the application's handler for one of its base classes if there is one.

    Raises:
        DBAPIError: the error is a mistake of the service, or comes from another driver.
    """
    app = application()
    handlers = app.error_handler_spec[None][None]
    for base in DBAPIError.__mro__[1:]:
        if base in handlers:
            return app.ensure_sync(handlers[base])(error)
    translated = error_translation.of(error)
    if translated is None or errors.status_of(translated) is OURS:
        raise error
    return errors.answer(translated)
