"""``python -m tests.licences``: write the table of ``docs/policies/licences.md`` from the locks and from metadata.

The row of a package that isn't installed here, because it is for another platform or Python, stays as it is.
"""

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "policies" / "licences.md"
LOCKS: Final = {"run": "always", "grpc": "gRPC", "tracing": "tracing", "sentry": "Sentry", "async": "async views"}
"""The locks of the application, in the order of search, and the feature that needs each."""
BEGIN: Final = "<!-- written by python -m tests.licences -->\n"
SPELLED: Final = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
}
"""Names of licences in old metadata, with their SPDX identifiers."""
ALLOWED: Final = frozenset(
    {
        *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"),
    }
)
"""Licences that allow use in a product of any licence; LGPL and MPL apply to the packages themselves."""


def locked() -> dict[str, str]:
    """Return the packages of the locks, each with its purpose."""
    found: dict[str, str] = {}
    for lock, purpose in LOCKS.items():
        text = (ROOT / "requirements" / f"{lock}.lock").read_text()
        for name in re.findall(r"(?m)^([a-z0-9][\w.-]*)==", text):
            found.setdefault(name, purpose)
    return dict(sorted(found.items()))


def licence(name: str) -> str | None:
    """Return the SPDX expression of an installed package; ``None`` if it isn't installed."""
    try:
        fields = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    classified = [each.rpartition(" :: ")[2] for each in fields.get_all("Classifier") or () if "License ::" in each]
    named = next((fields[name] for name in ("License-Expression", "License") if name in fields), "")
    expression = named or " AND ".join(classified)
    return SPELLED.get(expression, expression)


def rows(text: str) -> dict[str, str]:
    """Return the rows of the table in a page, by package."""
    return {name: line for line, name in re.findall(r"(?m)^(\| `([^`]+)` \|.*)$", text.partition(BEGIN)[2])}


def table(text: str) -> str:
    """Return the table; an unknown row is copied from the page."""
    known, lines = rows(text), ["| Package | Licence | Needed for |", "|---|---|---|"]
    for name, purpose in locked().items():
        found = licence(name)
        lines.append(
            f"| `{name}` | {found} | {purpose} |" if found else known.get(name, f"| `{name}` | ? | {purpose} |")
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    page = PAGE.read_text()
    PAGE.write_text(page.partition(BEGIN)[0] + BEGIN + table(page))
    sys.exit(0)
