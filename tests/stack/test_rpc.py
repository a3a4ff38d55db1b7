"""``flask rpc serve`` as a process that is stopped, and that loses its database and its callers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckResponse
from sqlalchemy import Connection, make_url

from app.config import Settings
from app.models.logger import Level
from deploy.local.free_ports import free_port
from tests.conftest import TokenMaker
from tests.fakes.network import Proxy
from tests.rpc.client import Client, health
from tests.rpc.other_sessions import connected, locked, waiting
from tests.rpc.samples import REQUESTS
from tests.scrape import scraped
from tests.stack.checkout import wait_until
from tests.stack.conftest import IN_FORCE_WITHIN
from tests.stack.deployment import ROOT

ROOM: Final = 20.0
"""Seconds that an event may take on a busy machine."""
NOT_SERVING, SERVING = HealthCheckResponse.NOT_SERVING, HealthCheckResponse.SERVING
CALLER: Final = """
import sys
from tests.rpc.client import Client
from tests.rpc.samples import REQUESTS

with Client.of(int(sys.argv[1]), sys.argv[2]) as client:
    client.call("GetTask", REQUESTS["GetTask"], within=None)
"""


class Process:
    """A server that tests can kill, behind a network that they can stop."""

    def __init__(self, settings: Settings, home: Path, **environment: str) -> None:
        url = make_url(settings.database_url)
        self.network = Proxy(url.host or "", url.port or 5432)
        self.port, self.metrics_port, self._log = free_port(), free_port(), home / "log"
        behind = url.set(host="127.0.0.1", port=self.network.port).render_as_string(hide_password=False)
        environ = os.environ | {
            "DATABASE_URL": behind,
            "JWT_SECRET": settings.jwt_secret,
            "RPC_PORT": str(self.port),
            "RPC_METRICS_PORT": str(self.metrics_port),
            **environment,
        }
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "flask", "rpc", "serve"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=log)

    def close(self) -> None:
        """End the server, and assert that its output is lines of JSON only."""
        self.process.kill()
        self.process.wait(ROOM)
        self.network.close()
        assert all(json.loads(line) for line in self._log.read_text().splitlines())

    def lines(self, logger: str) -> list[dict[str, Any]]:
        """Return the log entries of one logger."""
        lines: list[dict[str, Any]] = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if line["logger"] == logger]


Run = Callable[..., Process]


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Iterator[Run]:
    """Return a starter of servers."""
    started: list[Process] = []

    def start(**environment: str) -> Process:
        started.append(Process(settings, tmp_path, **environment))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="module")
def steady(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Return a server that no test kills, with four threads."""
    started = Process(settings, tmp_path_factory.mktemp("steady"), WEB_THREADS="4")
    with Client.of(started.port, None) as client:
        wait_until_serving(client)
    yield started
    started.close()


@pytest.fixture
def other_session(settings: Settings) -> Iterator[Connection]:
    """Return a connection of another user."""
    with connected(settings) as connection:
        yield connection


def code_of(client: Client, *, within: float = 1.0) -> StatusCode:
    """Return the status of a call for a task that does not exist."""
    try:
        client.call("GetTask", REQUESTS["GetTask"], within=within)
    except grpc.RpcError as error:
        code: StatusCode = error.code()
        return code
    raise AssertionError


def wait_until_serving(client: Client) -> None:
    """Wait until a server that was just started reports SERVING; a call fails while it imports its modules."""

    def is_serving() -> bool:
        try:
            return health(client.channel, within=ROOM) == SERVING
        except grpc.RpcError:
            return False

    wait_until(is_serving, 3 * ROOM)


def test_sigterm_reports_not_serving_finishes_calls_and_accepts_no_new_ones(
    run: Run, settings: Settings, other_session: Connection, token: TokenMaker
) -> None:
    process = run(DRAIN_SECONDS="1")
    with Client.of(process.port, token("alice")) as client:
        wait_until_serving(client)
        with locked(settings):
            call = client.stub.GetTask.future(REQUESTS["GetTask"], metadata=client.metadata())
            wait_until(lambda: waiting(other_session) == 1, ROOM)
            process.process.send_signal(signal.SIGTERM)
            wait_until(lambda: health(client.channel) == NOT_SERVING, ROOM)
            assert health(client.channel, "todo.v1.TodoService") == NOT_SERVING
            assert not call.done()
            with Client.of(process.port, token("bob")) as another:
                wait_until(lambda: code_of(another) is StatusCode.UNAVAILABLE, ROOM)
            assert not call.done()
        assert call.exception(ROOM).code() is StatusCode.NOT_FOUND
    assert process.process.wait(ROOM) == 0
    assert [line["message"] for line in process.lines("candor.rpc")] == [
        "gRPC server ready",
        "gRPC server shutting down",
    ]


@pytest.mark.parametrize("times", [1, 2])
def test_entries_that_errors_of_the_last_second_share_are_written_when_it_ends(run: Run, times: int) -> None:
    """Also after a second SIGTERM, which ends the server at once."""
    process = run(DRAIN_SECONDS="30" if times > 1 else "0")
    with Client.of(process.port, None) as client:
        wait_until_serving(client)
        for _ in range(50):
            with pytest.raises(grpc.RpcError):
                client.raw("/todo.v1.TodoService/Nothing", b"")
        for _ in range(times):
            process.process.send_signal(signal.SIGTERM)
            wait_until(
                lambda: "gRPC server shutting down" in {line["message"] for line in process.lines("candor.rpc")}, ROOM
            )
    assert process.process.wait(ROOM) == (128 + signal.SIGTERM if times > 1 else 0)
    errors = [line for line in process.lines("candor.errors") if line["code"] == "METHOD_NOT_ALLOWED"]
    assert sum(line.get("count", 1) for line in errors) == 50


def test_without_a_database_it_is_unavailable_and_reports_it_until_recovery(
    run: Run, settings: Settings, token: TokenMaker
) -> None:
    """Never UNKNOWN or INTERNAL, with the database frozen or stopped."""
    process = run()
    with Client.of(process.port, token("alice")) as client:
        wait_until_serving(client)
        assert code_of(client, within=ROOM) is StatusCode.NOT_FOUND
        process.network.flows.clear()
        assert code_of(client, within=0.2) in {StatusCode.DEADLINE_EXCEEDED, StatusCode.UNAVAILABLE}
        wait_until(lambda: health(client.channel) == NOT_SERVING, ROOM)
        assert code_of(client, within=0.2) in {StatusCode.DEADLINE_EXCEEDED, StatusCode.UNAVAILABLE}
        failure = client.failure("GetTask", REQUESTS["GetTask"], within=ROOM)
        assert failure.code in {StatusCode.DEADLINE_EXCEEDED, StatusCode.UNAVAILABLE}
        process.network.flows.set()
        wait_until(lambda: code_of(client, within=5) is StatusCode.NOT_FOUND, ROOM)
        wait_until(lambda: health(client.channel) == SERVING, ROOM)
    statuses = {line["grpc_status"] for line in process.lines("candor.access")}
    assert statuses <= {"NOT_FOUND", "DEADLINE_EXCEEDED", "UNAVAILABLE"}


def test_the_statement_of_a_killed_caller_is_gone(
    steady: Process, settings: Settings, other_session: Connection, token: TokenMaker
) -> None:
    with locked(settings):
        caller = subprocess.Popen([sys.executable, "-c", CALLER, str(steady.port), token("alice")], cwd=ROOT)
        wait_until(lambda: waiting(other_session) == 1, ROOM)
        caller.kill()
        caller.wait(ROOM)
        wait_until(lambda: waiting(other_session) == 0, ROOM)
    wait_until(lambda: "CANCELLED" in {line["grpc_status"] for line in steady.lines("candor.access")}, ROOM)


def test_clients_that_send_only_heads_block_no_other_client(steady: Process, token: TokenMaker) -> None:
    """A call takes a thread when its message is complete, not while it is being sent."""
    with Client.of(steady.port, token("alice")) as client, Client.of(steady.port, None) as slow:
        hold: grpc.StreamUnaryMultiCallable[bytes, bytes] = slow.channel.stream_unary("/todo.v1.TodoService/GetTask")
        released = Held()
        held = [hold.future(iter(released), metadata=client.metadata()) for _ in range(50)]
        assert code_of(client, within=ROOM) is StatusCode.NOT_FOUND
        for call in held:
            call.cancel()
        released.let_go()


class Held:
    """Incomplete messages, which end when the test releases them."""

    def __init__(self) -> None:
        self._end, self._begin = os.pipe()

    def __iter__(self) -> Iterator[bytes]:
        os.read(self._end, 1)
        yield from ()

    def let_go(self) -> None:
        """End all of them."""
        os.close(self._begin)


def test_it_counts_for_prometheus(steady: Process, token: TokenMaker) -> None:
    """The method is the route."""
    with Client.of(steady.port, token("alice")) as client:
        assert code_of(client, within=ROOM) is StatusCode.NOT_FOUND
    labels = {"method": "POST", "route": "/todo.v1.TodoService/GetTask", "status": "404"}
    wait_until(lambda: scraped(steady.metrics_port).total("http_request_duration_seconds_count", **labels) >= 1, ROOM)


def test_a_log_level_is_in_force_in_the_grpc_server_too(
    steady: Process, token: TokenMaker, set_log_level: Callable[[Level], None]
) -> None:
    """Within 5 seconds, and back again."""
    with Client.of(steady.port, token("somebody-curious")) as client:

        def is_in_force() -> bool:
            before = len(steady.lines("candor.access"))
            assert StatusCode.UNAVAILABLE not in {code_of(client, within=ROOM) for _ in range(10)}
            return len(steady.lines("candor.access")) > before

        assert is_in_force()
        set_log_level(Level.ERROR)
        wait_until(lambda: not is_in_force(), IN_FORCE_WITHIN)
        set_log_level(Level.INFO)
        wait_until(is_in_force, IN_FORCE_WITHIN)


@pytest.mark.nightly
def test_with_a_certificate_it_speaks_tls_and_nothing_else(run: Run, tmp_path: Path, token: TokenMaker) -> None:
    certificate, key = made_certificate(tmp_path)
    process = run(RPC_CERTIFICATE=str(certificate), RPC_KEY=str(key))
    trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
    with grpc.secure_channel(f"localhost:{process.port}", trusted) as channel:
        wait_until(lambda: health(channel, within=ROOM) == SERVING, ROOM)
        assert code_of(Client(channel, token("alice")), within=ROOM) is StatusCode.NOT_FOUND
    with Client.of(process.port, token("alice")) as client:
        assert code_of(client, within=ROOM) is StatusCode.UNAVAILABLE


def made_certificate(home: Path) -> tuple[Path, Path]:
    """Return a certificate for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    (home / "key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    (home / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return home / "certificate", home / "key"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"RPC_PORT": "0"}, "RPC_PORT is 0"),
        ({"RPC_CERTIFICATE": "/nowhere", "RPC_KEY": "/nowhere"}, "RPC_CERTIFICATE or RPC_KEY cannot be read"),
    ],
)
def test_unusable_settings_are_reported_in_one_line(settings: Settings, environment: dict[str, str], says: str) -> None:
    environ = os.environ | {"DATABASE_URL": settings.database_url, "RPC_PORT": str(free_port()), **environment}
    command = [sys.executable, "-m", "flask", "rpc", "serve"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
