"""Removes optional parts from the files of a repository. It reads and writes files only; nothing is run."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from forks.parts import Part, all_parts
from forks.python_source import Module, Removal, fixtures_of, has_tests, name_of, thin
from forks.renaming import tracked
from forks.text_edits import edited, with_note, without_blocks, without_entries, without_links

KEPT: Final = ("forks/", "tests/forks/", "app/rpc/gen/", "CHANGELOG.md", "UPGRADING.md")
BLOCKS: Final = "tests/docs/blocks.toml"


@dataclass
class Result:
    """The removed files and tests, and the changed files."""

    files: list[Path] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Edits that found nothing."""


def remove(root: Path, names: Iterable[str]) -> Result:
    """Remove parts from the files of a repository."""
    result = Result()
    for name in names:
        _remove(root, all_parts()[name], result)
    return result


def paths_of(root: Path, name: str) -> list[Path]:
    """Return the files of a part."""
    return [path for path in tracked(root) if matches(path, all_parts()[name].paths)]


def _remove(root: Path, part: Part, result: Result) -> None:
    gone = paths_of(root, part.name)
    rest = [path for path in tracked(root) if path not in {*gone} and not str(path).startswith(KEPT)]
    for path in gone:
        (root / path).unlink()
    removed = [*gone, *_thin_modules(root, part, [each for each in rest if each.suffix == ".py"], gone, result)]
    for path in removed[len(gone) :]:
        (root / path).unlink()
    _edit(root, part, result)
    for path in rest:
        if (root / path).exists():
            _unlink_text(root, path, part, removed, result)
    for page in map(root.joinpath, part.examples):
        if page.exists():
            page.write_text(with_note(page.read_text(), part.title))
    _remove_empty_folders(root, removed)
    if (table := root / BLOCKS).exists():
        table.write_text(without_entries(table.read_text(), root))
    result.files += removed


def matches(path: Path, patterns: Iterable[str]) -> bool:
    """Return whether a path or one of its folders matches one of the patterns."""
    return any(_matches(path, pattern) for pattern in patterns)


def _matches(path: Path, pattern: str) -> bool:
    """Return whether a path or one of its folders matches a pattern, in which ``**/`` is any folder."""
    expression = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return any(re.fullmatch(expression, str(each)) for each in (path, *path.parents))


def _thin_modules(root: Path, part: Part, paths: list[Path], gone: Iterable[Path], result: Result) -> list[Path]:
    """Remove the part from modules until nothing depends on it. Return test files in which nothing is left."""
    modules = {path: Module(path, (root / path).read_text()) for path in paths}
    before = {path: module.text for path, module in modules.items()}
    removal = Removal(part.name, part.mention, frozenset(part.scopes))
    removal.modules.update(name_of(path) for path in gone if path.suffix == ".py")
    removal.modules.update(str(path).replace("/", ".") for path in _folders(gone) if not _has_files(root, path))
    fixtures: dict[Path, set[str]] = {}
    removed: set[Path] = set()
    while True:
        state = (len(removal.names), len(removed), sum(map(len, fixtures.values())))
        for path, module in modules.items():
            if path in removed:
                continue
            known = set().union(*(fixtures.get(folder, set()) for folder in path.parents))
            former = fixtures_of(module.text) if path.name == "conftest.py" else set()
            own = replace(removal, mention=None) if matches(path, part.not_in) else removal
            if thin(module, own, fixtures=known):
                removal.names.update((name_of(path), name) for name in module.undefined)
                if former:
                    fixtures.setdefault(path.parent, set()).update(former - fixtures_of(module.text))
                if path.name.startswith("test_") and not has_tests(module.text):
                    removed.add(path)
                    removal.modules.add(name_of(path))
        if state == (len(removal.names), len(removed), sum(map(len, fixtures.values()))):
            break
    for path, module in modules.items():
        result.tests += [f"{path}::{test}" for test in module.removed_tests]
        if module.text != before[path] and path not in removed:
            (root / path).write_text(module.text)
            result.changed.append(path)
    return sorted(removed)


def _folders(paths: Iterable[Path]) -> set[Path]:
    return {folder for path in paths for folder in path.parents if folder != Path()}


def _has_files(root: Path, folder: Path) -> bool:
    return any(path.is_file() for path in (root / folder).rglob("*.py"))


def _edit(root: Path, part: Part, result: Result) -> None:
    for edit in part.edits:
        file = root / edit["file"]
        if not file.exists():
            continue
        text, missed = edited(file.read_text(), edit)
        file.write_text(text)
        result.changed.append(Path(edit["file"]))
        result.skipped += [f"{edit['file']} has nothing like {each}" for each in missed]


def _unlink_text(root: Path, path: Path, part: Part, removed: Iterable[Path], result: Result) -> None:
    """Remove marked blocks, and links to removed files."""
    try:
        before = (root / path).read_text()
    except UnicodeDecodeError:
        return
    after = without_blocks(before, part.name)
    if path.suffix == ".md":
        after = without_links(after, removed, path)
    if after != before:
        (root / path).write_text(after)
        result.changed.append(path)


def _remove_empty_folders(root: Path, removed: Iterable[Path]) -> None:
    for folder in sorted(_folders(removed), key=lambda each: -len(each.parts)):
        if (root / folder).is_dir() and not any(each.name != "__pycache__" for each in (root / folder).iterdir()):
            for each in (root / folder).rglob("*.pyc"):
                each.unlink()
            for each in sorted((root / folder).rglob("*"), reverse=True):
                each.rmdir()
            (root / folder).rmdir()
