"""Builds the suite as one file that needs only Python 3.11: ``python3 -m tests.conformance.archive conformance.pyz``.

``make conformance-archive`` writes ``.local/conformance.pyz``.
"""

import shutil
import sys
import tempfile
import zipapp
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent
LEFT_OUT: Final = (
    "__pycache__",
    "archive.py",
    "conftest.py",
    "mutating_proxy.py",
    "mutations.py",
    "stock",
    "test_*.py",
)
"""Files for tests of the suite itself, and the servers that this repository compares."""
MAIN: Final = "import sys\n\nfrom tests.conformance.__main__ import main\n\nsys.exit(main())\n"


def build(target: Path) -> Path:
    """Write the archive, and return its path."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(PACKAGE, root / "tests" / "conformance", ignore=shutil.ignore_patterns(*LEFT_OUT))
        (root / "tests" / "__init__.py").touch()
        (root / "__main__.py").write_text(MAIN, encoding="utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        zipapp.create_archive(root, target, interpreter="/usr/bin/env python3", compressed=True)
    return target


if __name__ == "__main__":
    sys.stdout.write(f"conformance: {build(Path(sys.argv[1]))}\n")
