"""What belongs to the fork alone, although upstream has it too: a later release of upstream never changes it."""

import re
from pathlib import Path
from typing import Final

DOCUMENTS: Final = ("README.md", "CHANGELOG.md")
RECORD: Final = "contract/*.json"
"""The API of the fork at its last release."""
VERSIONED: Final = Path("app/config/__init__.py")
VERSION: Final = re.compile(r'(?m)^VERSION: Final = "(.*)"$')
"""The line of the version in this file."""
MANIFESTS: Final = "deploy/kubernetes/overlays/*/kustomization.yaml"
"""Files with the tag of the image, which is the version."""


def keep(root: Path, fork: Path) -> None:
    """Replace these files, and the version, in ``root`` by those of the fork."""
    for name in DOCUMENTS:
        (root / name).unlink(missing_ok=True)
    for pattern in (*DOCUMENTS, RECORD):
        for path in fork.glob(pattern):
            target = root / path.relative_to(fork)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    own, other = _line(fork), _line(root)
    text = (root / VERSIONED).read_text()
    (root / VERSIONED).write_text(text[: other.start()] + own[0] + text[other.end() :])
    for path in root.glob(MANIFESTS):
        path.write_text(path.read_text().replace(f"newTag: v{other[1]}\n", f"newTag: v{own[1]}\n"))


def version(root: Path) -> str:
    """Return the version of the code."""
    return _line(root)[1]


def _line(root: Path) -> re.Match[str]:
    found = VERSION.search((root / VERSIONED).read_text())
    if found is None:
        raise RuntimeError(f"{VERSIONED} has no line that begins with VERSION")
    return found
