"""What SQLAlchemy raises in a view that uses ``db.session`` itself, when nothing has caught it.

A conflict or an outage is answered like the errors that repositories raise. A mistake in a statement is unforeseen: it
is Flask's to log, to signal and to answer.
"""

from typing import Any

from flask import Flask
from sqlalchemy.exc import DBAPIError

from app.repositories import error_translation
from app.rest import errors
from app.rest.errors import OURS
from app.rest.request import application


def register(app: Flask) -> None:
    """Register the error handler; one for a subclass, such as ``IntegrityError``, is found before it by Flask."""
    app.register_error_handler(DBAPIError, answer)


def answer(error: DBAPIError) -> Any:
    """Answer the error, unless the application has a handler for one of its base classes, which then does.

    Raises:
        DBAPIError: the error is a mistake of the service, or of another driver.
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
