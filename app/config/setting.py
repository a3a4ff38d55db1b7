"""A field of ``Settings``: its default, its reader, and its description in ``.env.example``."""

from collections.abc import Callable
from dataclasses import MISSING, Field, field
from typing import Any


def setting(default: object, parse: Callable[[str], object], description: str, *, production: str = "") -> Any:
    """Return a setting; ``production`` is its default in production."""
    return field(default=default, metadata={"parse": parse, "says": description, "production": production})


def default_of(field: "Field[Any]") -> object:
    """Return a setting's default.

    Raises:
        TypeError: the setting has no default.
    """
    if field.default is MISSING:
        raise TypeError(f"{field.name} has no default")
    return field.default
