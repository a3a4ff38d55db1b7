"""PostgreSQL answers, but in an unsuitable state: read-only, with a full disk, with another schema."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local import postgres_cluster
from tests.drill.environment import Environment
from tests.stack.deployment import fetch

READS: Final = ("get", "list")
WRITES: Final = ("keyed", "unkeyed", "patch")
SMALL: Final = "size=16m"
DISK_FULL: Final = """
    CREATE FUNCTION drill_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE SQLSTATE '53100' USING MESSAGE = 'could not extend file';
    END $$;
    CREATE TRIGGER drill_full BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION drill_full()"""
DISK_FREE: Final = "DROP TRIGGER drill_full ON tasks; DROP FUNCTION drill_full"


def read_only(env: Environment) -> None:
    """Make every transaction read-only, like a demoted primary.

    Writes are 503, reads 200, /readyz is 503; requests succeed again without a restart.
    """
    workers = env.deployment.workers
    env.database.run("ALTER SYSTEM SET default_transaction_read_only = on")
    env.database.run("SELECT pg_reload_conf()")
    began = time.monotonic()
    took = env.expect_soon(lambda: _readiness(env, "database") == "failed", 3, "/readyz names the database")
    env.wait(4)
    _expect_reads_only(env, since=began + 0.5, status=503)
    env.database.run("ALTER SYSTEM RESET default_transaction_read_only")
    env.database.run("SELECT pg_reload_conf()")
    env.heal()
    back = env.expect_soon(env.are_ready, 3, "ready again")
    env.expect(env.deployment.workers == workers, "the workers are the same as before")
    env.note(f"not ready after {took:.1f} s, ready again after {back:.1f} s")


def disk_full(env: Environment) -> None:
    """Move the tasks to a small file system and fill it; where none can be mounted, let a trigger raise 53100.

    Writes without space are 507, reads succeed; when there is space again, writes succeed.
    """
    with _full_disk(env) as how:
        began = time.monotonic()
        env.expect_soon(lambda: _count(env, 507, since=began) > 0, 10, "a write is answered 507")
        full_at = time.monotonic()
        env.wait(3)
        rejected = env.ledger.of(*WRITES, since=full_at)
        env.expect({each.status for each in rejected} <= {200, 201, 412, 507}, "a full disk is 507")
        reads = env.ledger.of(*READS, since=began)
        env.expect({each.status for each in reads} == {200}, "reads go on")
        env.note(f"{how}: {_count(env, 507, since=began)} × 507, {len(reads)} reads answered")
    env.heal()


@contextmanager
def _full_disk(env: Environment) -> Iterator[str]:
    place = Path(env.deployment.home) / "small"
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        env.database.run(DISK_FULL)
        try:
            yield "53100 raised by a trigger"
        finally:
            env.database.run(DISK_FREE)
        return
    try:
        with _on_tablespace(env, place):
            left = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
            (place / "ballast").write_bytes(b"\0" * left)
            yield "a full file system"
            (place / "ballast").unlink()
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


@contextmanager
def _on_tablespace(env: Environment, place: Path) -> Iterator[None]:
    uid, gid = postgres_cluster.account(env.database.directory) or (-1, -1)
    os.chown(place, uid, gid)
    env.database.run(f"CREATE TABLESPACE small LOCATION '{place}'")
    env.database.run("ALTER TABLE tasks SET TABLESPACE small")
    env.database.run("VACUUM FULL tasks")  # otherwise writes use the space that earlier faults have freed
    try:
        yield
    finally:
        env.database.run("ALTER TABLE tasks SET TABLESPACE pg_default")
        env.database.run("DROP TABLESPACE small")


def schema_behind(env: Environment) -> None:
    """Set the stored revision to one migration behind the code.

    /readyz is 503 and the log names the migrations; requests in the meantime succeed, and none returns 500.
    """
    _with_revision(env, "0000")


def schema_ahead(env: Environment) -> None:
    """Set the stored revision to a migration that the code does not know.

    The same promises as with one migration behind.
    """
    _with_revision(env, "9999")


def _with_revision(env: Environment, revision: str) -> None:
    [(head,)] = env.database.run("SELECT version_num FROM alembic_version")
    env.database.run("UPDATE alembic_version SET version_num = %s", revision)
    took = env.expect_soon(lambda: _readiness(env, "migrations") == "failed", 3, "/readyz names the migrations")
    env.wait(1)
    env.database.run("UPDATE alembic_version SET version_num = %s", head)
    env.heal()
    back = env.expect_soon(env.are_ready, 3, "ready again")
    env.note(f"not ready after {took:.1f} s, ready again after {back:.1f} s")


def _readiness(env: Environment, check: str) -> str:
    """Return the result of a check in both instances, when they agree and are not ready."""
    results = {_check_of(fetch(path, "/readyz"), check) for path in env.deployment.sockets}
    return results.pop() if len(results) == 1 else ""


def _check_of(answer: bytes, check: str) -> str:
    if not answer.startswith(b"HTTP/1.1 503"):
        return "ok"
    return "failed" if f'"{check}":"failed"'.encode() in answer.replace(b'": "', b'":"') else "another"


def _count(env: Environment, status: int, *, since: float) -> int:
    return sum(each.status == status for each in env.ledger.of(since=since))


def _expect_reads_only(env: Environment, *, since: float, status: int) -> None:
    reads, writes = env.ledger.of(*READS, since=since), env.ledger.of(*WRITES, since=since)
    env.expect({each.status for each in reads} == {200}, "reads are 200")
    env.expect({each.status for each in writes} == {status}, f"writes are {status}")
    env.note(f"{len(reads)} reads 200, {len(writes)} writes {status}")
