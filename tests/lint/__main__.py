"""Print the findings in these files, or in all files that have rules; the status is 1 if there are any."""

import ast
import sys
from pathlib import Path

from tests.lint import migrations, rules

ROOT = Path(__file__).resolve().parents[2]


def findings(path: str) -> list[str]:
    """Return a line for each finding in a file, which is relative to the repository."""
    rules_of = migrations.RULES if path.startswith("migrations/versions/") else rules.of(path)
    if not rules_of:
        return []
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return [f"{path}:{line}: {sentence}" for rule in rules_of for line, sentence in rule(tree)]


def main(*paths: str) -> int:
    """Print the findings, and return the status."""
    folders = (ROOT / "app", ROOT / "migrations" / "versions")
    every = (str(path.relative_to(ROOT)) for folder in folders for path in folder.rglob("*.py"))
    given = (path for path in paths if path.endswith(".py") and (ROOT / path).exists())  # not those that were removed
    found = [line for path in (given if paths else every) for line in findings(path)]
    sys.stdout.writelines(f"{line}\n" for line in sorted(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
