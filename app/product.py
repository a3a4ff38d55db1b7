"""The name of the product, for everything that shows it: a fork changes these two constants.

Realm, logger names, the Redis namespace, the application name in PostgreSQL, spans, the OpenAPI title, pages and the
sender of emails contain them. Imports nothing of the project.
"""

import logging
from typing import Final

NAME: Final = "Candor"
"""For people: titles, pages, emails, messages."""
SLUG: Final = "candor"
"""For programs: lower-case ASCII letters, digits and hyphens."""


def logger(name: str = "") -> logging.Logger:
    """Return a logger of the product, or the parent of all its loggers."""
    return logging.getLogger(f"{SLUG}.{name}" if name else SLUG)
