"""gunicorn's log, without the access log: that is the application's (`app/rest/hooks/access_log.py`)."""

from typing import Any

from gunicorn import glogging


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn is untyped
    """Tells what gunicorn has to tell of itself."""

    def access(self, *_: Any) -> None:
        """Write nothing: wherever loggers are configured, the base class makes each line up before nobody wants it."""
