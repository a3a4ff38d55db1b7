"""A text that shows nothing is blank, whatever its characters."""

import sys
import unicodedata

import pytest

from app.models.invisible_characters import is_blank

INVISIBLE = {
    "nothing": "",
    "spaces": " \u00a0\u2003\u3000",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "marks of direction": "\u200e\u200f\u061c",
    "soft hyphen": "\u00ad",
    "joiner of graphemes": "\u034f",
    "fillers of Hangul": "\u115f\u1160\u3164\uffa0",
    "selectors of variations": "\ufe00\ufe0f\U000e0100",
    "tags": "\U000e0001\U000e0041",
    "signs without ink": "\u2800\U0001d159\ufffc",
    "mathematics that is not shown": "\u2061\u2062\u2063\u2064",
    "not assigned": "\u0378\U000e0fff",
    "a mixture": " \u200b\u2800\u3164 ",
}


@pytest.mark.parametrize("name", INVISIBLE)
def test_invisible_text_is_blank(name: str) -> None:
    assert is_blank(INVISIBLE[name])


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "\ue000",
        "0",
        "-",
        "é",
        "e\u0301",
        "\u200ba\u200b",
        "李",
        "あ",
        "ส",
        "अ",
        "ا",
        "א",
        "😀",
        "👩\u200d🚀",
        "\U00010330",
        "ª",
        "😶\ufe0f",
        "…",
    ],
)
def test_visible_text_is_not_blank(text: str) -> None:
    assert not is_blank(text)


def test_characters_that_only_affect_layout_are_blank() -> None:
    """Separators, controls, formats, surrogates and unassigned code points, over all code points."""
    shown = {
        unicodedata.category(character) for code in range(sys.maxunicode + 1) if not is_blank(character := chr(code))
    }
    assert {category[0] for category in shown - {"Co"}} == set("LMNPS")
