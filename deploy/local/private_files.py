"""Folders and files below the checkout: private where they hold secrets, owned by the owner of the checkout.

Root may run `make run` once in another user's checkout; that user must still be able to run it afterwards.
"""

import os
import tempfile
from pathlib import Path


def make_directory(directory: Path) -> None:
    """Create `directory` and its parents, as the owner of the existing folder above them."""
    if not directory.exists():
        make_directory(directory.parent)
        directory.mkdir(exist_ok=True)
        _hand_over(directory)


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all, readable by its owner only. Its folder is created if necessary."""
    make_directory(path.parent)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    _hand_over(Path(draft))
    Path(draft).replace(path)


def open_private(path: Path, flags: int) -> int:
    """Open `path`, created when missing, readable by its owner only; return the descriptor."""
    handle = os.open(path, flags | os.O_CREAT, 0o600)
    _hand_over(path)
    return handle


def _hand_over(path: Path) -> None:
    if os.geteuid() == 0:
        above = path.parent.stat()
        os.chown(path, above.st_uid, above.st_gid)
