"""gunicorn's log, without the access log: that is the application's (`app/rest/access_log.py`)."""

from typing import Any

from gunicorn import glogging


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's own log messages, as entries of the service's log."""

    def access(self, *_: Any) -> None:
        """Write nothing: the base class formats each line before it finds that no logger needs it."""
