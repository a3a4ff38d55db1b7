"""``docs/policies/security.md`` lists tests for each promise, and each of these tests exists."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from app.config import ROOT

DOCUMENT: Final = (ROOT / "docs" / "policies" / "security.md").read_text()
SECTIONS: Final = {name: text for name, _, text in (part.partition("\n") for part in DOCUMENT.split("\n## ")[1:])}
PARTS: Final = ("**Attack.**", "**Promise.**", "**Tests.**")


def named(text: str) -> Iterator[tuple[str, str]]:
    """Yield each file and each test that a section lists; the test is empty for a whole file."""
    file = ""
    for word in re.findall(r"`(tests/[a-z_/]+\.py|test_[a-z0-9_]+|Test[A-Za-z]+)`", text.partition(PARTS[-1])[2]):
        file = word if word.startswith("tests/") else file
        yield file, "" if word == file else word


def test_the_required_threats_are_listed() -> None:
    threats = {"Pre-hijacking", "Enumeration", "Guessing and lockout", "Mail flooding", "Session theft", "Revocation"}
    assert SECTIONS.keys() >= {*threats, "Deletion"}


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_has_an_attack_a_promise_and_tests(section: str) -> None:
    assert [part for part in PARTS if part not in SECTIONS[section]] == []
    assert [*named(SECTIONS[section])]


@pytest.mark.parametrize(("file", "test"), [each for text in SECTIONS.values() for each in named(text)])
def test_each_test_exists(file: str, test: str) -> None:
    source = (ROOT / file).read_text()
    assert not test or re.search(rf"\b(def|class) {test}\b", source)
