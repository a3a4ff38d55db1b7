"""Regular expressions are such that every Python we run on understands them, and none is tried in many ways."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _parser  # undocumented, and the only one who knows what a pattern means
from typing import Any

import app

UNSOUND = {"POSSESSIVE_REPEAT", "ATOMIC_GROUP"}
"""Before Python 3.11.5 they do not match what they should (gh-106052)."""


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield every pattern that a module of ours has compiled, with its name."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                yield f"{module.name}.{name}", value


def parts(parsed: Any) -> Iterator[str]:
    """Yield what a parsed pattern is made of, however deep."""
    if isinstance(parsed, _parser.SubPattern | list | tuple):
        for each in parsed:
            yield from parts(each)
    elif isinstance(getattr(parsed, "name", None), str):
        yield parsed.name


def test_possessive_quantifiers_and_atomic_groups_are_seen() -> None:
    assert {*parts(_parser.parse(r"(?:a|b)*+")), *parts(_parser.parse(r"x(?>ab*)y"))} >= UNSOUND


def test_there_are_none() -> None:
    found = dict(patterns())
    assert len(found) > 30
    assert [name for name, pattern in found.items() if UNSOUND & {*parts(_parser.parse(pattern.pattern))}] == []
