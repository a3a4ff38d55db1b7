"""The table of a proxy in ``docs/evidence/proxies.md``."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests import evidence
from tests.conformance import report
from tests.conformance.rule import Level, Result, Verdict

VERSION: Final = re.compile(r"\d+\.\d+\.\d+")
SUBJECTS: Final = (
    "workers killed",
    "instance killed",
    "instances replaced",
    "both instances down",
    "workers stopped",
    "slow clients",
    "entity tags",
    "TLS",
)
"""The rows after those of the conformance suite, in their order."""
LEVELS: Final = {
    Level.MUST: "MUST",
    Level.SHOULD: "SHOULD",
    Level.MEANS: "definition of a status or field",
    Level.CONTRACT: "contract of this service",
}


@dataclass
class Results:
    """The observations of a run."""

    name: str
    version: str
    verdicts: Sequence[Verdict] = ()
    observed: dict[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """True after a run of ``make edge PROXY=…`` that left nothing out."""
        return bool(os.environ.get("PROXY") and self.verdicts) and set(self.observed) == set(SUBJECTS)

    def write(self) -> None:
        """Write the table into its section of the page."""
        evidence.write(f"proxies {self.name}", self.table(), page="proxies", command=f"make edge PROXY={self.name}")

    def table(self) -> str:
        """Return the table in Markdown."""
        found = VERSION.search(self.version)
        rows = [("version", found[0] if found else "unknown")]
        for level, title in LEVELS.items():
            rows.append((f"rules: {title}", report.score(self.verdicts, level)))
        rows += [
            (f"{each.rule.id} fails", f"{each.rule.sentence} Observed: {each.seen}")
            for each in self.verdicts
            if each.result is Result.FAILED
        ]
        rows += [(subject, self.observed[subject]) for subject in SUBJECTS]
        escaped = ((first, text.replace("|", "\\|").replace("<", "&lt;")) for first, text in rows)
        return "\n".join(["| subject | result |", "|---|---|", *(f"| {first} | {text} |" for first, text in escaped)])
