"""The versions of libraries whose private names the service uses, and whose steps it repeats in a faster way.

With another version, the slow way is taken: Flask's ``wsgi_app``, Werkzeug's constructors, and the worker that changes
less of gunicorn. ``tests/law/test_library_versions.py`` then fails, and names the functions that have changed.
"""

from functools import lru_cache
from importlib.metadata import version
from typing import Final

from app import product

COMPARED: Final = {"flask": "3.1.3", "gunicorn": "27.0.1", "werkzeug": "3.1.9"}


@lru_cache(8)
def is_compared(library: str) -> bool:
    """Return whether the installed version of a library is the compared one."""
    return version(library) == COMPARED[library]


def warn() -> None:
    """Log each library with another version. The slow way still uses some private names of it."""
    for library, compared in COMPARED.items():
        if not is_compared(library):
            product.logger("start").warning(
                "%s %s is installed, and the service was compared with %s: it takes a slower way that uses less",
                library, version(library), compared,
            )  # fmt: skip
