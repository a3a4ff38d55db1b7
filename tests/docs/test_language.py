"""Documentation, docstrings, comments and messages are plain English: the patterns of language.toml have no hits."""

import re
from pathlib import Path

import pytest

from tests.docs import language, prose

pytestmark = pytest.mark.slow

PAGE = 300
README = 200
SENTENCE = 30
CHECKED = [root for root in language.roots() if root.checked]
PAGES = [
    path for path in language.tracked() if path.suffix == ".md" and (path.parts[0] == "docs" or len(path.parts) == 1)
]
GENERATED = re.compile(r"^<!-- generated", re.MULTILINE)


@pytest.mark.parametrize("root", CHECKED, ids=lambda root: root.path)
def test_no_pattern_has_a_hit(root: language.Root) -> None:
    hits = [str(hit) for hit in language.check(language.files(root.path), root.kinds)]
    assert not hits, f"{len(hits)} hits; python -m tests.docs.language {root.path} lists them:\n" + "\n".join(hits[:50])


@pytest.mark.parametrize("rule", language.patterns(), ids=lambda rule: rule.name)
class TestPatterns:
    def test_finds_its_bad_examples(self, rule: language.Pattern) -> None:
        for text in rule.bad:
            assert list(rule.hits(text)), f"{rule.name} misses {text!r}"

    def test_passes_its_good_examples(self, rule: language.Pattern) -> None:
        for text in rule.good:
            assert not list(rule.hits(text)), f"{rule.name} hits {text!r}"

    def test_has_a_reason_and_a_replacement(self, rule: language.Pattern) -> None:
        assert rule.why
        assert rule.instead
        assert rule.kinds <= set(prose.KINDS)


class TestExtraction:
    def test_markdown_without_code(self) -> None:
        text = (
            "# A title\n\nText with `code` and a [link](x.md)\non two lines.\n\n"
            "```sh\ncode\n```\n\n| a | b |\n|---|---|\n| c | d |\n"
        )
        found = list(prose.markdown(text))
        assert found[:2] == [
            prose.Prose("heading", 1, "A title"),
            prose.Prose("paragraph", 3, "Text with CODE and a link\non two lines."),
        ]
        assert [(piece.kind, piece.line, piece.text) for piece in found[2:]] == [
            ("cell", 10, "a"),
            ("cell", 10, "b"),
            ("cell", 12, "c"),
            ("cell", 12, "d"),
        ]

    def test_python(self) -> None:
        source = (
            '"""A module."""\n# one\n# two\nX = 1  # three\n"""An attribute."""\n\n\n'
            'def test_a_name():\n    f(f"a message about {x} here", "SELECT a FROM b WHERE c")\n'
        )
        found = {(piece.kind, piece.line, piece.text) for piece in prose.python(source)}
        assert found == {
            ("docstring", 1, "A module."),
            ("comment", 2, "one\ntwo"),
            ("comment", 4, "three"),
            ("docstring", 5, "An attribute."),
            ("name", 8, "test a name"),
            ("string", 9, "a message about CODE here"),
        }

    def test_comments(self) -> None:
        assert list(prose.comments("# one\n# two\nkey = 1 # three\n\n# four\n", "#")) == [
            prose.Prose("comment", 1, "one\ntwo"),
            prose.Prose("comment", 3, "three"),
            prose.Prose("comment", 5, "four"),
        ]

    def test_a_hit_has_its_line(self) -> None:
        [pattern] = (each for each in language.patterns() if each.name == "say")
        piece = prose.Prose("paragraph", 7, f"First line.\n{pattern.bad[0]}")
        hits = list(language._hits(Path("page.md"), piece, language.patterns()))
        assert [(hit.line, hit.pattern) for hit in hits] == [(8, "say")]


class TestPages:
    """Sizes of pages and sentences; generated pages and the wire contract are exempt."""

    CHECKED = [path for root in CHECKED for path in language.files(root.path) if path in PAGES]

    @pytest.mark.parametrize("path", CHECKED, ids=str)
    def test_has_at_most_300_lines(self, path: Path) -> None:
        text = (language.TREE / path).read_text(encoding="utf-8")
        if not GENERATED.search(text) and path.name not in {"CHANGELOG.md", "UPGRADING.md"}:
            assert text.count("\n") <= (README if path == Path("README.md") else PAGE)

    @pytest.mark.parametrize("path", CHECKED, ids=str)
    def test_sentences_have_at_most_30_words(self, path: Path) -> None:
        text = (language.TREE / path).read_text(encoding="utf-8")
        if GENERATED.search(text) or "contract" in path.parts:
            return
        long = [
            f"{path}:{piece.line}: {len(sentence.split())} words: {' '.join(sentence.split())}"
            for piece in prose.markdown(text)
            for sentence in prose.sentences(piece.text)
            if len(sentence.split()) > SENTENCE
        ]
        assert not long, "\n".join(long)
