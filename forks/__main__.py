"""``python -m forks init --name "Acme Orders"``, for ``make init``."""

import argparse
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

from forks import documents
from forks.answers import FILE, Answers
from forks.naming import InvalidNameError, Names
from forks.parts import UnknownPartError, all_parts, chosen
from forks.renaming import Renaming

ROOT = Path(__file__).resolve().parent.parent
UPSTREAM = Names.of("Candor")
HISTORY = Path("tests/integration/test_migration_history.py")
"""Tests of the migrations that one replaces."""


def main(arguments: list[str]) -> int:
    """Run the command, and return its exit status."""
    parser = argparse.ArgumentParser(prog="make init", description="Give this clone the name of your product.")
    parser.add_argument("command", choices=["init"])
    parser.add_argument("--name", required=True, help='the title, for people: "Acme Orders"')
    parser.add_argument("--slug", default="", help="the name for programs; by default the letters of the title")
    parser.add_argument("--without", default="", help=f"the parts to remove: {', '.join(all_parts())}")
    given = parser.parse_args(arguments)
    try:
        names = Names.of(given.name, given.slug)
        without = chosen(given.without)
        _check(names)
    except (InvalidNameError, UnknownPartError, RuntimeError) as error:
        sys.stderr.write(f"init: {error}\n")
        return 2
    try:
        _initialize(names, without)
    except BaseException:
        sys.stderr.write("init: nothing is committed; `git restore . && git clean -fd` undoes the changes\n")
        raise
    return 0


def _check(names: Names) -> None:
    """Raise RuntimeError if the repository cannot be changed without a loss."""
    if (made := Answers.read(ROOT)) is not None:
        raise RuntimeError(f"this repository is {made.names.title} already, see {FILE}")
    if _git("status", "--porcelain"):
        raise RuntimeError("there are uncommitted changes: commit or stash them first")
    if UPSTREAM.slug in names.slug:
        raise RuntimeError(f"the name must not contain {UPSTREAM.slug!r}")


def _initialize(names: Names, without: tuple[str, ...]) -> None:
    commit = _git("rev-parse", "HEAD")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    count = Renaming(UPSTREAM, names).tree(ROOT)
    _report(f"{count} files have the names {names.title!r} and {names.slug!r}")
    (ROOT / HISTORY).unlink()
    documents.begin(ROOT, names, UPSTREAM, version)
    _report("README.md and CHANGELOG.md are yours")
    migration = importlib.import_module("forks.initial_migration").replace(ROOT)  # imports the renamed application
    _report(f"one migration creates all tables: {migration.relative_to(ROOT)}")
    Answers(names, UPSTREAM, version, commit, without).write(ROOT)
    _report(f"{FILE} records the choices")
    for command in (["format"], ["check", "--fix"], ["check", "--select", "E501", "--add-noqa"]):
        _python("-m", "ruff", *command, "--quiet", ".", check=False)
    _python("-m", "flask", "contract", "accept")
    _report("review the result with `git diff`, run `make quick`, and commit it")


def _python(*arguments: str, check: bool = True) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=check, stdout=subprocess.DEVNULL)  # noqa: S603 -- own


def _git(*command: str) -> str:
    done = subprocess.run(["git", *command], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603, S607 -- own
    return done.stdout.strip()


def _report(line: str) -> None:
    sys.stdout.write(f"init: {line}\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
