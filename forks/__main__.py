"""``python -m forks init``, ``remove`` and ``upstream``, for ``make``.

A fourth command, ``replay``, belongs to ``upstream``: an older release runs it in the newer one.
"""

import argparse
import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from forks import documents, later_migrations, owned, parts, regenerating, removing
from forks.answers import FILE, Answers
from forks.naming import InvalidNameError, Names
from forks.parts import UnknownPartError, all_parts, chosen
from forks.renaming import Renaming
from forks.upstream import Update, counted

ROOT = Path(__file__).resolve().parent.parent
UPSTREAM = Names.of("Candor")
HISTORY = Path("tests/integration/test_migration_history.py")
"""Tests of the migrations that one replaces."""


def main(arguments: list[str]) -> int:
    """Run the command, and return its exit status."""
    given = _parsed(arguments)
    if given.command in _OF_RELEASES:
        return _merge_releases(given)
    try:
        if given.command == "remove":
            parts.add_generated(ROOT, given.without)
        without = chosen(given.without)
        if given.command == "init":
            names = Names.of(given.name, given.slug)
            _check(names)
        elif not without:
            raise RuntimeError(f"name the parts to remove: {', '.join(all_parts())}")
        if _git("status", "--porcelain"):
            raise RuntimeError("there are uncommitted changes: commit or stash them first")
    except (InvalidNameError, UnknownPartError, RuntimeError) as error:
        sys.stderr.write(f"{given.command}: {error}\n")
        return 2
    try:
        if given.command == "init":
            _initialize(names, without)
        else:
            _remove_later(without)
    except BaseException:
        undo = "`git restore . && git clean -fd` undoes the changes"
        sys.stderr.write(f"{given.command}: nothing is committed; {undo}\n")
        raise
    return 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m forks")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="give this clone the name of your product")
    init.add_argument("--name", required=True, help='the title, for people: "Acme Orders"')
    init.add_argument("--slug", default="", help="the name for programs; by default the letters of the title")
    init.add_argument("--without", default="", help=f"the parts to remove: {', '.join(all_parts())}")
    remove = commands.add_parser("remove", help="remove parts from a repository")
    remove.add_argument("without", help=f"the parts, with commas between them: {', '.join(all_parts())}")
    upstream = commands.add_parser("upstream", help="merge a later release of upstream")
    upstream.add_argument("--from", required=True, dest="source", help="its URL, path or remote")
    upstream.add_argument("--to", default="HEAD", dest="target", help="a branch, a tag or a commit")
    replay = commands.add_parser("replay", help="make the choices of another repository here")
    replay.add_argument("--fork", required=True, type=Path, help="the repository with the choices")
    return parser.parse_args(arguments)


def _merge_releases(given: argparse.Namespace) -> int:
    try:
        return _OF_RELEASES[given.command](given)
    except RuntimeError as error:
        sys.stderr.write(f"{given.command}: {error}\n")
        return 2


def _upstream(given: argparse.Namespace) -> int:
    return 0 if Update(ROOT, lambda line: _report("upstream", line)).run(given.source, given.target) else 1


def _replay(given: argparse.Namespace) -> int:
    """Make of this release what ``make init`` would, but keep what belongs to the fork."""
    recorded = Answers.read(given.fork)
    if recorded is None:
        raise RuntimeError(f"{given.fork} has no {FILE}")
    removing.remove(ROOT, (part for part in recorded.without if part in all_parts()))  # others were made by the fork
    _git("checkout", "HEAD", "--", str(later_migrations.VERSIONS))  # `later_migrations` changes them
    Renaming(recorded.upstream, recorded.names).tree(ROOT)
    (ROOT / HISTORY).unlink(missing_ok=True)
    replace(recorded, version=_version(), commit=_git("rev-parse", "HEAD")).write(ROOT)
    regenerating.style(ROOT)
    regenerating.all_files(ROOT)
    owned.keep(ROOT, given.fork)
    lost = later_migrations.keep(ROOT, given.fork)  # after the formatter, which must not change the others
    if lost:
        regenerating.style(ROOT, *map(str, lost))
    for path, count in lost.items():
        sys.stdout.write(
            f"{path.relative_to(ROOT)} lost {counted(count, 'statement')} about tables that you do not have\n"
        )
    return 0


_OF_RELEASES: Final = {"upstream": _upstream, "replay": _replay}


def _check(names: Names) -> None:
    """Raise RuntimeError if the repository has a name already, or cannot have this one."""
    if (made := Answers.read(ROOT)) is not None:
        raise RuntimeError(f"this repository is {made.names.title} already, see {FILE}")
    if UPSTREAM.slug in names.slug:
        raise RuntimeError(f"the name must not contain {UPSTREAM.slug!r}")


def _initialize(names: Names, without: tuple[str, ...]) -> None:
    commit = _git("rev-parse", "HEAD")
    version = _version()
    for part in without:
        _report("init", f"{all_parts()[part].title}: {_counts(removing.remove(ROOT, [part]))}")
    count = Renaming(UPSTREAM, names).tree(ROOT)
    _report("init", f"{count} files have the names {names.title!r} and {names.slug!r}")
    (ROOT / HISTORY).unlink()
    documents.begin(ROOT, names, UPSTREAM, version)
    _report("init", "README.md and CHANGELOG.md are yours")
    migration = importlib.import_module("forks.initial_migration").replace(ROOT)  # imports the application as it is now
    _report("init", f"one migration creates all tables: {migration.relative_to(ROOT)}")
    Answers(names, UPSTREAM, version, commit, without).write(ROOT)
    _report("init", f"{FILE} records the choices")
    _finish("init")


def _remove_later(without: tuple[str, ...]) -> None:
    """Remove parts from a repository that may have databases and another name."""
    answers = Answers.read(ROOT)
    if answers:
        without = tuple(name for name in without if name not in answers.without)
        parts.rename(Renaming(answers.upstream, answers.names).text)
    drop = importlib.import_module("forks.drop_migration")  # imports the application as it was
    for part in without:
        tables = drop.tables_of(removing.paths_of(ROOT, part))
        result = removing.remove(ROOT, [part])
        _report("remove", f"{all_parts()[part].title}: {_counts(result)}")
        for edit in result.skipped:
            _report("remove", f"not changed, check it: {edit}")
        if tables:
            _report("remove", f"a migration drops its tables: {drop.add(ROOT, part, tables).relative_to(ROOT)}")
    if answers:
        replace(answers, without=(*answers.without, *without)).write(ROOT)
    _finish("remove")


def _finish(command: str) -> None:
    regenerating.style(ROOT)
    regenerating.all_files(ROOT)
    _report(command, "review the result with `git diff`, run `make quick`, and commit it")


def _counts(result: removing.Result) -> str:
    return f"{len(result.files)} files removed, {len(set(result.changed))} changed, {len(result.tests)} tests less"


def _version() -> str:
    return owned.version(ROOT)


def _git(*command: str) -> str:
    done = subprocess.run(["git", *command], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603, S607 -- own
    return done.stdout.strip()


def _report(command: str, line: str) -> None:
    sys.stdout.write(f"{command}: {line}\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
