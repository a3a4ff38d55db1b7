"""What operators do while the service serves: they migrate the schema, take dumps and restore them."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app.config import Settings
from deploy.local import cluster
from tests.drill.environment import SECRET, Environment
from tests.drill.history import examine
from tests.drill.http_client import Answer, Caller, request
from tests.stack.conftest import serving
from tests.stack.deployment import ROOT

COPY: Final = "copy"
KEYS: Final = 20
ANSWERS: Final = "SELECT a::text FROM idempotency_keys a"
REVISION: Final = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{new}", "{head}", None, None
compatible_since = "{head}"

def upgrade():
    op.add_column("tasks", sa.Column("drill", sa.Text(), nullable=True))
    with op.get_context().autocommit_block():
        op.create_index("ix_tasks_drill", "tasks", ["drill"], postgresql_concurrently=True)

def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("ix_tasks_drill", "tasks", postgresql_concurrently=True)
    op.drop_column("tasks", "drill")
"""


def migrated(stage: Environment) -> None:
    """Run ``flask db upgrade`` with a new column and an index made concurrently, and then take both back.

    Nobody notices; the code that serves is always that of before, which does not know the column; the migration
    declares that it runs on the new schema, and the instances stay ready.
    """
    migrations = with_another(stage)
    began = time.monotonic()
    _flask(stage, "db", "upgrade")
    stage.expect(columns(stage) == 0, "an upgrade changes nothing where nothing is new")
    _flask(stage, "db", "upgrade", "--directory", migrations)
    stage.expect(columns(stage) == 1, "the column is there")
    stage.wait(1)
    stage.expect(stage.are_ready(), "the instances are ready while the schema is ahead")
    _flask(stage, "db", "downgrade", "--directory", migrations)
    stage.expect(columns(stage) == 0, "the column is gone")
    stage.heal()
    stage.expect_soon(stage.are_ready, 3, "ready again")
    stage.expect_unnoticed(since=began)


def migration_blocked(stage: Environment) -> None:
    """Run the same migration while somebody's transaction has read the tasks and goes on.

    It gives up after its ``lock_timeout`` and changes nothing; who comes behind it meanwhile waits for it, and is 503
    within 3.5 s; once it has given up nobody is refused.
    """
    migrations, began = with_another(stage), time.monotonic()
    with closing(stage.database.connect(autocommit=False)) as session:
        session.execute("SELECT FROM tasks LIMIT 1")
        _flask(stage, "db", "upgrade", "--directory", migrations, fails_by="LockNotAvailable")
        stage.heal()
        session.rollback()
    stage.expect(columns(stage) == 0, "nothing is changed")
    stage.expect(stage.are_ready(), "the instances are ready")
    refused = stage.refused(since=began)
    stage.expect(not refused or refused[-1] <= 3.5, f"a refusal took {max(refused, default=0):.1f} s")
    stage.note(f"{len(refused)} of {len(stage.ledger.of(since=began))} refused, while the migration waited")


def with_another(stage: Environment) -> str:
    """Return a folder with the service's migrations and one more."""
    [(head,)] = stage.database.run("SELECT version_num FROM alembic_version")
    migrations = stage.deployment.home / "migrations"
    shutil.copytree(ROOT / "migrations", migrations, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    (migrations / "versions" / "drill.py").write_text(REVISION.format(new=int(head) + 1, head=head))
    return str(migrations)


def columns(stage: Environment) -> int:
    found = "SELECT 1 FROM information_schema.columns WHERE table_name = 'tasks' AND column_name = 'drill'"
    return len(stage.database.run(found))


def _flask(stage: Environment, *words: str, fails_by: str = "") -> None:
    environ = os.environ | {"APP_ENV": "development", "DATABASE_URL": stage.database.url, "JWT_SECRET": SECRET}
    done = subprocess.run(
        [sys.executable, "-m", "flask", *words], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    is_as_expected = fails_by in done.stderr and (done.returncode != 0) == bool(fails_by)
    stage.expect(is_as_expected, f"flask {' '.join(words[:2])}: {cluster.last_lines(done.stderr)}")


def restored(stage: Environment) -> None:
    """Dump the database by ``pg_dump`` and restore it beside itself by ``pg_restore``.

    What was acknowledged before the dump is in the copy, once; a service on the copy replays keys that were used
    before; nobody notices.
    """
    began = time.monotonic()
    first = asyncio.run(_create(stage, stage.deployment.port))
    for title, answer in first.items():
        stage.ledger.enter("keyed", answer)
        stage.ledger.created(title, [answer])
    creations, updates = list(stage.ledger.creations), list(stage.ledger.updates)
    before = stage.database.run(ANSWERS)
    _copy(stage, stage.deployment.home / "dump")
    try:
        rows = stage.database.rows(f"{stage.ledger.tag}/", name=COPY)
        kept = stage.database.run(ANSWERS, name=COPY)
        stage.broken += [f"not in the copy: {each}" for each in examine(creations, updates, rows).lost]
        doubled = [title for title, times in Counter(row.title for row in rows).items() if times > 1]
        stage.expect(not doubled, f"more than once in the copy: {doubled}")
        stage.expect(set(before) <= set(kept) <= set(stage.database.run(ANSWERS)), "stored answers are copied as is")
        _expect_replays(stage, first)
    finally:
        stage.database.run(f"DROP DATABASE {COPY} WITH (FORCE)")
    stage.heal()
    stage.expect_unnoticed(since=began)
    stage.note(f"{len(rows)} tasks and {len(kept)} stored answers in the copy, {len(first)} keys replayed by it")


def _expect_replays(stage: Environment, first: dict[str, Answer]) -> None:
    settings = Settings(database_url=f"{stage.database.url.rpartition('/')[0]}/{COPY}", jwt_secret=SECRET)
    with serving(settings, stage.deployment.home / "copy.log", WEB_CONCURRENCY="1") as served:
        again = asyncio.run(_create(stage, served.port, titles=list(first)))
    for title, answer in again.items():
        is_same = (answer.status, answer.body) == (201, first[title].body)
        stage.expect(is_same and answer.header("Idempotent-Replayed") == "true", f"{title} is not replayed")


async def _create(stage: Environment, port: int, titles: list[str] | None = None) -> dict[str, Answer]:
    caller, answers = Caller(port), dict[str, Answer]()
    for title in titles or [f"{stage.ledger.tag}/dumped-{number}" for number in range(KEYS)]:
        body, token = {"task": {"title": title}}, stage.bearer("owner-0")
        said = request("POST", "/v1/tasks", body, Authorization=token, Idempotency_Key=title)
        answers[title] = await caller.ask(said)
    caller.close()
    return answers


def _copy(stage: Environment, dump: Path) -> None:
    url, folder = urlsplit(stage.database.url), cluster.binaries()
    environ = cluster.environment() | {"PGPASSWORD": url.password or ""}
    where = ["-h", "127.0.0.1", "-p", str(url.port), "-U", "postgres"]
    stage.database.run(f"CREATE DATABASE {COPY} OWNER {cluster.DATABASE} TEMPLATE template0")
    for command in (
        ["pg_dump", *where, "-Fc", "-f", str(dump), cluster.DATABASE],
        ["pg_restore", *where, "--exit-on-error", "-d", COPY, str(dump)],
    ):
        argv = [str(folder / command[0]), *command[1:]]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
        stage.expect(done.returncode == 0, f"{command[0]}: {cluster.last_lines(done.stderr)}")
