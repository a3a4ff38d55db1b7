"""Regular expressions work in every supported Python version, and none backtracks exponentially."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _parser  # type: ignore[attr-defined,unused-ignore]  # undocumented, but nothing else parses patterns
from typing import Any

import app
from app.config import ROOT

UNSOUND = {"POSSESSIVE_REPEAT", "ATOMIC_GROUP"}
"""Before Python 3.11.5, these match incorrectly (gh-106052)."""

OPTIONAL = {"app.observability.sentry_reporter"}
"""Modules that need a package of another lock. They compile no pattern."""


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield every pattern that a module of the application has compiled, with its name."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if module.name in OPTIONAL:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                yield f"{module.name}.{name}", value


def parts(parsed: Any) -> Iterator[str]:
    """Yield the elements of a parsed pattern at any depth."""
    if isinstance(parsed, _parser.SubPattern | list | tuple):
        for each in parsed:
            yield from parts(each)
    elif isinstance(getattr(parsed, "name", None), str):
        yield parsed.name


def test_possessive_quantifiers_and_atomic_groups_are_found() -> None:
    assert {*parts(_parser.parse(r"(?:a|b)*+")), *parts(_parser.parse(r"x(?>ab*)y"))} >= UNSOUND


def test_optional_modules_compile_no_pattern() -> None:
    for name in OPTIONAL:
        path = ROOT / f"{name.replace('.', '/')}.py"
        assert "re" not in {*re.findall(r"(?m)^(?:import|from) (\w+)", path.read_text())}


def test_the_application_has_none() -> None:
    found = dict(patterns())
    assert len(found) > 30
    assert [name for name, pattern in found.items() if UNSOUND & {*parts(_parser.parse(pattern.pattern))}] == []
