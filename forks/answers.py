"""The choices of ``make init``, recorded in ``fork.toml`` for later releases of upstream."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from forks.naming import Names

FILE = "fork.toml"
_CONTENT = """\
# Written by `make init`. It records how this repository differs from the one that it was made of. Do not edit it.
title = "{names.title}"
slug = "{names.slug}"
without = {parts}

[upstream]
title = "{upstream.title}"
slug = "{upstream.slug}"
version = "{version}"
commit = "{commit}"
"""


@dataclass(frozen=True)
class Answers:
    """The names of this repository and of upstream, the parts that were removed, and the release it was made of."""

    names: Names
    upstream: Names
    version: str
    commit: str
    without: tuple[str, ...] = ()

    def write(self, root: Path) -> None:
        """Write the file."""
        (root / FILE).write_text(_CONTENT.format(**vars(self), parts=json.dumps(self.without)))

    @classmethod
    def read(cls, root: Path) -> "Answers | None":
        """Return the recorded answers, or ``None`` before ``make init``."""
        try:
            found = tomllib.loads((root / FILE).read_text())
        except FileNotFoundError:
            return None
        upstream = found["upstream"]
        return cls(
            Names.of(found["title"], found["slug"]),
            Names.of(upstream["title"], upstream["slug"]),
            upstream["version"],
            upstream["commit"],
            tuple(found.get("without", ())),
        )
