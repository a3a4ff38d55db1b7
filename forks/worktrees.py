"""A commit in a folder of its own, next to the user's, of the same repository."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forks.git import attempt, git


@contextmanager
def checked_out(root: Path, commit: str) -> Iterator[Path]:
    """Yield a folder with the files of a commit, and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="upstream-") as folder:
        tree = Path(folder).resolve() / "tree"
        git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            attempt(root, "worktree", "remove", "--force", str(tree))
