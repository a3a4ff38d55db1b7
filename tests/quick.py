"""``make quick``: lint the files that have changed, and run the tests that the change is most likely to break.

The laws come first that find typical mistakes in these files (``tests/mistakes``).

A change is the difference between the working tree and the last commit of the main branch (``origin/main``, otherwise
``main``) that it is based on. On the main branch it is the uncommitted difference; if there is none, the last commit.
Without git, and without a change, a fixed selection of fast tests runs.

The tests nearest to the change come first: changed tests, tests named like a changed module, tests that import it, and
tests that import its importers. Tests other than laws that have not begun after ``QUICK_SECONDS`` are left out; the
last line reports their number.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import grimp
import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SECONDS: Final = float(os.environ.get("QUICK_SECONDS", "11"))
"""Seconds after the start of the program in which tests begin; on a slow machine they get AT_LEAST."""
AT_LEAST: Final = 5.0
MOST: Final = 40
"""Test files; collecting more would take the time that they need."""
FAST: Final = ("tests/unit/errs", "tests/unit/wire", "tests/law/test_sizes.py", "tests/api/test_create_task.py")
"""The tests that run without a change."""
ELSEWHERE: Final = (
    "tests/stack",
    "tests/browser",
    "tests/conformance",
    "tests/server",
    "tests/fuzz",
    "tests/drill",
    "tests/containers",
    "tests/matrix",
    "tests/ecosystem",
    "tests/docs/test_pages.py",
    "tests/docs/test_site.py",
)
"""Tests that take longer than this command."""
OTHER_FILES: Final = {
    ".env.example": "tests/law/test_env_example.py",
    "CHANGELOG.md": "tests/law/test_version.py",
    "bench/": "tests/law/test_bench.py",
    "README.md": "tests/docs/test_links.py",
    "contract/": "tests/law/test_contract.py",
    "deploy/nginx/": "tests/law/test_nginx.py",
    "deploy/prometheus/": "tests/law/test_alerts.py",
    "docs/": "tests/docs/test_links.py",
    "migrations/": "tests/integration/test_migrations.py",
    "pyproject.toml": "tests/law/test_version.py",
}
"""The tests of files that are not modules, by the beginning of their paths."""
LAWS: Final = {
    "app/clients/mail_templates/": ("mail_templates",),
    "app/config/": ("secrets", "env_example"),
    "app/errs/": ("declared_errors",),
    "app/models/": ("models", "schema"),
    "app/repositories/": ("every_list",),
    "app/rest/handlers/": ("every_list", "ownership", "declared_errors"),
    "app/services/": (*("every_list", "ownership", "declared_errors", "outbound_calls", "job_kinds", "personal_data"),),
    "app/wire/schemas/": ("models", "every_list"),
    "app/wiring/": ("outbound_calls", "job_kinds"),
    "migrations/": ("schema",),
    "tests/samples.py": ("every_list", "ownership"),
}
"""The laws of tests/law that find typical mistakes in files, by the beginning of their paths. They run first."""
DISTANCE: Final = 2
"""Importers of importers, and no further: sooner or later everything imports everything."""


def git(*words: str) -> str | None:
    """Return the output of git; an empty text when it fails or is missing."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def base() -> str | None:
    """Return the commit that the change is relative to."""
    head = git("rev-parse", "HEAD")
    main = git("rev-parse", "--verify", "--quiet", "origin/main") or git("rev-parse", "--verify", "--quiet", "main")
    fork = git("merge-base", "HEAD", main) if main else None
    if fork and fork != head:
        return fork
    return head if git("status", "--porcelain") else git("rev-parse", "--verify", "--quiet", "HEAD~1")


def changed() -> list[str]:
    """Return the paths of changed, new and removed files."""
    since = base()
    if since is None:
        return []
    tracked, untracked = git("diff", "--name-only", since), git("ls-files", "--others", "--exclude-standard")
    return sorted({*(tracked or "").splitlines(), *(untracked or "").splitlines()})


def module_of(path: str) -> str | None:
    """Return the module of a file, when it is one that tests can import."""
    if not path.endswith(".py") or not path.startswith(("app/", "tests/")):
        return None
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def selected(paths: Iterable[str], graph: grimp.ImportGraph) -> list[str]:
    """Return the test files that belong to changed files, the nearest first."""
    nearness: dict[str, int] = {}
    for test, distance in (found for path in paths for found in _tests_of(path, graph)):
        if (ROOT / test).exists() and not test.startswith(ELSEWHERE):
            nearness[test] = min(distance, nearness.get(test, distance))
    return sorted(nearness, key=lambda test: (nearness[test], test))


def laws_of(paths: Iterable[str]) -> set[str]:
    """Return the laws that belong to changed files."""
    return {
        f"tests/law/test_{law}.py"
        for path in paths
        for beginning, laws in LAWS.items()
        if path.startswith(beginning)
        for law in laws
    }


def _tests_of(path: str, graph: grimp.ImportGraph) -> Iterator[tuple[str, int]]:
    if path.startswith("tests/") and Path(path).name.startswith("test_"):
        yield path, 0
    yield from ((law, 0) for law in laws_of([path]))
    yield from ((test, 1) for beginning, test in OTHER_FILES.items() if path.startswith(beginning))
    if module := module_of(path):
        yield from ((test, 1) for test in _namesakes(module))
        for importer, distance in _importers(module, graph):
            if importer.rpartition(".")[2].startswith("test_"):
                yield f"{importer.replace('.', '/')}.py", 1 + distance


def _namesakes(module: str) -> Iterator[str]:
    """Yield the tests whose name has the last part of the module's name, in the singular, as words in it."""
    name = module.rpartition(".")[2].removesuffix("s")
    if module.startswith("app.") and len(name) > 2:
        for path in sorted((ROOT / "tests").rglob("test_*.py")):
            if f"_{name}" in f"_{path.stem.removeprefix('test_')}":
                yield str(path.relative_to(ROOT))


def _importers(module: str, graph: grimp.ImportGraph) -> Iterator[tuple[str, int]]:
    seen, ring = {module}, {module}
    for distance in range(1, DISTANCE + 1):
        known = (each for each in ring if each in graph.modules and not each.endswith(".conftest"))
        ring = {importer for each in known for importer in graph.find_modules_that_directly_import(each)} - seen
        seen |= ring
        yield from ((importer, distance) for importer in ring)


class Budget:
    """pytest plugin: tests that have not begun in time are left out, except the laws of the changed files."""

    def __init__(self, until: float) -> None:
        self._until = until
        self.laws: set[str] = set()
        self.left_out = 0

    def pytest_collection_finish(self) -> None:
        """Grant the tests some time on a slow machine too."""
        self._until = max(self._until, time.monotonic() + AT_LEAST)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Leave a test out that begins too late. Without a next test, fixtures end after the last one that ran."""
        if time.monotonic() < self._until or item.nodeid.partition("::")[0] in self.laws:
            return None
        self.left_out += 1
        logging.disable(logging.INFO)  # of fixtures that end when no test is there to show it
        return True


def lint(paths: Iterable[str]) -> int:
    """Check format, rules and import contracts of changed files, and return the status."""
    files = [path for path in paths if path.endswith(".py") and (ROOT / path).exists()]
    if not files:
        return 0
    ruff = (sys.executable, "-m", "ruff")
    commands = [
        (*ruff, "check", "--quiet", *files),
        (*ruff, "format", "--quiet", "--check", *files),
        (sys.executable, "-m", "tests.lint", *files),
        (str(Path(sys.executable).with_name("lint-imports")),),
    ]
    running = [
        subprocess.Popen(each, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for each in commands
    ]
    status = 0
    for each in running:
        output, _ = each.communicate()
        if each.returncode:
            sys.stdout.write(output)
            status = each.returncode
    return status


def main(*arguments: str) -> int:
    """Lint, select, run, and report the tests that were left out."""
    budget = Budget(time.monotonic() + SECONDS)
    paths = changed()
    budget.laws = laws_of(paths)
    status = lint(paths)
    tests = selected(paths, grimp.build_graph("app", "tests", cache_dir=str(ROOT / ".import_linter_cache")))
    sys.stdout.write(f"quick: {len(paths)} changed files, {min(len(tests), MOST)} of {len(tests)} test files\n")
    run = pytest.main(["-q", "-n0", "-p", "no:cacheprovider", *(tests[:MOST] or FAST), *arguments], plugins=[budget])
    if budget.left_out:
        sys.stdout.write(f"quick: {budget.left_out} tests did not begin in time; make test ALL=true runs all\n")
    return status or int(run)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
