"""The documents that every fork writes itself: the beginning of README.md, and CHANGELOG.md."""

from pathlib import Path

from forks.naming import Names

README = Path("README.md")
CHANGELOG = Path("CHANGELOG.md")
START = "\n## Start\n"
"""The heading behind the introduction."""
UNRELEASED = "\n## Unreleased"
_INTRODUCTION = """\
# {names.title}

Describe here what {names.title} does, for whom, and where it runs. One paragraph is enough.

This repository was made of {upstream.title} {version} ([LICENSE](LICENSE)); [fork.toml](fork.toml) has the commit.
"""


def begin(root: Path, names: Names, upstream: Names, version: str) -> None:
    """Write the introduction of README.md, and remove upstream's entries from CHANGELOG.md.

    Raises:
        ValueError: one of them lacks a heading.
    """
    readme, changelog = (root / README).read_text(), (root / CHANGELOG).read_text()
    _, rest = _divided(readme, START)
    introduction, entries = _divided(changelog, UNRELEASED)
    heading = entries.partition("\n")[0]
    (root / README).write_text(_INTRODUCTION.format(names=names, upstream=upstream, version=version) + START + rest)
    (root / CHANGELOG).write_text(f"{introduction}{UNRELEASED}{heading}\n")


def _divided(text: str, heading: str) -> tuple[str, str]:
    before, found, after = text.partition(heading)
    if not found:
        raise ValueError(f"no heading {heading.strip()!r}")
    return before, after
