"""``make upstream`` in a fork with a resource and a database: sixty commits of the whole repository come over."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import NullPool, create_engine, text

from app.config import ROOT
from forks.answers import Answers
from forks.renaming import is_kept, tracked
from tests.forks.small import VERSIONS, Repository, migration
from tests.forks.test_init import clone
from tests.stack.trees import FLASK, LINT, run

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(Answers.read(ROOT) is not None, reason="make init has run"),
]
ORDINARY: Final = 53
RELEASED: Final = "2099010100000000"
COLUMN: Final = 'op.add_column("users", sa.Column("locale", sa.String(), nullable=True))'
ABOUT_MOVIES: Final = 'op.execute("UPDATE movies SET version = version + 1")'
ROW: Final = text(
    "INSERT INTO invoices (id, title, created_by, create_time, update_time, version)"
    " SELECT gen_random_uuid(), 'Invoice ' || number, 'alice', now(), now(), 1 FROM generate_series(1, 100) number"
)
OWN: Final = (
    "tests/unit/services/test_invoices.py",
    "tests/integration/test_invoices.py",
    "tests/api/test_invoices.py",
    "tests/integration/test_migrations.py",
)


def release(upstream: Repository) -> None:
    """Add sixty commits, among them each kind of change that a fork can have difficulties with."""
    named = [path for path in tracked(ROOT) if path.suffix in {".md", ".py"} and not is_kept(path)]
    named = [
        path for path in named if path.parts[0] in {"app", "deploy", "docs"} and "candor" in (ROOT / path).read_text()
    ]
    assert len(named) > ORDINARY
    for number, path in enumerate(named[:: len(named) // ORDINARY][:ORDINARY]):
        comment = f"# candor {number}" if path.suffix == ".py" else f"<!-- candor {number} -->"
        upstream.commit({str(path): f"{upstream.text(str(path))}\n{comment}\n"}, f"{path}: {number}")
    movies = upstream.edited("app/models/movies.py", '"""Movies', '"""In every release: Movies')
    upstream.commit(movies, "a file of a part")
    column = "    locale: Mapped[str | None]\n"
    upstream.commit(
        upstream.edited("app/models/users.py", "    version: Mapped[int]\n", f"    version: Mapped[int]\n{column}")
    )
    head = max(path.name for path in (upstream.root / VERSIONS).glob("[0-9]*.py")).partition("_")[0]
    up, down = f"{COLUMN}\n    {ABOUT_MOVIES}", 'op.drop_column("users", "locale")'
    upstream.commit(migration(RELEASED, head, up, downgrade=down, since=head), "a migration")
    setting = '    greeting: str = _setting("", str, "Text of a greeting.")\n'
    upstream.commit(
        upstream.edited("app/config/__init__.py", "    request_timeout:", f"{setting}    request_timeout:")
        | upstream.edited(
            ".env.example",
            "# Time budget of a request",
            "# Text of a greeting.\n# GREETING=\n\n# Time budget of a request",
        ),
        "a setting",
    )
    for lock in ("run", "dev"):
        name = f"requirements/{lock}.lock"
        (first,) = re.findall(r"\nanyio==.*\n", upstream.text(name))
        upstream.commit(upstream.edited(name, first, f"{first}    --hash=sha256:{'0' * 64} \\\n"), "a lock")
    upstream.commit(upstream.edited("UPGRADING.md", "# Upgrading a fork\n", "# Upgrading a fork\n\n## Greetings\n"))
    upstream.commit(upstream.edited("CHANGELOG.md", "\n## Unreleased", "\nGreetings.\n\n## Unreleased"))
    assert upstream.git("rev-list", "--count", "HEAD") == "62"


@pytest.mark.parametrize("without", ["", "movies"])
def test_sixty_commits(tmp_path: Path, make_database: Callable[[str], str], server_url: str, without: str) -> None:
    upstream = Repository(clone(tmp_path / "candor")).identify()
    subprocess.run(["git", "clone", "--quiet", str(upstream.root), str(tmp_path / "acme")], check=True)
    fork = Repository(tmp_path / "acme").identify()
    run(fork.root, sys.executable, "-m", "forks", "init", "--name", "Acme Orders", "--without", without)
    fork.commit({}, "Acme Orders")
    run(fork.root, *FLASK, "new", "resource", "invoices")
    fork.commit({}, "invoices")
    settings = {"DATABASE_URL": make_database(f"live{without}"), "JWT_SECRET": "x" * 32}
    run(fork.root, *FLASK, "db", "upgrade", **settings)
    engine = create_engine(settings["DATABASE_URL"], poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(ROW)
    own = {
        path: fork.text(path)
        for path in fork.git("ls-files", VERSIONS, "README.md", "CHANGELOG.md", "contract").splitlines()
    }

    release(upstream)
    output = run(fork.root, sys.executable, "-m", "forks", "upstream", "--from", str(upstream.root))

    assert "upstream: Candor has 61 commits after" in output
    assert ("lost 1 statement about tables that you do not have" in output) is bool(without)
    assert fork.git("status", "--porcelain") == ""
    assert {path: fork.text(path) for path in own} == own
    assert not {
        path for path in tracked(fork.root) if "<!-- candor " in (fork.root / path).read_text(errors="replace")
    } - {Path("tests/forks/test_live_fork.py")}
    run(fork.root, *FLASK, "db", "upgrade", **settings)
    run(fork.root, *FLASK, "db", "check", **settings)
    assert len(run(fork.root, *FLASK, "db", "heads", **settings).split()) == 2  # the revision, and "(head)"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM invoices")).scalar_one() == 100
    fresh = settings | {"DATABASE_URL": make_database(f"fresh{without}")}
    run(fork.root, *FLASK, "db", "upgrade", **fresh)
    run(fork.root, *FLASK, "db", "check", **fresh)
    for tool in LINT:
        run(fork.root, sys.executable, "-m", *tool)
    run(fork.root, sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", *OWN, TEST_DATABASE_URL=server_url)
    run(fork.root, sys.executable, "-m", "tests.quick", TEST_DATABASE_URL=server_url)
