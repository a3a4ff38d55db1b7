"""`deploy/local/embedded_postgres.py`: a real server on a directory, for the launcher and the tests."""

import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import embedded_postgres, postgres_cluster

FAST = {"fsync": "off", "max_connections": "7"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("embedded postgres")
    yield made
    shutil.rmtree(made)


def test_a_server_speaks_utf8_and_utc_and_takes_settings(directory: Path) -> None:
    with embedded_postgres.running(directory, settings=FAST, disposable=True) as url:
        for name, value in {"server_encoding": "UTF8", "TimeZone": "UTC", "fsync": "off", **FAST}.items():
            assert embedded_postgres.query(url, f"SELECT current_setting('{name}')") == value
        assert embedded_postgres.query(url, "SELECT upper('grün')") == "GRÜN"


def test_the_service_is_not_a_superuser_and_may_make_databases(directory: Path) -> None:
    with embedded_postgres.running(directory, settings=FAST, disposable=True) as url:
        assert (
            embedded_postgres.query(url, "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user")
            == "f|t"
        )


def test_a_wrong_password_is_rejected_and_the_right_one_is_private(directory: Path) -> None:
    with embedded_postgres.running(directory, settings=FAST, disposable=True) as url:
        right = (directory / "password").read_text()
        with pytest.raises(embedded_postgres.PostgresError, match="password authentication failed"):
            embedded_postgres.query(url.replace(right, "wrong"), "SELECT 1")
    assert stat.S_IMODE((directory / "password").stat().st_mode) == 0o600


def test_data_persists_to_the_next_start_on_the_same_port(directory: Path) -> None:
    with embedded_postgres.running(directory, settings=FAST, disposable=True) as first:
        embedded_postgres.query(first, "CREATE TABLE kept AS SELECT 1 AS one")
    with embedded_postgres.running(directory, settings=FAST, disposable=True) as second:
        assert embedded_postgres.query(second, "SELECT one FROM kept") == "1"
    assert first == second


def test_a_broken_disposable_cluster_is_recreated(directory: Path) -> None:
    with embedded_postgres.running(directory, settings=FAST, disposable=True):
        pass
    (directory / "data" / "global" / "pg_control").write_bytes(b"")
    with embedded_postgres.running(directory, settings=FAST, disposable=True) as url:
        assert embedded_postgres.query(url, "SELECT 1") == "1"


def test_another_process_learns_the_owner_of_the_directory(directory: Path) -> None:
    script = (
        f"from pathlib import Path; from deploy.local.embedded_postgres import start; start(Path({str(directory)!r}))"
    )
    with embedded_postgres.running(directory, settings=FAST, disposable=True):
        other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "AlreadyRunningError: already running in this checkout, as process" in other.stderr


def test_a_server_that_does_not_start_reports_the_cause(directory: Path) -> None:
    with pytest.raises(embedded_postgres.PostgresError, match='unrecognized configuration parameter "nonesuch"'):
        embedded_postgres.start(directory, settings={"nonesuch": "1"})


FULL = """
FATAL:  could not extend file "base/1": wrote only 4096 of 8192 bytes
HINT:  Check free disk space.
PANIC:  cannot abort transaction 1
Aborted
child process exited with exit code 134
initdb: removing data directory "/x/data"
"""


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (FULL, 'FATAL:  could not extend file "base/1": wrote only 4096 of 8192 bytes'),
        (
            'ERROR:  disk full\nchild process exited with exit code 1\ninitdb: removing data directory "/x"',
            "ERROR:  disk full",
        ),
        (
            'child process was terminated by signal 9: Killed\ninitdb: removing data directory "/x"',
            "child process was terminated by signal 9: Killed",
        ),
        ("initdb: error: invalid locale name\ninitdb: hint: try another", "initdb: error: invalid locale name"),
        ('sh: 1: postgres: not found\ninitdb: removing contents of data directory "/x"', "sh: 1: postgres: not found"),
        ('initdb: removing data directory "/x"', 'initdb: removing data directory "/x"'),
        ("", "it printed nothing"),
    ],
)
def test_the_cause_is_reported_without_the_lines_after_it(output: str, cause: str) -> None:
    assert postgres_cluster.last_lines(output) == cause


@pytest.mark.skipif(sys.platform != "linux", reason="limits the sizes of files")
def test_a_cluster_that_cannot_be_created_reports_the_cause(tmp_path: Path) -> None:
    script = (
        "import resource; from pathlib import Path; from deploy.local.embedded_postgres import start;"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000,) * 2);"
        f" start(Path({str(tmp_path / 'small')!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "initdb failed" in last
    assert "File too large" in last
