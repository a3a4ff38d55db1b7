"""Write the generated pages of the reference; ``--check`` compares them and writes nothing."""

import difflib
import sys
from pathlib import Path
from typing import Final

from tests.docs.generate.pages import PAGES, reference

FOLDER: Final = Path(__file__).resolve().parents[3] / "docs" / "reference"
COMMAND: Final = "python -m tests.docs.generate"


def differences() -> dict[str, str]:
    """Return a diff of each committed page that differs from the generated one, by name."""
    found = {}
    for name, text in reference().items():
        path = FOLDER / name
        committed = path.read_text(encoding="utf-8") if path.exists() else ""
        if committed != text:
            lines = difflib.unified_diff(
                committed.splitlines(), text.splitlines(), "committed", "generated", lineterm=""
            )
            found[name] = "\n".join(lines)
    return found


def write() -> None:
    """Write every page."""
    for name, text in reference().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Write or check; return the exit status."""
    if "--check" in sys.argv[1:]:
        found = differences()
        for name, lines in found.items():
            sys.stdout.write(f"docs/reference/{name} is not current\n{lines}\n")
        return int(bool(found))
    write()
    sys.stdout.write(f"docs: {len(PAGES)} pages written to docs/reference\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
