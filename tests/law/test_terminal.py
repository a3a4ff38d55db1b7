"""Commands print only through ``app.cli.terminal``, which escapes control characters of terminals."""

import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.observability import json_lines
from app.observability.unprintable_characters import UNPRINTABLE, escaped, escaped_json

pytestmark = pytest.mark.slow

CLI: Final = Path(__file__).parents[2] / "app" / "cli"
PRINTS: Final = re.compile(r"\bprint\(|click\.(?:s?echo|style|ClickException)\b|sys\.std(?:out|err)|echo_via_pager")
BIDIRECTIONAL: Final = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def test_no_command_prints_directly() -> None:
    found = {
        str(path.relative_to(CLI))
        for path in CLI.rglob("*.py")
        if not path.is_relative_to(CLI / "resource") and PRINTS.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"terminal.py"}


def test_every_terminal_control_character_is_escaped() -> None:
    """Control characters, line separators and bidirectional controls, from Unicode's own tables."""
    for code in range(sys.maxunicode + 1):
        each = chr(code)
        is_control = unicodedata.category(each) in {"Cc", "Zl", "Zp", "Cs"}
        acts = is_control or unicodedata.bidirectional(each) in BIDIRECTIONAL
        assert not acts or UNPRINTABLE.search(each), f"U+{code:04X}"


@given(st.text())
def test_an_escaped_text_is_one_line_of_harmless_characters(text: str) -> None:
    assert not UNPRINTABLE.search(escaped(text))
    if not UNPRINTABLE.search(text):
        assert escaped(text) == text


VALUES: Final = st.recursive(
    st.none() | st.integers() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, st.sampled_from([None, 2]))
def test_escaped_json_has_the_same_value(value: object, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    assert not UNPRINTABLE.search(escaped_json(text).replace("\n", ""))
    assert json.loads(escaped_json(text)) == json.loads(text)


@given(st.dictionaries(st.text(max_size=4), st.text(st.characters(codec=None), max_size=8), max_size=4))
def test_a_log_entry_contains_none_and_has_the_same_value(fields: dict[str, str]) -> None:
    line = json_lines.rendered(dict(fields)).decode()
    assert not UNPRINTABLE.search(line)
    assert json.loads(line) == fields


@given(st.text(st.sampled_from("\x9b\u202e\x7f\U000e0041"), min_size=1500, max_size=3000))
def test_escaping_keeps_the_size_limit_of_log_entries(text: str) -> None:
    assert len(json_lines.rendered({"path": text})) <= json_lines.LONGEST
