"""Size limits of files, and the module docstring of every file."""

import ast

from app.config import ROOT

LONGEST = 300
APP = sorted(path for path in (ROOT / "app").rglob("*.py") if "gen" not in path.relative_to(ROOT).parts)


def test_no_file_is_longer_than_300_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines for path in APP if (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert long == {}


def test_most_files_are_much_shorter() -> None:
    lines = sorted(len(path.read_text().splitlines()) for path in APP)
    assert lines[len(lines) // 2] <= 90
    assert lines[len(lines) * 9 // 10] <= 210


def test_every_file_has_a_module_docstring() -> None:
    assert [path for path in APP if not ast.get_docstring(ast.parse(path.read_text()))] == []
