"""Edits of files that are not Python."""

from pathlib import Path

import pytest

from forks.text_edits import edited, with_note, without_entries, without_links

MAKEFILE = ".PHONY: help drill test\n\nhelp: ## Print\n\t@a\n\ndrill: x ## Break\n\t@b\n\t@c\n\ntest:\n\t@d\n"
PAGE = "# Page\n\n## One\n\ntext\n\n### Part\n\nmore\n\n## Two\n\nlast\n"


@pytest.mark.parametrize(
    ("text", "edit", "after"),
    [
        ("a: 1\nb: 2\n", {"lines": ["^a:"]}, "b: 2\n"),
        ("# 1\nA=1\n\n# 2\nB=2\n\n# 3\nC=3\n", {"paragraphs": ["^B="]}, "# 1\nA=1\n\n# 3\nC=3\n"),
        (MAKEFILE, {"targets": ["drill"]}, ".PHONY: help test\n\nhelp: ## Print\n\t@a\n\ntest:\n\t@d\n"),
        (PAGE, {"sections": ["One"]}, "# Page\n\n## Two\n\nlast\n"),
        (PAGE, {"sections": ["Part"]}, "# Page\n\n## One\n\ntext\n\n## Two\n\nlast\n"),
        ("HTTP and gRPC", {"replace": [[" and (g)RPC", r" \1"]]}, "HTTP g"),
    ],
)
def test_an_edit(text: str, edit: dict[str, list[str]], after: str) -> None:
    assert edited(text, edit) == (after, [])


def test_a_pattern_that_finds_nothing_is_reported() -> None:
    assert edited("a\n", {"lines": ["b", "a"]}) == ("", ["b"])


def test_links_to_removed_pages() -> None:
    text = (
        "- [Orders](orders.md)\n- [Tasks](tasks.md)\n| use | [Tasks](tasks.md), [orders](orders.md#x) |\n"
        "Read [orders](../call/orders.md), or [the RFC](https://example.com/orders.md).\n"
    )
    assert without_links(text, [Path("pages/call/orders.md")], Path("pages/call/index.md")) == (
        "- [Tasks](tasks.md)\n| use | [Tasks](tasks.md) |\nRead orders, or [the RFC](https://example.com/orders.md).\n"
    )


def test_a_note_below_the_heading() -> None:
    assert with_note("# Add a job\n\ntext\n", "the resource orders").startswith(
        "# Add a job\n\n> **Removed example.** This page changes the resource orders, which"
    )


def test_entries_of_blocks_that_are_gone(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("```sh\nls\n```\n")
    (tmp_path / "test.py").touch()
    kept = '[[executed]]\npage = "page.md"\nblock = "ls"\nby = "test.py"'
    text = (
        f'# Head\n\n{kept}\n\n[[skipped]]\npage = "page.md"\nblock = "cat"\nreason = "r"\n\n'
        '[[skipped]]\npage = "gone.md"\nblock = "ls"\nreason = "r"\n\n'
        '[[executed]]\npage = "p*.md"\nby = "gone.py"\n'
    )
    assert without_entries(text, tmp_path) == (
        f'# Head\n\n{kept}\n\n[[skipped]]\npage = "p*.md"\nreason = "executed by a test that was removed, gone.py"\n'
    )
