"""The interface of the faults: the database's processes and superuser, the deployment, and the drill's clock."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import make_url

from app.config import Settings
from app.resilience.clock import SystemClock
from app.services.tokens import TokenService
from deploy.local import embedded_postgres
from deploy.local.free_ports import free_port
from deploy.local.postgres_cluster import DATABASE
from tests.drill.history import Row
from tests.drill.http_client import Answer, request
from tests.drill.load import Ledger, Load
from tests.drill.reconciliation import Crew, Reconciliation, counted, secrets
from tests.drill.verdicts import Verdict
from tests.scrape import scraped
from tests.stack.checkout import descendants, wait_until
from tests.stack.deployment import Deployment, deployed, is_ready

SECRET: Final = "a-secret-of-the-drill-32-bytes-long!"
SCALE: Final = float(os.environ.get("DRILL_SCALE", "1"))
"""The factor by which each fault lasts longer than usual."""
CONNECTIONS: Final = "60"
OURS: Final = "application_name = 'candor'"
BYSTANDERS: Final = {
    "401": request("GET", "/v1/tasks", Connection="close"),
    "404": request("GET", "/v1/nothing", Connection="close"),
    "405": request("PUT", "/v1/tasks", Connection="close"),
    "OPTIONS": request("OPTIONS", "/v1/tasks", Connection="close"),
    "/healthz": request("GET", "/healthz", Connection="close"),
}
"""Requests that need no database."""
PLANTED: Final = {
    "a name": "Drusilla Planted",
    "an address": "drusilla@planted.example.com",
    "a password": "planted-battery-staple",
}
STATUSES: Final = {"401": 401, "404": 404, "405": 405, "OPTIONS": 204, "/healthz": 200}


class Database:
    """PostgreSQL, as an operator or an accident controls it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._frozen: set[int] = set()
        self.start()

    def start(self, *, disposable: bool = True) -> None:
        """Start the server on its previous port; a disposable cluster is recreated when it does not start."""
        settings = {"max_connections": CONNECTIONS}
        self._server = embedded_postgres.start(self.directory, settings=settings, disposable=disposable)
        self._is_held = True

    def stop(self) -> None:
        """Stop it as ``pg_ctl stop -m fast`` does: every session is terminated."""
        if self._is_held:
            self._server.stop()
        self._is_held = False

    def has_ended(self) -> bool:
        """Return True if it has ended by itself."""
        return not self._is_held or self._server.process.poll() is not None

    def kill(self) -> None:
        """Kill all its processes, and wait until they have ended."""
        self._server.process.kill()
        self._server.process.wait()

    def try_to_start(self) -> None:
        """Start it as a supervisor does, which tries again when it does not start."""
        self.stop()
        with suppress(embedded_postgres.PostgresError):
            self.start(disposable=False)

    @property
    def url(self) -> str:
        """Return the service's URL."""
        return self._server.url

    def freeze(self) -> None:
        """Suspend every process of the server."""
        self._frozen = descendants(self._server.process.pid)
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume every process of the server."""
        for pid in self._frozen:
            os.kill(pid, signal.SIGCONT)
        self._frozen = set()

    def connect(
        self, *, user: str = "postgres", name: str = DATABASE, autocommit: bool = True
    ) -> "psycopg.Connection[tuple[Any, ...]]":
        """Return a session of the superuser or of the service's role, with the service's database or another."""
        url = self.url.replace("+psycopg", "").replace("//candor:", f"//{user}:")
        return psycopg.connect(url, dbname=name, autocommit=autocommit, options="-c default_transaction_read_only=off")

    def run(self, statement: str, *values: object, name: str = DATABASE) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, and return its rows."""
        with closing(self.connect(name=name)) as session:
            done = session.execute(statement.encode(), values or None)
            return done.fetchall() if done.description else []

    def sessions(self) -> list[int]:
        """Return the process ids of the service's sessions."""
        return [pid for (pid,) in self.run(f"SELECT pid FROM pg_stat_activity WHERE {OURS}")]

    def wait_until_accepting(self) -> None:
        """Wait until it accepts connections again, after crash recovery."""

        def accepts() -> bool:
            try:
                self.run("SELECT")
            except psycopg.OperationalError:
                return False
            return True

        wait_until(accepts, 30)

    def terminate_sessions(self) -> int:
        """Terminate all sessions of the service, and return how many there were."""
        return len(self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}"))

    def rows(self, prefix: str, *, name: str = DATABASE) -> list[Row]:
        """Return the tasks whose titles have this prefix."""
        tasks = "SELECT id, title, description, version FROM tasks WHERE starts_with(title, %s)"
        found = self.run(tasks, prefix, name=name)
        return [Row(f"tasks/{id_}", title, description, version) for id_, title, description, version in found]


@dataclass
class Environment:
    """The environment of a fault, and its notes and broken promises."""

    database: Database
    deployment: Deployment
    bearer: Callable[[str], str]
    ledger: Ledger = field(default_factory=lambda: Ledger(""))
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    healed_at: float = 0.0

    def note(self, observed: str) -> None:
        """Report a number."""
        self.notes.append(observed)

    def expect(self, holds: bool, promise: str) -> None:
        """Report a broken promise."""
        if not holds:
            self.broken.append(promise)

    def expect_soon(self, condition: Callable[[], bool], within: float, promise: str) -> float:
        """Wait until a promise holds, and return the seconds it took."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > within:
                self.broken.append(f"{promise} (not within {within:g} s)")
                break
            time.sleep(0.02)
        return time.monotonic() - began

    def heal(self) -> None:
        """Record that the fault is over."""
        self.healed_at = time.monotonic()

    def wait(self, seconds: float) -> None:
        """Wait, for as long as the drill's scale requires."""
        time.sleep(seconds * SCALE)

    def exchange(self, message: bytes, *, port: int | None = None) -> Answer:
        """Return the response to one request on a new connection, with ``Connection: close``."""
        began = time.monotonic()
        head, _, body = self.deployment.raw(message, timeout=15, port=port).partition(b"\r\n\r\n")
        return Answer(int(head[9:12] or 0), head + b"\r\n", body, began, time.monotonic())

    def send(self, method: str, path: str, body: object = None, *, by: str = "owner-0", **fields: str) -> Answer:
        """Return the response to a request of a user."""
        return self.exchange(request(method, path, body, Authorization=self.bearer(by), Connection="close", **fields))

    def crowd(self, clients: int) -> Load:
        """Return additional clients, which send the same kinds of requests as the steady load."""
        return Load(self.deployment.port, self.bearer, self.ledger, clients=clients, name="x")

    def watch_bystanders(self, seconds: float) -> None:
        """Check for some seconds that requests without database access succeed as usual."""
        slowest, until = 0.0, time.monotonic() + seconds * SCALE
        strange: Counter[str] = Counter()
        while time.monotonic() < until:
            for name, message in BYSTANDERS.items():
                answer = self.exchange(message)
                slowest = max(slowest, answer.seconds)
                if answer.status != STATUSES[name]:
                    strange[f"{name} was answered {answer.status}"] += 1
            time.sleep(0.2)
        self.broken += [f"{what} ({times} times)" for what, times in strange.items()]
        self.expect(slowest < 1, f"a request without database access waited {slowest:.1f} s")
        self.note(f"401, 404, 405, OPTIONS, /healthz within {slowest * 1000:.0f} ms")

    def reconciliation(self) -> Reconciliation:
        """Return a new reconciliation, which begins now."""
        deployment = self.deployment
        return Reconciliation(
            deployment.home.parent,
            deployment.log,
            count=lambda: counted([scraped(port) for port in deployment.metrics_ports]),
            crew=lambda: Crew(frozenset(deployment.masters), frozenset(deployment.workers)),
        )

    def secrets_found(self) -> list[str]:
        """Return the places of secrets in the logs of the whole run."""
        home = self.deployment.home.parent
        logs = [*home.rglob("err"), *home.rglob("out"), *home.rglob("nginx.log"), self.database.directory / "log"]
        password = make_url(self.database.url).password or ""
        return [*secrets(logs, {"the key of the tokens": SECRET, "the database's password": password, **PLANTED})]

    def plant(self) -> None:
        """Register and log in with values that no log may contain afterwards."""
        account = {"name": PLANTED["a name"], "email": PLANTED["an address"]}
        activation = {"token": "no-such-token", "password": PLANTED["a password"]}
        login = {"email": account["email"], "password": PLANTED["a password"]}
        requests = (
            ("/v1/users", account),
            ("/v1/users", account),
            ("/v1/users:activate", activation),
            ("/v1/tokens", login),
        )
        for path, body in requests:
            self.exchange(request("POST", path, body, Connection="close"))

    def are_ready(self) -> bool:
        """Return True if both instances report that they are ready."""
        return all(map(is_ready, self.deployment.sockets))

    def is_whole(self) -> bool:
        """Return True if both instances run and are ready."""
        return len(self.deployment.masters) == 2 and self.are_ready()

    def expect_unnoticed(self, *, since: float) -> None:
        """Expect that all requests since then succeeded."""
        rejected = [each for each in self.ledger.of(since=since) if each.verdict is not Verdict.ANSWERED]
        self.expect(not rejected, f"{len(rejected)} requests noticed: {sorted({each.status for each in rejected})}")
        self.note(f"no client noticed, in {time.monotonic() - since:.0f} s" if not rejected else "clients noticed")

    def rejected(self, *kinds: str, since: float) -> list[float]:
        """Return the seconds that rejected requests since then took."""
        return sorted(each.seconds for each in self.ledger.of(*kinds, since=since) if each.verdict is Verdict.REJECTED)


@contextmanager
def running_environment(home: Path) -> Iterator[Environment]:
    """Start the database, two instances and nginx on free ports, below a folder, and stop them afterwards."""
    database = Database(home / "postgres")
    try:
        settings = Settings(database_url=database.url, jwt_secret=SECRET, rate_limit="1000000 per second")
        tokens = TokenService(secret=SECRET, audience=None, issuer=None, clock=SystemClock())
        metrics = {"METRICS_PORT": str(free_port(followed_by=2)), "WORKER_METRICS_PORT": "0"}
        with deployed(settings, home / "stack", metrics) as deployment:
            yield Environment(
                database,
                deployment,
                lambda owner: f"Bearer {tokens.issue(owner, scopes=['tasks'], lifetime=timedelta(hours=12))}",
            )
    finally:
        database.thaw()
        database.stop()
