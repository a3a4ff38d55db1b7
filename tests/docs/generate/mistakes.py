"""Typical mistakes, from ``tests/mistakes/mistakes.toml``."""

from tests.docs.generate.markdown import code, document, link, table
from tests.mistakes.listed import Mistake, listed


def page() -> str:
    """Return the page of mistakes."""
    return document(
        "Typical mistakes",
        "tests/mistakes/mistakes.toml",
        "Each of these mistakes is found within 10 seconds of processor time, with a sentence that contains what to write"
        " instead. `make quick` runs the check after a change of these files. A test makes each mistake and reads the"
        f" sentence. See {link('Avoid typical mistakes', '../change/mistakes.md')}.",
        table(("Mistake", "Found by", "Part of the message"), [_row(each) for each in listed()]),
    )


def _row(each: Mistake) -> tuple[str, str, str]:
    sentence = f"`` {each.sentence} ``" if "`" in each.sentence else code(each.sentence)
    return each.title, each.found_by, sentence
