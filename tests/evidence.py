"""The tables of ``docs/evidence``: a suite writes its result between two comments of its page."""

from pathlib import Path
from typing import Final

PAGES: Final = Path(__file__).resolve().parent.parent / "docs" / "evidence"


def write(suite: str, table: str, *, pages: Path = PAGES) -> Path:
    """Replace the table of a suite in its page, and return the page.

    Raises:
        ValueError: the page has no place for the table.
    """
    page = pages / f"{suite}.md"
    begin, end = f"<!-- {suite}: written by make {suite} -->", f"<!-- /{suite} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, is_closed, after = rest.partition(end)
    if not (found and is_closed):
        raise ValueError(f"{page} has no place for a table: {begin} … {end}")
    page.write_text(f"{before}{begin}\n{table.strip()}\n{end}{after}", encoding="utf-8")
    return page
