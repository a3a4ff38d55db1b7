"""Operations during service: migrations, dumps and restores."""

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
from deploy.local import postgres_cluster
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


def migrated(env: Environment) -> None:
    """Run ``flask db upgrade`` with a new column and a concurrently created index, and then downgrade both.

    No client notices; the serving code is always the old one, which does not know the column; the migration
    declares that it runs on the new schema, and the instances stay ready.
    """
    migrations = with_another(env)
    began = time.monotonic()
    _flask(env, "db", "upgrade")
    env.expect(columns(env) == 0, "an upgrade changes nothing where nothing is new")
    _flask(env, "db", "upgrade", "--directory", migrations)
    env.expect(columns(env) == 1, "the column is there")
    env.wait(1)
    env.expect(env.are_ready(), "the instances are ready while the schema is ahead")
    _flask(env, "db", "downgrade", "--directory", migrations)
    env.expect(columns(env) == 0, "the column is gone")
    env.heal()
    env.expect_soon(env.are_ready, 3, "ready again")
    env.expect_unnoticed(since=began)


def migration_blocked(env: Environment) -> None:
    """Run the same migration while another session's open transaction has read the tasks.

    It fails after its ``lock_timeout`` and changes nothing; requests that queue behind it get 503
    within 3.5 s; after the failure no request is rejected.
    """
    migrations, began = with_another(env), time.monotonic()
    with closing(env.database.connect(autocommit=False)) as session:
        session.execute("SELECT FROM tasks LIMIT 1")
        _flask(env, "db", "upgrade", "--directory", migrations, fails_by="LockNotAvailable")
        env.heal()
        session.rollback()
    env.expect(columns(env) == 0, "nothing is changed")
    env.expect(env.are_ready(), "the instances are ready")
    rejected = env.rejected(since=began)
    env.expect(not rejected or rejected[-1] <= 3.5, f"a rejection took {max(rejected, default=0):.1f} s")
    env.note(f"{len(rejected)} of {len(env.ledger.of(since=began))} rejected, while the migration waited")


def with_another(env: Environment) -> str:
    """Return a folder with the service's migrations and one more."""
    [(head,)] = env.database.run("SELECT version_num FROM alembic_version")
    return str(migrations_after(head, env.deployment.home / "migrations"))


def migrations_after(head: str, migrations: Path) -> Path:
    """Write the service's migrations and one more into a folder, and return it."""
    shutil.copytree(ROOT / "migrations", migrations, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    (migrations / "versions" / "drill.py").write_text(REVISION.format(new=int(head) + 1, head=head))
    return migrations


def columns(env: Environment) -> int:
    found = "SELECT 1 FROM information_schema.columns WHERE table_name = 'tasks' AND column_name = 'drill'"
    return len(env.database.run(found))


def _flask(env: Environment, *words: str, fails_by: str = "") -> None:
    environ = os.environ | {"APP_ENV": "development", "DATABASE_URL": env.database.url, "JWT_SECRET": SECRET}
    done = subprocess.run(
        [sys.executable, "-m", "flask", *words], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    is_as_expected = fails_by in done.stderr and (done.returncode != 0) == bool(fails_by)
    env.expect(is_as_expected, f"flask {' '.join(words[:2])}: {postgres_cluster.last_lines(done.stderr)}")


def restored(env: Environment) -> None:
    """Dump the database by ``pg_dump`` and restore it as a second database by ``pg_restore``.

    The copy has every write that was acknowledged before the dump, once; a service on the copy replays keys that
    were used before; no client notices.
    """
    began = time.monotonic()
    first = asyncio.run(_create(env, env.deployment.port))
    for title, answer in first.items():
        env.ledger.enter("keyed", answer)
        env.ledger.created(title, [answer])
    creations, updates = list(env.ledger.creations), list(env.ledger.updates)
    before = env.database.run(ANSWERS)
    _copy(env, env.deployment.home / "dump")
    try:
        rows = env.database.rows(f"{env.ledger.tag}/", name=COPY)
        kept = env.database.run(ANSWERS, name=COPY)
        env.broken += [f"not in the copy: {each}" for each in examine(creations, updates, rows).lost]
        doubled = [title for title, times in Counter(row.title for row in rows).items() if times > 1]
        env.expect(not doubled, f"more than once in the copy: {doubled}")
        env.expect(set(before) <= set(kept) <= set(env.database.run(ANSWERS)), "stored answers are copied as is")
        _expect_replays(env, first)
    finally:
        env.database.run(f"DROP DATABASE {COPY} WITH (FORCE)")
    env.heal()
    env.expect_unnoticed(since=began)
    env.note(f"{len(rows)} tasks and {len(kept)} stored answers in the copy, {len(first)} keys replayed by it")


def _expect_replays(env: Environment, first: dict[str, Answer]) -> None:
    settings = Settings(database_url=f"{env.database.url.rpartition('/')[0]}/{COPY}", jwt_secret=SECRET)
    with serving(settings, env.deployment.home / "copy.log", WEB_CONCURRENCY="1") as served:
        again = asyncio.run(_create(env, served.port, titles=list(first)))
    for title, answer in again.items():
        is_same = (answer.status, answer.body) == (201, first[title].body)
        env.expect(is_same and answer.header("Idempotent-Replayed") == "true", f"{title} is not replayed")


async def _create(env: Environment, port: int, titles: list[str] | None = None) -> dict[str, Answer]:
    caller, answers = Caller(port), dict[str, Answer]()
    for title in titles or [f"{env.ledger.tag}/dumped-{number}" for number in range(KEYS)]:
        body, token = {"task": {"title": title}}, env.bearer("owner-0")
        message = request("POST", "/v1/tasks", body, Authorization=token, Idempotency_Key=title)
        answers[title] = await caller.send(message)
    caller.close()
    return answers


def _copy(env: Environment, dump: Path) -> None:
    url, folder = urlsplit(env.database.url), postgres_cluster.binaries()
    environ = postgres_cluster.environment() | {"PGPASSWORD": url.password or ""}
    where = ["-h", "127.0.0.1", "-p", str(url.port), "-U", "postgres"]
    env.database.run(f"CREATE DATABASE {COPY} OWNER {postgres_cluster.DATABASE} TEMPLATE template0")
    for command in (
        ["pg_dump", *where, "-Fc", "-f", str(dump), postgres_cluster.DATABASE],
        ["pg_restore", *where, "--exit-on-error", "-d", COPY, str(dump)],
    ):
        argv = [str(folder / command[0]), *command[1:]]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
        env.expect(done.returncode == 0, f"{command[0]}: {postgres_cluster.last_lines(done.stderr)}")
