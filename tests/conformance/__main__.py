"""The command line: one API given by URL and profile, or, without a URL, Candor and two stock servers."""

import argparse
import json
import sys
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.conformance import report
from tests.conformance.profile import Profile, ProfileError
from tests.conformance.run import judge

EXAMPLE: Final = "fastapi.toml"
"""A small profile, to start from."""


def main(words: list[str] | None = None) -> int:
    """Judge, print, and return 1 when a rule failed, 2 when the API could not be judged."""
    asked = _parser().parse_args(words)
    only = [each for each in asked.only.split(",") if each]
    if asked.example:
        sys.stdout.write(resources.files("tests.conformance").joinpath("profiles", EXAMPLE).read_text(encoding="utf-8"))
        return 0
    if not asked.url and find_spec("tests.conformance.stock") is None:  # the archive has no other servers
        return _complain("an API is needed: --url http://… --profile my.toml; --example prints a profile")
    if not asked.url:
        from tests.conformance.stock.compare import compare  # needs the application, which a URL does not

        return compare(only, json_to=asked.json, markdown_to=asked.markdown)
    if not asked.profile:
        return _complain("the URL needs a profile as well: --profile tests/conformance/profiles/candor.toml")
    try:
        profile = Profile.read(asked.profile)
        verdicts = judge(asked.url, profile, only)
    except (ProfileError, ValueError) as fault:
        return _complain(str(fault))
    except OSError as fault:
        return _complain(f"{asked.url}: {fault}")
    sys.stdout.write(f"{report.table(profile, verdicts)}\n")
    if asked.json:
        asked.json.write_text(json.dumps(report.document(profile, asked.url, verdicts), indent=2) + "\n")
    if asked.markdown:
        asked.markdown.write_text(report.markdown({profile.name: verdicts}))
    return 1 if report.broken(profile, verdicts) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_program(), description=__doc__)
    parser.add_argument("--url", default="", help="where the API listens; its path begins every path")
    parser.add_argument("--profile", type=Path, help="a TOML file; --example prints one")
    parser.add_argument("--example", action="store_true", help="print a profile to start from")
    parser.add_argument("--json", type=Path, help="write everything there, as JSON")
    parser.add_argument("--markdown", type=Path, help="write the table there, as Markdown")
    parser.add_argument(
        "--only", default="", help="ids of rules, separated by commas: M01,C12 (C12 means all of its rules)"
    )
    return parser


def _program() -> str:
    """Return the command for the help text."""
    started = Path(sys.argv[0]).name
    return f"python3 {started}" if started.endswith(".pyz") else "python -m tests.conformance"


def _complain(line: str) -> int:
    sys.stderr.write(f"conformance: {line}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
