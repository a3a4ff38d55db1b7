"""Replaces the names of one product by those of another, in the content and paths of all tracked files."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from forks.naming import Names

_PAGES = ("docs/change/name-your-product.md", "docs/change/stay-current.md")
KEPT = ("LICENSE", "fork.toml", "forks/", "tests/forks/", *_PAGES)
"""Paths that keep the former names: the licence requires it, and the others are about upstream."""
_PART = r"[A-Za-z0-9_]"


class Renaming:
    """Replaces names; the same text results whatever is renamed first."""

    def __init__(self, before: Names, after: Names) -> None:
        if before.slug in after.slug:
            raise ValueError(f"the name must not contain {before.slug!r}")
        self._forms = {
            before.slug: after.slug,
            before.slug.upper(): after.slug.upper(),
            before.identifier: after.identifier,
        }
        self._pattern = re.compile("|".join(map(re.escape, sorted({before.title, *self._forms}, key=len)[::-1])))
        self._before, self._after = before, after

    def text(self, text: str) -> str:
        """Return a text with the other names. Within an identifier, the title has no blanks."""
        return self._pattern.sub(self._replacement, text)

    def _replacement(self, found: re.Match[str]) -> str:
        if found[0] != self._before.title:
            return self._forms[found[0]]
        neighbors = (
            found.string[max(found.start() - 1, 0) : found.start()] + found.string[found.end() : found.end() + 1]
        )
        return self._after.identifier if re.search(_PART, neighbors) else self._after.title

    def tree(self, root: Path) -> int:
        """Rename all tracked files of a repository and their content. Return the number of files that changed."""
        return sum(self._file(root, path) for path in tracked(root) if not is_kept(path))

    def _file(self, root: Path, path: Path) -> bool:
        source, target = root / path, root / self.text(str(path))
        if source.is_symlink():
            return False
        content = source.read_bytes()
        try:
            renamed = self.text(content.decode()).encode()
        except UnicodeDecodeError:  # an image
            renamed = content
        if renamed != content:
            source.write_bytes(renamed)
        if target != source:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
        return renamed != content or target != source


def is_kept(path: Path) -> bool:
    """Return whether a file keeps the former names."""
    return str(path).startswith(KEPT)


def tracked(root: Path) -> Iterator[Path]:
    """Yield the paths of all tracked files, relative to the repository."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout  # noqa: S603 -- own
    return (Path(name) for name in listed.decode().split("\0") if name and (root / name).is_file())
