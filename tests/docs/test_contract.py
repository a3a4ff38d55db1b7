"""Numbers of rules of the wire contract: each quoted number is in docs/reference/contract."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.config import ROOT
from tests.docs import language, prose

CONTRACT = ROOT / "docs" / "reference" / "contract"
RULE = re.compile(r"(?<![%\w/+-])(C[1-9][0-9]?[a-z]?)(?![\w%-])")
HEADING = re.compile(r"^## (C[1-9][0-9]?[a-z]?) ", re.MULTILINE)
QUOTING = (".py", ".md", ".conf", ".toml", ".txt", ".yml", ".proto")
ELSEWHERE = re.compile(r"(?<![%\w/+.-])[UALFBDSHOE][0-9]{1,2}(?![\w%-]|\.[0-9])|\b[Tt]able 1\.[0-9]\b")
"""References to documents that are not in the repository: "F27", "D1", "table 1.4"."""
WORKLOADS = ("bench/", "tests/conformance/", "docs/evidence/", "app/rpc/gen/")
"""Directories whose own tables define such names: workloads of the benchmark, rules of the conformance suite."""
REAL = {"F0"}
"""Classes of SQLSTATEs."""


def _defined() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for page in sorted(CONTRACT.glob("*.md")):
        for number in HEADING.findall(page.read_text(encoding="utf-8")):
            assert number not in found, f"{number} is in {found[number].name} and in {page.name}"
            found[number] = page
    return found


def _texts(*roots: str) -> Iterator[tuple[Path, str]]:
    for path in language.tracked():
        if path.suffix in QUOTING and path.parts[0] in roots:
            yield path, (language.TREE / path).read_text(encoding="utf-8")


def test_each_quoted_rule_exists() -> None:
    known = _defined()
    unknown = [
        f"{path}: {number}"
        for path, text in _texts("app", "deploy", "tests", "bench", "docs")
        for number in RULE.findall(text)
        if number not in known
    ]
    assert not unknown, "\n".join(unknown)


def test_the_index_lists_each_rule_with_its_page() -> None:
    index = (CONTRACT / "index.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| \[(C[0-9]+[a-z]?)\]\(([\w-]+\.md)#", index, re.MULTILINE))
    assert listed == {number: page.name for number, page in _defined().items()}


def test_the_rules_have_no_gap() -> None:
    numbers = {int(number) for each in _defined() if (number := each[1:]).isdigit()}
    assert numbers == set(range(1, max(numbers) + 1))


def test_no_text_refers_to_a_document_that_is_not_here() -> None:
    found = [
        f"{path}:{piece.line}: {match[0]}"
        for path, text in _texts("app", "deploy", "tests", "migrations", "docs")
        if not path.as_posix().startswith((*WORKLOADS, "tests/docs/")) and ELSEWHERE.search(text)
        for piece in prose.of(language.TREE / path)
        for match in ELSEWHERE.finditer(piece.text)
        if match[0] not in REAL
    ]
    assert not found, "\n".join(found)
