"""The schema changes while the service serves, compatibly with its code."""

import os
import subprocess
import sys
import time
from contextlib import closing

import psycopg

from tests.drill.environment import SECRET, Environment
from tests.drill.faults.upkeep import columns, with_another
from tests.schema_changes import CHANGES
from tests.stack.deployment import ROOT

OWNER = "candor"
TRIES = 10
UPGRADES = 3


def column_widened(env: Environment) -> None:
    """Widen a column, limit one, add one, drop it again, and rename the table behind a view, one after the other (C1).

    No client notices: statements whose plans no longer fit are prepared again.
    """
    began = time.monotonic()
    for name, (make, undo) in CHANGES.items():
        for statements in (make, undo):
            _alter(env, name, statements)
            env.wait(1)
    env.heal()
    env.expect_unnoticed(since=began)


def upgrade_during_load(env: Environment) -> None:
    """Run ``flask db upgrade`` three times at once, as three starting instances do (C8).

    They wait for one another and all exit 0; no client notices.
    """
    migrations, began = with_another(env), time.monotonic()
    environ = os.environ | {"APP_ENV": "development", "DATABASE_URL": env.database.url, "JWT_SECRET": SECRET}
    command = [sys.executable, "-m", "flask", "db"]
    upgrades = [
        subprocess.Popen(
            [*command, "upgrade", "--directory", migrations], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True
        )
        for _ in range(UPGRADES)
    ]
    for number, each in enumerate(upgrades, 1):
        _, output = each.communicate(timeout=120)
        last = output.strip().splitlines()[-1:]
        env.expect(each.returncode == 0, f"upgrade {number} of {UPGRADES} ends with {each.returncode}: {last}")
    env.note(f"{UPGRADES} upgrades took {time.monotonic() - began:.1f} s")
    env.expect(columns(env) == 1, "the column is there, once")
    downgrade = [*command, "downgrade", "--directory", migrations]
    done = subprocess.run(downgrade, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    env.expect(done.returncode == 0 and columns(env) == 0, "the column is gone")
    env.heal()
    env.expect_soon(env.are_ready, 3, "ready again")
    env.expect_unnoticed(since=began)


def _alter(env: Environment, name: str, statements: str) -> None:
    """Make a change as a careful operator does: with a short lock timeout, and again if the lock was not available."""
    for _ in range(TRIES):
        try:
            with closing(env.database.connect(user=OWNER, autocommit=False)) as session:
                session.execute("SET lock_timeout = '500ms'")
                session.execute(statements.encode())
                session.commit()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(0.2)
        else:
            return
    env.expect(False, f"{name}: the lock was not available")
