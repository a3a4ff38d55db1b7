"""What belongs to the fork alone, although upstream has it too: a later release of upstream never changes it."""

import re
from pathlib import Path
from typing import Final

DOCUMENTS: Final = ("README.md", "CHANGELOG.md")
RECORD: Final = "contract/*.json"
"""The API of the fork at its last release."""
VERSION: Final = re.compile(r'(?m)^(?:version|VERSION: Final) = ".*"$')
VERSIONED: Final = ("pyproject.toml", "app/config/__init__.py")
"""Files with the line of the version."""


def keep(root: Path, fork: Path) -> None:
    """Replace these files, and the version, in ``root`` by those of the fork."""
    for name in DOCUMENTS:
        (root / name).unlink(missing_ok=True)
    for pattern in (*DOCUMENTS, RECORD):
        for path in fork.glob(pattern):
            target = root / path.relative_to(fork)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    for name in VERSIONED:
        own, text = VERSION.search((fork / name).read_text()), (root / name).read_text()
        if own is not None and (found := VERSION.search(text)):
            (root / name).write_text(text[: found.start()] + own[0] + text[found.end() :])
