"""The tables of ``docs/evidence``: a suite writes its result between two comments of its page."""

from pathlib import Path
from typing import Final

PAGES: Final = Path(__file__).resolve().parent.parent / "docs" / "evidence"


def write(suite: str, table: str, *, page: str = "", command: str = "", pages: Path = PAGES) -> Path:
    """Replace the table of a suite in its page, and return the page.

    Args:
        suite: the name in the comments around the table.
        table: in Markdown.
        page: the name of the page, if it is not that of the suite.
        command: the command that writes the table, if it is not ``make`` and the name of the suite.
        pages: the folder.

    Raises:
        ValueError: the page has no place for the table.
    """
    path = pages / f"{page or suite}.md"
    begin, end = f"<!-- {suite}: written by {command or f'make {suite}'} -->", f"<!-- /{suite} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, is_closed, after = rest.partition(end)
    if not (found and is_closed):
        raise ValueError(f"{path} has no place for a table: {begin} … {end}")
    path.write_text(f"{before}{begin}\n{table.strip()}\n{end}{after}", encoding="utf-8")
    return path
