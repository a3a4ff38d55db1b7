"""`deploy/local/run.py`, as `make run` executes it: from an empty checkout to a service, which cleans up."""

import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from deploy.local import embedded_postgres
from tests.stack.checkout import SERVES_WITHIN, Checkout, command_of, descendants, name_of, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc")

ENDS_WITHIN: Final = 2.0  # seconds


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout that has never served."""
    fresh = Checkout(tmp_path / "an empty check out")
    yield fresh
    fresh.clean()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    first = Checkout(tmp_path_factory.mktemp("model") / "a check out")
    first.serve()
    first.stop()
    wait_until(lambda: not first.alive, SERVES_WITHIN)  # a copy made earlier would hold the lock of the first
    yield first.root
    first.clean()


@pytest.fixture
def checkout(tmp_path: Path, model: Path) -> Iterator[Checkout]:
    """A checkout that has served before: a copy of one, because making one takes a second."""
    copy = Checkout(tmp_path / "a check out", furnished_as=model)
    yield copy
    copy.clean()


def is_worker(pid: int) -> bool:
    """Return True if a process executes jobs, rather than a process that becomes or supervises a worker."""
    command = command_of(pid)
    return (
        command.endswith("\0worker\0") and "\0deploy.local.supervisor\0" not in command and "child.py\0" not in command
    )


def another_worker(launched: int, *, than: int = 0) -> int:
    """Return the process id of the worker, once it is a different one."""
    wait_until(lambda: bool(workers(launched) - {than}), SERVES_WITHIN)
    (worker,) = workers(launched) - {than}
    return worker


def workers(launched: int) -> set[int]:
    """Return the process ids of the live workers."""
    return {pid for pid in descendants(launched) if is_worker(pid)}


def is_rpc(pid: int) -> bool:
    """Return True if a process serves gRPC."""
    return command_of(pid).endswith("\0rpc\0serve\0")


class TestServe:
    def test_the_first_start_makes_a_database_migrates_it_and_serves(self, empty: Checkout) -> None:
        process = empty.serve()
        assert name_of(process.pid).startswith("python"), "the launcher has become gunicorn"
        assert "postgres" in {name_of(pid) for pid in empty.alive}
        assert re.search("^[1-9][0-9]* prices$", empty.output, re.MULTILINE), "there is something to be ordered"
        assert "Listening at" in empty.output
        assert another_worker(process.pid), "jobs are done"
        assert not [pid for pid in empty.alive if is_rpc(pid)], "RPC_PORT is 0"  # part: grpc
        empty.note("kept")
        assert empty.notes == ["kept"]

    @pytest.mark.nightly
    def test_a_later_start_finds_the_data_and_migrates_only_when_there_is_something_new(self, empty: Checkout) -> None:
        empty.serve()
        empty.note("kept")
        empty.stop()
        empty.serve()
        assert empty.notes == ["kept"]
        assert empty.upgrades == 1
        empty.stop()
        (empty.root / "migrations" / "second.py").write_text("# the second\n")
        empty.serve()
        assert empty.upgrades == 2

    def test_a_worker_that_is_killed_is_started_again(self, checkout: Checkout) -> None:
        """Every time; the worker and its supervisor end when the service ends."""
        process = checkout.serve()
        worker = another_worker(process.pid)
        for _ in range(2):
            os.kill(worker, signal.SIGKILL)
            worker = another_worker(process.pid, than=worker)
        checkout.seen |= descendants(process.pid)
        assert "the worker has ended (-9) and is started again in 0.5 s" in checkout.output
        checkout.stop()
        wait_until(lambda: not checkout.alive, ENDS_WITHIN)

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_a_signal_ends_every_process_and_loses_nothing(self, checkout: Checkout, signum: signal.Signals) -> None:
        checkout.serve()
        checkout.note("kept")
        checkout.launched[-1].send_signal(signum)
        checkout.launched[-1].wait(ENDS_WITHIN)
        wait_until(lambda: not checkout.alive, ENDS_WITHIN)
        checkout.serve()
        assert checkout.notes == ["kept"]

    @pytest.mark.parametrize(("file", "sign"), [("maps", b"_socket"), ("cmdline", b"gunicorn")])
    def test_ctrl_c_while_it_starts_ends_it_without_output(self, checkout: Checkout, file: str, sign: bytes) -> None:
        """During the imports of the launcher, and of gunicorn."""
        process = checkout.launch()
        wait_until(lambda: sign in Path(f"/proc/{process.pid}/{file}").read_bytes(), SERVES_WITHIN)
        checkout.seen |= descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(SERVES_WITHIN)
        assert checkout.output == ""

    def test_a_start_right_after_a_kill_waits_for_the_dying_server(self, checkout: Checkout) -> None:
        checkout.serve()
        checkout.note("kept")
        checkout.stop(signal.SIGKILL)
        checkout.serve()
        assert checkout.notes == ["kept"]

    def test_a_taken_port_5432_does_not_matter(self, checkout: Checkout) -> None:
        with socket.socket() as other, suppress(OSError):  # a port that another program has taken serves as well
            other.bind(("127.0.0.1", 5432))
            other.listen()
            checkout.serve(PGPORT="5432", PGDATA="/nowhere")
            assert checkout.notes == []

    def test_a_second_run_in_the_same_checkout_fails_with_one_line(self, checkout: Checkout) -> None:
        first = checkout.serve()
        code, output = checkout.run()
        assert code == 1
        assert output == f"candor: already running in this checkout, as process {first.pid}\n"
        assert checkout.notes == [], "the first goes on"

    def test_a_taken_port_is_reported_in_one_line(self, checkout: Checkout) -> None:
        with socket.create_server(("127.0.0.1", checkout.port)):
            code, output = checkout.run(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
        assert code == 1
        taken = f"candor: port {checkout.port} on 127.0.0.1 is taken"
        assert output == f"{taken}: stop what listens there, or choose another with PORT=…\n"

    @pytest.mark.nightly
    def test_no_database_is_started_when_one_is_named(self, empty: Checkout, tmp_path: Path) -> None:
        with embedded_postgres.running(tmp_path / "named", settings={"fsync": "off"}, disposable=True) as url:
            for _ in range(2):
                empty.serve(DATABASE_URL=url)
                assert "postgres" not in {name_of(pid) for pid in empty.alive}
                empty.stop()
        assert not (empty.root / ".local").exists()
        shutil.rmtree(tmp_path / "named")
        assert empty.upgrades == 2, "another program may have changed the database"

    def test_production_gets_no_local_database(self, empty: Checkout) -> None:
        code, _ = empty.run(APP_ENV="production")
        assert code != 0
        assert not (empty.root / ".local").exists()

    def test_the_environment_beats_the_env_file(self, checkout: Checkout) -> None:
        (checkout.root / ".env").write_text("# comment\nexport PORT='1'\nHOST=\nGREETING=\"good day\"\n")
        checkout.serve()
        assert checkout.run("--", "sh", "-c", 'echo "$GREETING, $PORT"') == (0, f"good day, {checkout.port}\n")


class TestCommand:
    def test_a_command_alone_finds_a_database_that_ends_with_it(self, empty: Checkout) -> None:
        assert empty.run("--", "flask", "db", "upgrade") == (0, "")
        assert not (empty.root / ".local" / "postgres" / "data" / "postmaster.pid").exists()

    def test_a_command_during_the_service_uses_its_database(self, checkout: Checkout) -> None:
        checkout.serve()
        code, output = checkout.run("--", "sh", "-c", 'echo "$DATABASE_URL"')
        assert (code, output) == (0, (checkout.root / ".local" / "database-url").read_text())
        assert checkout.notes == [], "which goes on"

    def test_a_command_passes_its_exit_code_on(self, checkout: Checkout) -> None:
        assert checkout.run("--", "sh", "-c", "exit 7") == (7, "")
