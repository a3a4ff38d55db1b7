"""The mistakes of ``mistakes.toml``, and the commands that check for them."""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LISTED: Final = Path(__file__).with_name("mistakes.toml")
COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "import": (sys.executable, "-c", "import app.rest"),
    "imports": (str(Path(sys.executable).with_name("lint-imports")), "--no-cache"),
    "lint": (sys.executable, "-m", "tests.lint"),
    "ruff": (sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise"),
}
WITH_FILES: Final = frozenset({"lint", "ruff"})
"""The checks of single files."""
NAMES: Final = {
    "import": "the import of the application",
    "imports": "import contracts (`make lint`)",
    "lint": "`tests/lint` (`make lint`)",
    "ruff": "ruff (`make lint`)",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A text of a file, and the one that replaces it; without ``old``, a text to add at the end."""

    file: str
    new: str
    old: str = ""

    def apply(self, tree: Path) -> None:
        """Change the file in a copy of the repository.

        Raises:
            ValueError: the file does not have the text once.
        """
        path = tree / self.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if self.old and text.count(self.old) != 1:
            raise ValueError(f"{self.file} has {text.count(self.old)} times: {self.old}")
        path.write_text(text.replace(self.old, self.new) if self.old else text + self.new, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake."""

    title: str
    check: str
    sentence: str
    changes: tuple[Change, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it changes."""
        return tuple(dict.fromkeys(change.file for change in self.changes))

    @property
    def command(self) -> tuple[str, ...]:
        """The command that finds it."""
        if self.check in COMMANDS:
            return COMMANDS[self.check] + (self.files if self.check in WITH_FILES else ())
        return (sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--show-capture=no", self.check)

    @property
    def found_by(self) -> str:
        """The name of the check in the documentation."""
        return NAMES.get(self.check, f"`{self.check}`")


def listed() -> tuple[Mistake, ...]:
    """Return the mistakes in their order."""
    found = tomllib.loads(LISTED.read_text(encoding="utf-8"))["mistake"]
    return tuple(
        Mistake(each["title"], each["check"], each["sentence"], tuple(Change(**change) for change in each["change"]))
        for each in found
    )
