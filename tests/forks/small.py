"""A small upstream with the ``forks`` package of this tree, and a fork of it."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from app.config import ROOT
from forks import documents
from forks.__main__ import HISTORY, UPSTREAM
from forks.answers import Answers
from forks.naming import Names
from forks.renaming import Renaming
from forks.upstream import Update

IDENTITY: Final = (("user.name", "Test"), ("user.email", "test@example.com"))
NAMES: Final = Names.of("Acme Orders", "acme")
VERSIONS: Final = "migrations/versions"
MIGRATION: Final = '''\
"""A migration."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}
branch_labels = None
depends_on = None
compatible_since = "{since}"


def upgrade() -> None:
    """Apply."""
    {upgrade}


def downgrade() -> None:
    """Revert."""
    {downgrade}
'''
LINES: Final = "".join(f"Candor, line {number}.\n" for number in range(1, 21))


def migration(
    revision: str, down: str | None, upgrade: str = "pass", *, downgrade: str = "pass", since: str = ""
) -> dict[str, str]:
    """Return the file of a migration."""
    text = MIGRATION.format(
        revision=revision,
        down=f'"{down}"' if down else None,
        upgrade=upgrade,
        downgrade=downgrade,
        since=since or revision,
    )
    return {f"{VERSIONS}/{revision}_made.py": text}


def table(name: str, *columns: str) -> str:
    """Return the statement that creates a table."""
    listed = ", ".join((*columns, 'sa.Column("id", sa.Uuid(), primary_key=True)'))
    return f'op.create_table("{name}", {listed})'


IMPORTS: Final = "".join(f"from app import {each}\n" for each in ("failures", "jobs", "movies"))
FILES: Final = {
    "README.md": "# Candor\n\nIt is Candor.\n\n## Start\n\nRun `candor`.\n",
    "CHANGELOG.md": "# Changelog\n\n## Unreleased (0.1.0)\n\n- Changed: candor.\n",
    "UPGRADING.md": "# Upgrading a fork\n",
    "LICENSE": "Copyright the authors of Candor\n",
    "pyproject.toml": '[project]\nname = "candor"\ndynamic = ["version"]\n\n[tool.ruff]\nextend-exclude = ["forks"]\n',
    "app/config/__init__.py": 'PORT = 8000\n\nVERSION: Final = "0.1.0"\n\nLAST = 1\n',
    "app/wiring.py": f"# ruff: noqa\n{IMPORTS}\nWIRED = 1\n",
    "requirements/run.lock": "flask==3.1.3\n",
    "tests/integration/test_migration_history.py": '"""The migrations of Candor."""\n',
    "contract/openapi.json": '{"title": "Candor"}\n',
    "deploy/candor@.service": LINES,
    "deploy/kubernetes/overlays/production/kustomization.yaml": "newTag: v0.1.0\nreplicas: 2\n",
    "deploy/server.conf": LINES,
    "deploy/other.conf": LINES,
    "deploy/old.conf": "Candor\n",
    ".gitignore": "__pycache__/\n.ruff_cache/\n.venv/\n",
    **migration("0001", None, table("tasks")),
    **migration("0002", "0001", table("movies")),
}


WITHOUT_APPLICATION: Final = """

def all_files(root: Path) -> None:
    pass
"""
"""There is no application whose files could be generated."""


class Done(NamedTuple):
    """The end of ``make upstream``: its status, its output, and the reason of a failure."""

    status: int
    output: str
    reason: str


class Repository:
    """A folder with a repository."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *words: str) -> str:
        """Run git, which must succeed, and return its output."""
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def identify(self) -> "Repository":
        """Let git know an author, and return this repository."""
        for name, value in IDENTITY:
            self.git("config", name, value)
        return self

    def commit(self, files: Mapping[str, str | None], message: str = "change") -> str:
        """Write files, or remove them, and return the commit."""
        for name, text in files.items():
            path = self.root / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def text(self, name: str) -> str:
        """Return the text of a file."""
        return (self.root / name).read_text()

    def edited(self, name: str, before: str, after: str) -> dict[str, str]:
        """Return a file with another text."""
        assert before in self.text(name)
        return {name: self.text(name).replace(before, after)}

    def upstream(self, source: "Repository", target: str = "HEAD") -> Done:
        """Do what ``make upstream`` does, within this process."""
        lines = list[str]()
        try:
            is_committed = Update(self.root, lines.append).run(str(source.root), target)
        except RuntimeError as error:
            return Done(2, "\n".join(lines), str(error))
        return Done(0 if is_committed else 1, "\n".join(lines), "")

    def state(self) -> tuple[str, ...]:
        """Return all that a command which fails must not change."""
        return self.git("for-each-ref"), self.git("rev-parse", "HEAD"), self.git("status", "--porcelain", "--branch")


def made(root: Path) -> Repository:
    """Return a repository of upstream with one commit."""
    shutil.copytree(ROOT / "forks", root / "forks", ignore=shutil.ignore_patterns("__pycache__"))
    with (root / "forks" / "regenerating.py").open("a") as module:
        module.write(WITHOUT_APPLICATION)
    upstream = Repository(root)
    upstream.git("init", "--quiet", "--initial-branch=main")
    upstream.identify()
    upstream.commit(FILES, "begin")
    return upstream


def forked(upstream: Repository, root: Path, *, tables: tuple[str, ...] = ("tasks", "movies")) -> Repository:
    """Return a clone after ``make init``, with an added file; its migration creates ``tables``."""
    subprocess.run(["git", "clone", "--quiet", str(upstream.root), str(root)], check=True)
    fork = Repository(root).identify()
    Renaming(UPSTREAM, NAMES).tree(root)
    documents.begin(root, NAMES, UPSTREAM, "0.1.0")
    Answers(NAMES, UPSTREAM, "0.1.0", fork.git("rev-parse", "HEAD")).write(root)
    for path in (root / HISTORY, *(root / VERSIONS).glob("*.py")):
        path.unlink()
    collapsed = migration("0002", None, "\n    ".join(map(table, tables)))
    fork.commit(collapsed | {"app/invoices.py": "INVOICES = 1\n"}, "Acme Orders")
    return fork
