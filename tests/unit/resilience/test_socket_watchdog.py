"""The watchdog on real sockets: overdue sockets are shut down, and all others stay unaffected."""

import os
import signal
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from app.resilience.socket_watchdog import GRACE, Watchdog
from tests.captured_log import logged

pytestmark = pytest.mark.slow

Pair = tuple[socket.socket, socket.socket]
PROMPT = 4.0
"""The maximum time in seconds for a waiting reader to wake up on a busy machine. A read without an end takes longer."""


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    """Return a watchdog of the test; afterwards, other tests can reuse the descriptors of its sockets."""
    watchdog = Watchdog()
    yield watchdog
    with watchdog._wake:
        watchdog._watched.clear()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Return two connected sockets; a read from the first one blocks."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    yield ours, theirs
    ours.close()
    theirs.close()


def waited(reader: socket.socket) -> float:
    """Return the seconds until a blocked read ends without data."""
    began = time.monotonic()
    assert reader.recv(1) == b""
    return time.monotonic() - began


def is_open(pair: Pair) -> bool:
    """Return whether data still passes."""
    pair[1].sendall(b"x")
    return pair[0].recv(1) == b"x"


class TestWatch:
    def test_ok(self, watchdog: Watchdog, pair: Pair) -> None:
        watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.1)
        assert 0.01 <= waited(pair[0]) < 0.1 + PROMPT

    def test_a_past_deadline_is_due_at_once(self, watchdog: Watchdog, pair: Pair) -> None:
        watchdog.watch(pair[0].fileno(), at=time.monotonic() - 1)
        assert waited(pair[0]) < PROMPT

    def test_a_socket_released_before_its_deadline_wakes_the_thread_once(
        self, watchdog: Watchdog, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each request with a body is watched; a wake-up means two thread switches and costs more than the watch."""
        woken, notify = list[int](), watchdog._wake.notify

        def count() -> None:
            woken.append(1)
            notify()

        monkeypatch.setattr(watchdog._wake, "notify", count)
        for _ in range(20):
            watchdog.release(watchdog.watch(pair[0].fileno(), at=time.monotonic() + 60))
            time.sleep(0.005)
        assert len(woken) == 1

    def test_an_earlier_deadline_added_later_comes_first(self, watchdog: Watchdog, pair: Pair) -> None:
        other, peer = socket.socketpair()
        with other, peer:
            watchdog.watch(other.fileno(), at=time.monotonic() + 60)
            watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.05)
            assert waited(pair[0]) < 0.05 + PROMPT
            assert is_open((other, peer))

    def test_the_descriptor_still_belongs_to_its_owner(self, watchdog: Watchdog, pair: Pair) -> None:
        number = pair[0].fileno()
        watchdog.watch(number, at=time.monotonic())
        waited(pair[0])
        assert os.fstat(number)

    def test_a_closed_descriptor_has_no_effect(self, watchdog: Watchdog, pair: Pair) -> None:
        gone = socket.socket()
        watchdog.watch(gone.fileno(), at=time.monotonic() + 0.02)
        gone.close()
        unconnected = socket.socket()
        watchdog.watch(unconnected.fileno(), at=time.monotonic() + 0.03)
        watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.05)
        assert waited(pair[0]) < 0.05 + PROMPT
        unconnected.close()


class TestFirst:
    """The callback before a socket is shut down."""

    def test_the_socket_is_shut_down_after_the_grace_period(self, watchdog: Watchdog, pair: Pair) -> None:
        began = time.monotonic()
        watchdog.watch(pair[0].fileno(), at=began, first=lambda: True)
        waited(pair[0])
        assert GRACE <= time.monotonic() - began < GRACE + PROMPT

    def test_a_late_call_has_the_whole_grace_period(self, watchdog: Watchdog, pair: Pair) -> None:
        watchdog.watch(pair[0].fileno(), at=time.monotonic() - 60, first=lambda: True)
        assert waited(pair[0]) >= GRACE - 0.01

    def test_a_callback_that_raises_is_logged_once_and_stops_nothing(
        self, watchdog: Watchdog, pair: Pair, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> bool:
            raise RuntimeError("can't start new thread")

        for _ in range(3):
            watchdog.release(watchdog.watch(pair[0].fileno(), at=time.monotonic() + 60))
            ours, theirs = socket.socketpair()
            with ours, theirs:
                ours.settimeout(5)
                watchdog.watch(ours.fileno(), at=time.monotonic(), first=fail)
                waited(ours)
        assert is_open(pair)
        watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.05)
        assert waited(pair[0]) < 0.05 + PROMPT
        assert [each.message for each in logged(caplog, "candor.resilience")] == ["a callback of the watchdog failed"]


class TestThread:
    def test_a_thread_that_fails_to_start_is_started_by_the_next_socket(
        self, watchdog: Watchdog, pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        other, peer = socket.socketpair()
        with other, peer:
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", not_started)
                watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.05)
            watchdog.watch(other.fileno(), at=time.monotonic() + 60)
            assert waited(pair[0]) < 0.05 + PROMPT
        assert [each.message for each in logged(caplog, "candor.resilience")] == [
            "The watchdog has no thread, so deadlines are not enforced: can't start new thread"
        ]


def not_started(_thread: threading.Thread) -> None:
    """Fail like a process that cannot start more threads."""
    raise RuntimeError("can't start new thread")


class TestRelease:
    def test_released_sockets_leave_nothing_in_memory(self, watchdog: Watchdog, pair: Pair) -> None:
        tracemalloc.start()
        try:
            for _ in range(10_000):
                watchdog.release(watchdog.watch(pair[0].fileno(), at=time.monotonic() + 60))
            assert tracemalloc.get_traced_memory()[0] < 100_000
        finally:
            tracemalloc.stop()

    def test_ok(self, watchdog: Watchdog, pair: Pair) -> None:
        ticket = watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.05)
        watchdog.release(ticket)
        watch_another_until_due(watchdog, 0.1)
        assert is_open(pair)

    def test_a_second_release_has_no_effect(self, watchdog: Watchdog, pair: Pair) -> None:
        """It does not release a socket that is watched since the first release."""
        ticket = watchdog.watch(pair[0].fileno(), at=time.monotonic() + 60)
        watchdog.release(ticket)
        watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.05)
        watchdog.release(ticket)
        assert waited(pair[0]) < 0.05 + PROMPT

    def test_a_ticket_belongs_to_one_watch_and_not_to_the_descriptor(self, watchdog: Watchdog, pair: Pair) -> None:
        first = watchdog.watch(pair[0].fileno(), at=time.monotonic() + 60)
        watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.05)
        watchdog.release(first)
        assert waited(pair[0]) < 0.05 + PROMPT


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # gunicorn forks too
class TestFork:
    def test_a_child_has_its_own_watchdog_and_leaves_the_sockets_of_its_parent(
        self, watchdog: Watchdog, pair: Pair
    ) -> None:
        other, peer = socket.socketpair()
        watchdog.watch(other.fileno(), at=time.monotonic() + 3)
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            seconds = 99.0
            try:
                later, its_peer = socket.socketpair()
                watchdog.watch(later.fileno(), at=time.monotonic() + 60)
                time.sleep(0.05)
                watchdog.watch(pair[0].fileno(), at=time.monotonic() + 0.05)
                seconds = waited(pair[0])
                its_peer.close()
            finally:
                os._exit(0 if seconds < 0.05 + PROMPT else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert is_open((other, peer))
        other.settimeout(10)
        assert waited(other) < 3 + PROMPT
        other.close()
        peer.close()


def watch_another_until_due(watchdog: Watchdog, seconds: float) -> None:
    """Return once the watchdog has shut down a socket that is due after the given seconds."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        watchdog.watch(ours.fileno(), at=time.monotonic() + seconds)
        waited(ours)
