"""C23: whatever the database does, a request ends at its deadline, and the next request gets a usable connection."""

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import Connection, Engine, QueuePool, create_engine, make_url, text
from sqlalchemy.util import immutabledict

from app.config import Settings
from app.errs import Error, match
from app.errs.platform import DeadlineExceeded, ServiceUnavailable
from app.repositories import connection_checkout, libpq_commands, pool
from app.repositories import engine as engines
from app.resilience.breaker import Breaker, State
from app.resilience.deadline import Deadline, current, within
from app.resilience.socket_watchdog import GRACE
from tests.fakes.network import Proxy
from tests.integration.conftest import Database
from tests.replication import Balancer
from tests.scrape import growth, here
from tests.stack.checkout import wait_until

pytestmark = [pytest.mark.usefixtures("by_repositories"), pytest.mark.slow]
BUDGET = timedelta(milliseconds=200)
LATE = 3.0
"""Seconds by which a request may exceed its budget on a busy machine; without an end, a statement takes nine or ten."""
READY = 6
"""Bytes of the message ReadyForQuery."""
IN_DATABASE = DeadlineExceeded(budget_ms=200, spent_in="database")


@contextmanager
def on_time(budget: timedelta = BUDGET) -> Iterator[None]:
    """Give the block a budget, and check that it ends soon after."""
    began = time.monotonic()
    with within(budget):
        yield
    assert time.monotonic() - began < budget.total_seconds() + LATE


def ended(connection: Connection, statement: str) -> Error:
    """Return the error of a statement."""
    with pytest.raises(Error) as caught:
        connection.execute(text(statement))
    return caught.value


def query(engine: Engine) -> None:
    """Send a statement as SQLAlchemy does."""
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def query_directly(engine: Engine) -> None:
    """Send a statement on the driver's connection, as reads are sent."""
    pool.checkout(engine, lambda connection: cast("Any", connection.driver_connection).execute("SELECT 1"))


def engine_at(url: str, pool_size: int = 1) -> Engine:
    """Return an engine of the application."""
    engine = create_engine(url, **engines.engine_options(pool_size=pool_size, statement_timeout=timedelta(seconds=10)))
    engines.prepare(engine)
    return engine


class TestOptions:
    """``SQLALCHEMY_ENGINE_OPTIONS`` of an application."""

    def options(self, **more: object) -> dict[str, Any]:
        """Return the arguments of ``create_engine``."""
        return engines.engine_options(pool_size=2, statement_timeout=timedelta(seconds=1), more=more)

    def test_further_ones_are_added(self) -> None:
        assert self.options(pool_recycle=600) == {**self.options(), "pool_recycle": 600}

    def test_those_of_connections_are_merged(self) -> None:
        arguments = self.options(connect_args={"application_name": "mine", "options": "-c jit=off"})["connect_args"]
        assert (arguments["application_name"], arguments["connect_timeout"]) == ("mine", 2)
        assert arguments["options"].startswith("-c statement_timeout=1000 ")
        assert arguments["options"].endswith(" -c jit=off")

    def test_required_session_parameters_cannot_be_set(self) -> None:
        with pytest.raises(ValueError, match="cannot set timezone in options: the service sets it itself"):
            self.options(connect_args={"options": "-c TimeZone=Asia/Kolkata"})

    @pytest.mark.parametrize("name", ["max_overflow", "pool_size", "poolclass"])
    def test_the_pool_cannot_be_replaced(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"cannot set {name}; DATABASE_POOL_SIZE"):
            self.options(**{name: 5})


class TestCut:
    """A caller disconnects."""

    @contextmanager
    def cut_once_busy(self, database: Database, other_session: Connection) -> Iterator[Deadline]:
        """Give the block ten seconds, and cancel it once its statement sleeps."""
        limit = Deadline.after(timedelta(seconds=10))
        token = current.set(limit)

        def cut() -> None:
            asked = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND query LIKE '%pg_sleep(9)%' AND wait_event = 'PgSleep'"
            )
            until = time.monotonic() + 10
            while not other_session.execute(text(asked)).scalar_one() and time.monotonic() < until:
                other_session.rollback()
            limit.cut()

        thread = threading.Thread(target=cut)
        thread.start()
        try:
            yield limit
        finally:
            thread.join()
            current.reset(token)

    def test_the_statement_is_cancelled_at_once(self, database: Database, other_session: Connection) -> None:
        with self.cut_once_busy(database, other_session), database.engine.connect() as connection:
            error = ended(connection, "SELECT pg_sleep(9)")
            assert match(DeadlineExceeded(budget_ms=10000, spent_in="database"), error)
            assert getattr(error.__cause__, "sqlstate", None) == "57014", (
                "by PostgreSQL, and not by a broken connection"
            )

    def test_the_connection_serves_others(self, database: Database, other_session: Connection) -> None:
        with database.engine.connect() as connection:
            first = backend_of(connection)
        with self.cut_once_busy(database, other_session), database.engine.connect() as connection:
            ended(connection, "SELECT pg_sleep(9)")
        with database.engine.connect() as connection:
            assert backend_of(connection) == first

    def test_later_statements_of_others_are_not_cancelled(self, database: Database) -> None:
        limit = Deadline.after(timedelta(seconds=10))
        token = current.set(limit)
        with database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        current.reset(token)
        with database.engine.connect() as connection:
            cut = threading.Timer(0.05, limit.cut)
            cut.start()
            assert connection.execute(text("SELECT 1 FROM pg_sleep(0.2)")).scalar_one() == 1
            cut.join()


def fail_to_start_threads(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make threads of this name fail to start, as in a process that has reached its limit of threads."""
    start = threading.Thread.start

    def fail_to_start(thread: threading.Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail_to_start)


def backend_of(connection: Connection) -> int:
    """Return the process id of the server's end."""
    return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


class TestWatchdog:
    def test_a_sleeping_statement_ends_at_the_deadline(self, database: Database) -> None:
        with on_time(), database.engine.connect() as connection:
            assert match(IN_DATABASE, ended(connection, "SELECT pg_sleep(10)"))

    def test_so_does_a_statement_that_waits_for_a_lock(self, database: Database, other_session: Connection) -> None:
        other_session.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        with on_time(), database.engine.connect() as connection:
            assert match(IN_DATABASE, ended(connection, "SELECT 1 FROM tasks"))

    def test_the_statement_does_not_go_on_by_itself(self, database: Database, other_session: Connection) -> None:
        """It is cancelled at the server, which keeps the connection."""
        with on_time(), database.engine.connect() as connection:
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            error = ended(connection, "SELECT pg_sleep(10)")
            assert error.facts["is_answered"]
        active = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND state = 'active'")
        assert other_session.execute(active, {"pid": backend}).scalar_one() == 0
        with database.engine.connect() as connection:
            assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == backend

    def test_a_statement_after_a_commit_ends_at_the_deadline_too(self, database: Database) -> None:
        with on_time(), database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            connection.commit()
            assert match(IN_DATABASE, ended(connection, "SELECT pg_sleep(10)"))

    def test_a_statement_after_a_commit_that_ended_past_the_deadline_ends_soon(self, database: Database) -> None:
        """The deadline passes while the COMMIT is sent, which nothing interrupts."""
        with on_time(), database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            loan = connection_checkout.of(connection.connection)
            assert loan is not None
            loan.protect_commit()
            time.sleep(BUDGET.total_seconds() + GRACE / 2)
            loan.enforce_deadline()
            assert match(IN_DATABASE, ended(connection, "SELECT pg_sleep(10)"))

    def test_every_statement_ends_while_no_thread_can_be_started(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a thread to cancel the statement, the connection is shut down."""
        with monkeypatch.context() as patch:
            fail_to_start_threads(patch, "cancel")
            for _ in range(2):
                with on_time(), database.engine.connect() as connection:
                    assert match(IN_DATABASE, ended(connection, "SELECT pg_sleep(10)"))
        with on_time(), database.engine.connect() as connection:
            assert ended(connection, "SELECT pg_sleep(10)").facts["is_answered"]

    def test_a_connection_that_was_to_be_cancelled_without_a_thread_can_be_returned(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fail_to_start_threads(monkeypatch, "cancel")
        with on_time(), database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            time.sleep(BUDGET.total_seconds() + GRACE / 2)
        assert database.backend()

    def test_a_cut_at_the_deadline_cancels_once(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second cancellation would meet the statement of the next request."""
        begun, cancel = list[object](), connection_checkout.Checkout._cancel

        def count(loan: connection_checkout.Checkout) -> None:
            begun.append(loan)
            cancel(loan)
            time.sleep(0.05)

        monkeypatch.setattr(connection_checkout.Checkout, "_cancel", count)
        with on_time(), database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            limit = current.get()
            assert limit is not None
            time.sleep(BUDGET.total_seconds() + GRACE / 4)
            limit.cut()
        assert len(begun) == 1

    def test_the_next_request_finds_a_good_connection(self, database: Database) -> None:
        with on_time(), database.engine.connect() as connection:
            ended(connection, "SELECT pg_sleep(10)")
        assert database.backend()

    def test_a_request_in_time_keeps_the_connection(self, make_database_of: Callable[..., Database]) -> None:
        database = make_database_of(database_pool_size=1)
        with on_time():
            backend = database.backend()
        time.sleep(BUDGET.total_seconds() + 2 * GRACE)
        assert database.backend() == backend


class TestPool:
    @pytest.fixture
    def busy(self, make_database_of: Callable[..., Database]) -> Iterator[Database]:
        """Return a database whose only connection is in use."""
        database = make_database_of(database_pool_size=1)
        with database.engine.connect():
            yield database

    def test_a_request_without_a_free_connection_waits_until_the_deadline_at_most(self, busy: Database) -> None:
        with on_time(), pytest.raises(Error) as caught:
            busy.backend()
        assert match(DeadlineExceeded(budget_ms=200, spent_in="database_pool"), caught.value)

    def test_the_wait_is_bounded_by_the_timeout_of_the_pool(
        self, busy: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool, "MAX_POOL_WAIT", 0.1)
        for budget in (None, timedelta(seconds=5)):
            began = time.monotonic()
            with within(budget or timedelta(days=1)), pytest.raises(Error) as caught:
                busy.backend()
            assert match(ServiceUnavailable(retry_after=1), caught.value)
            assert 0.1 <= time.monotonic() - began < 0.1 + LATE

    def test_a_waiting_request_gets_the_connection_that_becomes_free(
        self, make_database_of: Callable[..., Database]
    ) -> None:
        database = make_database_of(database_pool_size=1)
        connection = database.engine.connect()
        threading.Timer(0.1, connection.close).start()
        with on_time():
            assert database.backend()

    def test_waits_and_timeouts_are_counted(self, make_database_of: Callable[..., Database]) -> None:
        """``pool_timeouts_total`` rises; and afterwards no connection is in use."""
        database = make_database_of(database_pool_size=1)
        with growth("pool_timeouts_total") as timeouts, growth("pool_wait_seconds_count") as waits:
            with database.engine.connect():
                assert here("pool_connections_in_use").total("pool_connections_in_use") == 1
                with on_time(), pytest.raises(Error):
                    database.backend()
            assert database.backend()
        assert (timeouts.by, waits.by) == (1, 1)
        assert here("pool_connections_in_use").total("pool_connections_in_use") == 0

    def test_there_is_no_overflow(self, busy: Database) -> None:
        assert busy.engine.pool.status().endswith("Current Checked out connections: 1")


class TestSilence:
    """A server that is suspended, not dead: it sends nothing, and no timeout of PostgreSQL can fire."""

    @pytest.fixture
    def proxy(self, settings: Settings) -> Iterator[Proxy]:
        """Return the network."""
        url = make_url(settings.database_url)
        assert url.host is not None
        proxy = Proxy(url.host, url.port or 5432)
        yield proxy
        proxy.close()

    @pytest.fixture
    def engine(self, proxy: Proxy, settings: Settings) -> Iterator[Engine]:
        """Return an engine behind it."""
        url = make_url(settings.database_url).set(host="127.0.0.1", port=proxy.port)
        engine = engine_at(url.render_as_string(hide_password=False))
        yield engine
        engine.dispose()

    def test_a_statement_ends_at_the_deadline(self, proxy: Proxy, engine: Engine) -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        proxy.flows.clear()
        with on_time(), engine.connect() as connection:
            assert match(IN_DATABASE, ended(connection, "SELECT 1"))
        proxy.flows.set()
        with on_time(timedelta(seconds=2)), engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1

    @pytest.mark.parametrize("is_observed", [False, True])
    def test_only_the_disconnected_connection_is_discarded(
        self, proxy: Proxy, settings: Settings, *, is_observed: bool
    ) -> None:
        url = make_url(settings.database_url).set(host="127.0.0.1", port=proxy.port)
        engine = engine_at(url.render_as_string(hide_password=False), pool_size=2)
        with engine.connect() as one, engine.connect() as other:
            backends = {backend_of(one), backend_of(other)}
        proxy.flows.clear()
        with on_time(), pytest.raises(Error):
            (query if is_observed else query_directly)(engine)
        proxy.flows.set()
        with engine.connect() as one, engine.connect() as other:
            assert len(backends & {backend_of(one), backend_of(other)}) == 1
        engine.dispose()

    def test_connecting_ends_at_the_deadline_too(self, proxy: Proxy, engine: Engine) -> None:
        proxy.flows.clear()
        began = time.monotonic()
        with within(BUDGET), pytest.raises(Error) as caught:
            engine.connect()
        assert match(IN_DATABASE, caught.value)
        assert time.monotonic() - began < engines.CONNECT_TIMEOUT
        proxy.flows.set()
        with on_time(timedelta(seconds=2)), engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1

    def test_the_rollback_of_a_write_without_a_place_ends_soon_too(self, proxy: Proxy, engine: Engine) -> None:
        """No watchdog observes a connection that was about to send COMMIT."""
        assert isinstance(engine.pool, pool.BoundedPool)
        with on_time(), engine.connect() as connection:
            connection.execute(text("CREATE TEMPORARY TABLE written ()"))
            engine.pool.writer_limit.enter("another")
            proxy.flows.clear()
            with pytest.raises(Error):
                connection.commit()
        engine.pool.writer_limit.leave("another")
        proxy.flows.set()
        with on_time(timedelta(seconds=2)), engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1

    def test_a_result_that_arrives_in_two_parts_is_read_as_one(self, settings: Settings) -> None:
        """The deadline passes between the result and the message that the server is ready."""
        url = make_url(settings.database_url)
        assert url.host is not None
        network = Torn(url.host, url.port or 5432)
        driven = psycopg.connect(
            url.set(drivername="postgresql", host="127.0.0.1", port=network.port).render_as_string(hide_password=False)
        )
        driven.execute("SELECT 1")
        network.tears.set()
        results: list[Any] = []
        driven.pgconn.send_query(b"COMMIT")
        assert libpq_commands.received(driven.pgconn, 0.2, results) is None
        network.release()
        found = libpq_commands.received(driven.pgconn, 2, results)
        assert found is not None
        assert found.command_status == b"COMMIT"
        driven.close()
        network.close()

    @pytest.mark.parametrize(("seconds", "state"), [(0.05, State.CLOSED), (0.1, State.CLOSED), (0.4, State.OPEN)])
    def test_short_budgets_of_callers_prove_nothing_about_a_connection_that_takes_longer(
        self, proxy: Proxy, engine: Engine, seconds: float, state: State
    ) -> None:
        """Each of the round trips to a distant database takes a part of the budget."""
        proxy.flows.clear()
        for _ in range(4):
            token = current.set(Deadline.after(timedelta(seconds=seconds), is_shortened=True))
            with pytest.raises(Error):
                engine.connect()
            current.reset(token)
        breaker = engines.breaker_of(engine)
        assert breaker is not None
        assert (breaker.state() is State.CLOSED) is (state is State.CLOSED)

    def test_connection_refused_fails_at_once(self, proxy: Proxy, engine: Engine) -> None:
        proxy.close()
        with on_time(timedelta(seconds=5)):
            began = time.monotonic()
            with pytest.raises(Error) as caught:
                engine.connect()
            assert time.monotonic() - began < LATE
        assert match(ServiceUnavailable(retry_after=1, disconnected=True), caught.value)


class TestProbe:
    """An open circuit breaker probes the database itself."""

    @pytest.fixture
    def limited(self, settings: Settings) -> Iterator[Engine]:
        """Return an engine whose role may have no more connections than the pool: as many as all workers need."""
        url, role = make_url(settings.database_url), f"limited_{secrets.token_hex(4)}"
        admin = create_engine(url.set(username="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{role}' CONNECTION LIMIT 2"))
        engine = engine_at(url.set(username=role, password=role).render_as_string(hide_password=False), pool_size=2)
        assert engines.warm(engine, within=timedelta(seconds=5)) == 2
        yield engine
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"))
            connection.execute(text(f"DROP ROLE {role}"))
        admin.dispose()

    def open_breaker(self, engine: Engine) -> Breaker:
        """Return the breaker of the engine after several consecutive failures."""
        breaker = engines.breaker_of(engine)
        assert breaker is not None
        for _ in range(3):
            breaker.allow().done(ok=False, cause=ServiceUnavailable(sqlstate="08006"))
        return breaker

    def test_it_closes_where_the_role_may_have_no_further_connection(self, limited: Engine) -> None:
        breaker = self.open_breaker(limited)
        soon(lambda: breaker.state() is State.CLOSED)
        with limited.connect() as one, limited.connect() as other:
            assert backend_of(one) != backend_of(other)

    def test_it_closes_once_a_connection_is_returned(self, limited: Engine) -> None:
        with limited.connect() as one, limited.connect() as other:
            assert backend_of(one) != backend_of(other)
            breaker = self.open_breaker(limited)
            time.sleep(0.3)
            assert breaker.state() is not State.CLOSED
        soon(lambda: breaker.state() is State.CLOSED)

    def test_idle_connections_that_are_lost_are_passed_over(self, limited: Engine, settings: Settings) -> None:
        admin = create_engine(make_url(settings.database_url).set(username="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :role"
            connection.execute(text(kill), {"role": limited.url.username})
        admin.dispose()
        breaker = self.open_breaker(limited)
        soon(lambda: breaker.state() is State.CLOSED)

    def test_idle_connections_that_do_not_respond_are_replaced(self, settings: Settings) -> None:
        """They lead to a machine that was lost. Each of them would cost a request its whole time."""
        engine = engine_at(settings.database_url, pool_size=2)
        with engine.connect() as one, engine.connect() as other:
            lost = {backend_of(one), backend_of(other)}
        try:
            for pid in lost:
                os.kill(pid, signal.SIGSTOP)
            breaker = self.open_breaker(engine)
            soon(lambda: breaker.state() is State.CLOSED)
            with within(timedelta(seconds=2)), engine.connect() as one, engine.connect() as other:
                assert lost.isdisjoint({backend_of(one), backend_of(other)})
        finally:
            for pid in lost:
                os.kill(pid, signal.SIGCONT)
            engine.dispose()


def soon(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


class Torn(Proxy):
    """A network that, once switched, holds back the end of the server's messages: that it is ready."""

    def __init__(self, host: str, port: int) -> None:
        self.tears = threading.Event()
        self._held: tuple[socket.socket, bytes] | None = None
        super().__init__(host, port)

    def release(self) -> None:
        """Send the bytes that were held back."""
        self.tears.clear()
        assert self._held is not None
        client, data = self._held
        client.sendall(data)

    def _pass_on(self, source: socket.socket) -> None:
        if not self.tears.is_set() or source.getpeername()[1] != self._server[1]:
            super()._pass_on(source)
            return
        data = source.recv(65536)
        self._pairs[source].sendall(data[:-READY])
        self._held = self._pairs[source], data[-READY:]


class TestWarm:
    def test_ok(self, make_database_of: Callable[..., Database]) -> None:
        """As many connections as the pool may have, all of them free."""
        engine = make_database_of(database_pool_size=3).engine
        assert engines.warm(engine, within=timedelta(seconds=5)) == 3
        assert isinstance(engine.pool, QueuePool)
        assert engine.pool.checkedout() == 0

    def test_a_database_that_is_away_is_not_waited_for(self, settings: Settings) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            engine = engine_at(
                f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/none?connect_timeout=30"
            )
            began = time.monotonic()
            assert engines.warm(engine, within=timedelta(milliseconds=100)) == 0
            assert time.monotonic() - began < 0.1 + LATE


class TestHostList:
    """The first host of the list accepts connections, and then sends nothing, as a frozen machine does."""

    @pytest.fixture
    def silent(self) -> Iterator[socket.socket]:
        """Return the listener of the first host."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.setblocking(False)
            yield silent

    @pytest.fixture
    def engine(self, settings: Settings, silent: socket.socket) -> Iterator[Engine]:
        """Return an engine whose list of hosts ends with the database of the tests."""
        url = make_url(settings.database_url)
        hosts = {"host": f"127.0.0.1,{url.host}", "port": f"{silent.getsockname()[1]},{url.port}"}
        engine = engine_at(
            url._replace(host=None, port=None, query=immutabledict(hosts)).render_as_string(hide_password=False)
        )
        yield engine
        engine.dispose()

    def test_only_the_first_connection_waits_for_a_lost_host(self, engine: Engine, silent: socket.socket) -> None:
        with within(timedelta(seconds=9)):
            query(engine)
            silent.accept()[0].close()
            engine.pool.dispose()
            query(engine)
        with pytest.raises(BlockingIOError):
            silent.accept()

    def test_a_lost_host_does_not_keep_the_breaker_open(self, engine: Engine) -> None:
        """A probe has one second, and a lost host costs two."""
        breaker = engines.breaker_of(engine)
        assert breaker is not None
        while breaker.state() is State.CLOSED:
            breaker.allow().done(ok=False)
        until = time.monotonic() + 5
        while breaker.state() is not State.CLOSED:
            assert time.monotonic() < until
            time.sleep(0.05)

    @pytest.mark.slow
    def test_a_lost_host_does_not_hide_a_new_primary(self, settings: Settings, silent: socket.socket) -> None:
        """Three times, because the time depends on the phase of the probes."""
        url = make_url(settings.database_url)
        place = (url.host or "", url.port or 5432)
        with closing(Balancer(("127.0.0.1", 1))) as standby:
            hosts = {"host": "127.0.0.1,127.0.0.1", "port": f"{silent.getsockname()[1]},{standby.port}"}
            address = url._replace(host=None, port=None, query=immutabledict(hosts))
            engine = engine_at(address.render_as_string(hide_password=False))
            breaker = engines.breaker_of(engine)
            assert breaker is not None
            for pause in (1.2, 1.7, 2.2):
                while breaker.state() is State.CLOSED:
                    breaker.allow().done(ok=False)
                time.sleep(pause)
                standby.target = place
                found_after = wait_until(lambda: breaker.state() is State.CLOSED, 10)
                standby.cut(("127.0.0.1", 1))
                assert found_after < 1.6, pause
            engine.dispose()
