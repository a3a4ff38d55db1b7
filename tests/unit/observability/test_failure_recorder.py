"""The failure recorder: its selection of requests and details, and its behavior while the database is down."""

import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from app import request_context
from app.errs import E, Kind
from app.errs.platform import ServiceUnavailable
from app.errs.tasks import TaskNotFound
from app.observability import failure_recorder, logs
from app.observability.failure_recorder import FailureEntry, FailureRecorder, plain
from app.resilience.deadline import Deadline
from tests.captured_log import logged
from tests.fakes.monotonic import FakeMonotonic
from tests.scrape import growth

WITHIN = 10.0
Fail = Callable[..., None]


class Paper:
    """A store of entries that fails while it is marked as unavailable."""

    def __init__(self) -> None:
        self.entries: list[FailureEntry] = []
        self.error: Exception | None = None
        self.asked = threading.Semaphore(0)
        self.written = threading.Event()

    def __call__(self, entries: Sequence[FailureEntry]) -> None:
        """Store entries."""
        self.asked.release()
        if self.error is not None:
            raise self.error
        self.entries += entries
        self.written.set()


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def keeping(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FailureRecorder]]:
    """Return a factory of recorders that flush to the store at short intervals."""
    monkeypatch.setattr(failure_recorder, "GATHER", 0.01)
    monkeypatch.setattr(failure_recorder, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(failure_recorder, "LONGEST_PAUSE", 0.01)
    started: list[FailureRecorder] = []

    def make(sample: float = 1.0, monotonic: FakeMonotonic | None = None) -> FailureRecorder:
        started.append(
            FailureRecorder(paper, sample=sample, chance=lambda: 0.5, monotonic=monotonic or FakeMonotonic())
        )
        started[-1].start()
        return started[-1]

    yield make
    for each in started:
        if each in logs.WATCHERS:
            each.stop(WITHIN)


@pytest.fixture
def fail() -> Fail:
    """Return a failed request, as the transports report it."""

    def one(status: int = 503, *, request_id: str = "request-1", has_error: bool = True) -> None:
        def request() -> None:
            request_context.request_id.set(request_id)
            request_context.trace_id.set("0af7651916cd43dd8448eb211c80319c")
            error = E("tasks.get", cause=ServiceUnavailable(retry_after=1, sqlstate="57P01"))
            if has_error:
                logs.error(error, error, {"status": status, "route": "/x", "user": None}, stack=status >= 500)
            logs.access({"method": "GET", "path": "/x", "status": status, "duration_ms": 1.5, "user": "alice"})

        contextvars.copy_context().run(request)

    return one


class TestSelection:
    def test_the_error_and_the_access_record_of_a_5xx_make_one_entry(
        self, keeping: Callable[..., FailureRecorder], fail: Fail, paper: Paper
    ) -> None:
        kept = keeping(sample=0)
        fail()
        kept.stop(WITHIN)
        (entry,) = paper.entries
        assert (entry.request_id, entry.trace_id) == ("request-1", "0af7651916cd43dd8448eb211c80319c")
        said = dict(entry.fields)
        assert said.pop("causes")[1]["type"] == "ServiceUnavailable"
        assert said == {
            "method": "GET",
            "route": "/x",
            "path": "/x",
            "status": 503,
            "duration_ms": 1.5,
            "user": "alice",
            "kind": "service_unavailable",
            "code": "SERVICE_UNAVAILABLE",
            "op": ["tasks.get"],
            "facts": {"sqlstate": "57P01"},
            "stack": [],
        }

    @pytest.mark.parametrize(("sample", "times"), [(0.4, 0), (0.6, 1)])
    def test_client_errors_are_sampled_whatever_their_status(
        self, keeping: Callable[..., FailureRecorder], paper: Paper, sample: float, times: int
    ) -> None:
        kept = keeping(sample)
        error = Deadline.after(timedelta(seconds=1), is_shortened=True).exceeded("database")

        def request() -> None:
            request_context.request_id.set("request-1")
            logs.error(error, error, {"status": 504, "route": "/x"}, stack=False)
            logs.access({"method": "GET", "path": "/x", "status": 504, "duration_ms": 1.5})

        contextvars.copy_context().run(request)
        kept.stop(WITHIN)
        assert [entry.fields["fault"] for entry in paper.entries] == ["client"] * times

    @pytest.mark.parametrize(
        ("status", "sample", "has_error", "times"),
        [(503, 0, True, 1), (404, 0.4, True, 0), (404, 0.6, True, 1), (503, 0, False, 1)]
        + [(status, 1, False, 0) for status in (200, 304)],
    )
    def test_every_5xx_and_a_sample_of_4xx_are_stored(
        self,
        keeping: Callable[..., FailureRecorder],
        fail: Fail,
        paper: Paper,
        *,
        status: int,
        sample: float,
        has_error: bool,
        times: int,
    ) -> None:
        kept = keeping(sample)
        fail(status, has_error=has_error)
        kept.stop(WITHIN)
        assert len(paper.entries) == times

    def test_samples_and_shed_requests_are_limited_to_ten_a_second(
        self, keeping: Callable[..., FailureRecorder], fail: Fail, paper: Paper
    ) -> None:
        clock = FakeMonotonic()
        kept = keeping(1.0, clock)
        for _ in range(2):
            for number in range(15):
                fail(404 if number % 2 else 503, has_error=number % 2 == 1)
            clock.sleep(1)
        kept.stop(WITHIN)
        assert len(paper.entries) == 2 * failure_recorder.PER_SECOND

    def test_an_error_belongs_to_its_own_request(
        self, keeping: Callable[..., FailureRecorder], fail: Fail, paper: Paper
    ) -> None:
        kept = keeping()
        error = TaskNotFound()
        logs.error(error, error, {"status": 404}, stack=False)
        fail(503, has_error=False)
        kept.stop(WITHIN)
        assert "code" not in paper.entries[0].fields


class TestRetention:
    def test_expired_entries_are_deleted_even_without_new_failures(
        self, keeping: Callable[..., FailureRecorder], paper: Paper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(failure_recorder, "TIDY", 0.01)
        keeping()
        for _ in range(2):
            assert paper.asked.acquire(timeout=WITHIN)
        assert paper.entries == []


class TestPlain:
    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("a\x00\ud800", "a\N{REPLACEMENT CHARACTER}?"),
            ("x" * 3000, "x" * 2000),
            (2**70, str(2**70)),
            (float("nan"), "nan"),
            ({1: (2, {3})}, {"1": [2, "{3}"]}),
            (True, True),
            (None, None),
        ],
    )
    def test_values_are_reduced_to_those_of_postgresql_and_strict_json(self, value: object, said: object) -> None:
        assert plain(value) == said


class TestWriting:
    def test_entries_wait_for_the_database_and_are_written_in_order(
        self, keeping: Callable[..., FailureRecorder], fail: Fail, paper: Paper
    ) -> None:
        paper.error = ServiceUnavailable(retry_after=1)
        kept = keeping()
        for number in range(3):
            fail(request_id=f"request-{number}")
        for _ in range(3):
            assert paper.asked.acquire(timeout=WITHIN)
        paper.error = None
        assert paper.written.wait(WITHIN)
        kept.stop(WITHIN)
        assert [entry.request_id for entry in paper.entries] == ["request-0", "request-1", "request-2"]
        assert kept.dropped == 0

    def test_of_too_many_entries_the_newest_are_kept(
        self, keeping: Callable[..., FailureRecorder], fail: Fail, paper: Paper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(failure_recorder, "MAX_ENTRIES", 3)
        paper.error = ServiceUnavailable(retry_after=1)
        kept = keeping()
        for number in range(3):
            fail(request_id=f"request-{number}")
        assert paper.asked.acquire(timeout=WITHIN)
        for number in range(3, 5):
            fail(request_id=f"request-{number}")
        for _ in range(3):
            assert paper.asked.acquire(timeout=WITHIN)
        paper.error = None
        kept.stop(WITHIN)
        assert [entry.request_id for entry in paper.entries] == ["request-2", "request-3", "request-4"]
        assert kept.dropped == 2

    @pytest.mark.parametrize("fault", [E(kind=Kind.VALIDATION), TypeError("no")])
    def test_an_entry_that_cannot_be_written_does_not_block_others(
        self, keeping: Callable[..., FailureRecorder], fail: Fail, paper: Paper, fault: Exception
    ) -> None:
        paper.error = fault
        with growth("failures_unrecorded_total") as unrecorded:
            kept = keeping()
            fail()
            assert paper.asked.acquire(timeout=WITHIN)
            kept.stop(WITHIN)
        assert (kept.dropped, unrecorded.by, paper.entries) == (1, 1, [])

    def test_shutdown_ends_without_a_database(
        self, keeping: Callable[..., FailureRecorder], fail: Fail, paper: Paper
    ) -> None:
        paper.error = ServiceUnavailable(retry_after=1)
        kept = keeping()
        fail()
        kept.stop(WITHIN)
        assert not kept._thread.is_alive()


class TestEnd:
    """A process that ends normally, with its database running or already stopped."""

    def test_an_empty_queue_writes_and_logs_nothing(
        self, keeping: Callable[..., FailureRecorder], paper: Paper, caplog: pytest.LogCaptureFixture
    ) -> None:
        paper.error = ServiceUnavailable(retry_after=1)
        keeping().stop(WITHIN)
        assert paper.asked.acquire(blocking=False) is False
        assert logged(caplog, "candor.failures") == []

    def test_entries_that_cannot_be_written_at_the_end_are_only_counted(
        self,
        keeping: Callable[..., FailureRecorder],
        paper: Paper,
        fail: Fail,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(failure_recorder, "GATHER", 0.2)
        caplog.set_level("INFO", "candor.failures")
        kept = keeping()
        paper.error = ServiceUnavailable(retry_after=1)
        fail(500)
        caplog.clear()
        with growth("failures_unrecorded_total") as lost:
            kept.stop(WITHIN)
        assert lost.by == 1
        said = [(each.levelname, each.getMessage()) for each in logged(caplog, "candor.failures")]
        assert said == [("INFO", "1 failed requests were not stored before shutdown; the log contains them")]
