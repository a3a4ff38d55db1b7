"""Finds additions that CHANGELOG.md does not mention under "Unreleased"."""

import re
from collections.abc import Iterable

from app.contract.contract_change import Change

_PARAMETER = re.compile(r"\\\{[^}]*\\\}")


def unmentioned(changes: Iterable[Change], changelog: str) -> list[Change]:
    """Return the additions whose names are not all in one entry of the unreleased sections.

    A parameter in a path can have any name there: ``/v1/tasks/{id}``.
    """
    entries = [entry for section in _unreleased(changelog) for entry in re.split(r"\n(?=- |\n)", section)]
    return [each for each in changes if not each.is_breaking and not any(_mentions(entry, each) for entry in entries)]


def _unreleased(changelog: str) -> list[str]:
    sections = re.split(r"(?m)^(?=## )", changelog)
    return [each for each in sections if re.match(r"## \W*unreleased", each, re.IGNORECASE)]


def _mentions(entry: str, change: Change) -> bool:
    return all(re.search(_pattern(name), entry) for name in change.names)


def _pattern(name: str) -> str:
    """Return a pattern that finds a name as a separate word."""
    word = _PARAMETER.sub(lambda _: r"\{[^}]*\}", re.escape(name))
    return rf"(?<![\w/-]){word}(?![\w/{{-]|:\w)"
