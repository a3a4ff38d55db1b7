"""PostgreSQL answers, but not as the service needs it: read-only, without room, with another schema."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local import cluster
from tests.drill.environment import Environment
from tests.stack.deployment import fetch

READS: Final = ("get", "list")
WRITES: Final = ("keyed", "unkeyed", "patch")
SMALL: Final = "size=16m"
NO_ROOM: Final = """
    CREATE FUNCTION drill_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE SQLSTATE '53100' USING MESSAGE = 'could not extend file';
    END $$;
    CREATE TRIGGER drill_full BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION drill_full()"""
ROOM: Final = "DROP TRIGGER drill_full ON tasks; DROP FUNCTION drill_full"


def read_only(stage: Environment) -> None:
    """Make every transaction read-only, as a primary is that has been demoted.

    Writes are 503, reads 200, /readyz is 503; all is well again without a restart.
    """
    workers = stage.deployment.workers
    stage.database.run("ALTER SYSTEM SET default_transaction_read_only = on")
    stage.database.run("SELECT pg_reload_conf()")
    began = time.monotonic()
    took = stage.expect_soon(lambda: _readiness(stage, "database") == "failed", 3, "/readyz names the database")
    stage.wait(4)
    _expect_reads_only(stage, since=began + 0.5, status=503)
    stage.database.run("ALTER SYSTEM RESET default_transaction_read_only")
    stage.database.run("SELECT pg_reload_conf()")
    stage.heal()
    back = stage.expect_soon(stage.are_ready, 3, "ready again")
    stage.expect(stage.deployment.workers == workers, "the workers are the same as before")
    stage.note(f"not ready after {took:.1f} s, ready again after {back:.1f} s")


def disk_full(stage: Environment) -> None:
    """Move the tasks to a small file system and fill that; where none may be mounted, have a trigger raise 53100.

    Writes that find no room are 507, reads go on; once there is room, writes succeed.
    """
    with _no_room(stage) as how:
        began = time.monotonic()
        stage.expect_soon(lambda: _count(stage, 507, since=began) > 0, 10, "a write is answered 507")
        full_at = time.monotonic()
        stage.wait(3)
        refused = stage.ledger.of(*WRITES, since=full_at)
        stage.expect({each.status for each in refused} <= {200, 201, 412, 507}, "a full disk is 507")
        reads = stage.ledger.of(*READS, since=began)
        stage.expect({each.status for each in reads} == {200}, "reads go on")
        stage.note(f"{how}: {_count(stage, 507, since=began)} × 507, {len(reads)} reads answered")
    stage.heal()


@contextmanager
def _no_room(stage: Environment) -> Iterator[str]:
    place = Path(stage.deployment.home) / "small"
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        stage.database.run(NO_ROOM)
        try:
            yield "53100 raised by a trigger"
        finally:
            stage.database.run(ROOM)
        return
    try:
        with _on_tablespace(stage, place):
            left = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
            (place / "ballast").write_bytes(b"\0" * left)
            yield "a file system without room"
            (place / "ballast").unlink()
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


@contextmanager
def _on_tablespace(stage: Environment, place: Path) -> Iterator[None]:
    uid, gid = cluster.account(stage.database.directory) or (-1, -1)
    os.chown(place, uid, gid)
    stage.database.run(f"CREATE TABLESPACE small LOCATION '{place}'")
    stage.database.run("ALTER TABLE tasks SET TABLESPACE small")
    stage.database.run("VACUUM FULL tasks")  # what earlier faults have left free is no room for writes
    try:
        yield
    finally:
        stage.database.run("ALTER TABLE tasks SET TABLESPACE pg_default")
        stage.database.run("DROP TABLESPACE small")


def schema_behind(stage: Environment) -> None:
    """Have the database say that it is one migration behind the code.

    /readyz is 503 and names the migrations; what is served meanwhile is served well, and never 500.
    """
    _with_revision(stage, "0000")


def schema_ahead(stage: Environment) -> None:
    """Have the database say that it is at a migration that the code does not know.

    As with one behind.
    """
    _with_revision(stage, "9999")


def _with_revision(stage: Environment, revision: str) -> None:
    [(head,)] = stage.database.run("SELECT version_num FROM alembic_version")
    stage.database.run("UPDATE alembic_version SET version_num = %s", revision)
    took = stage.expect_soon(lambda: _readiness(stage, "migrations") == "failed", 3, "/readyz names the migrations")
    stage.wait(1)
    stage.database.run("UPDATE alembic_version SET version_num = %s", head)
    stage.heal()
    back = stage.expect_soon(stage.are_ready, 3, "ready again")
    stage.note(f"not ready after {took:.1f} s, ready again after {back:.1f} s")


def _readiness(stage: Environment, check: str) -> str:
    """Return what both instances say of a check, when they agree and refuse."""
    said = {_check_of(fetch(path, "/readyz"), check) for path in stage.deployment.sockets}
    return said.pop() if len(said) == 1 else ""


def _check_of(answer: bytes, check: str) -> str:
    if not answer.startswith(b"HTTP/1.1 503"):
        return "ok"
    return "failed" if f'"{check}":"failed"'.encode() in answer.replace(b'": "', b'":"') else "another"


def _count(stage: Environment, status: int, *, since: float) -> int:
    return sum(each.status == status for each in stage.ledger.of(since=since))


def _expect_reads_only(stage: Environment, *, since: float, status: int) -> None:
    reads, writes = stage.ledger.of(*READS, since=since), stage.ledger.of(*WRITES, since=since)
    stage.expect({each.status for each in reads} == {200}, "reads are 200")
    stage.expect({each.status for each in writes} == {status}, f"writes are {status}")
    stage.note(f"{len(reads)} reads 200, {len(writes)} writes {status}")
