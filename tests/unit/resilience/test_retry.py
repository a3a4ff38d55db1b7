"""Retries, on a clock that only sleeping advances, with fixed random numbers."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import errs
from app.errs import Kind
from app.errs.platform import DeadlineExceeded, ExternalServiceError, RateLimitExceeded, ServiceUnavailable
from app.errs.tasks import TaskNotFound
from app.resilience import deadline
from app.resilience.breaker import Breaker
from app.resilience.budget import RetryBudget
from app.resilience.retry import Event, GaveUp, Retried, Retry, StopReason, is_retryable
from tests.fakes.monotonic import FakeMonotonic

DOWN = ExternalServiceError


class Work:
    """Raises each of the given errors in turn, then succeeds; each attempt takes some time."""

    def __init__(self, clock: FakeMonotonic, *failures: BaseException, takes: float = 0) -> None:
        self.clock, self.failures, self.takes = clock, list(failures), takes
        self.calls = 0

    def __call__(self) -> str:
        """Make an attempt."""
        self.calls += 1
        self.clock.now += self.takes
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeMonotonic:
    """Return the clock, which deadlines use too."""
    fake = FakeMonotonic()
    monkeypatch.setattr("time.monotonic", fake)
    return fake


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def make_retry(clock: FakeMonotonic, events: list[Event]) -> Callable[..., Retry]:
    """Return a factory of retries that always sleep the whole interval."""

    def make(**options: Any) -> Retry:
        defaults: dict[str, Any] = {"monotonic": clock, "sleep": clock.sleep, "chance": lambda: 1.0}
        return Retry("users.get", hooks=(events.append,), **{**defaults, **options})

    return make


@pytest.fixture
def within(clock: FakeMonotonic) -> Iterator[Callable[[float], None]]:
    """Return a function that sets the current deadline."""
    tokens = []

    def begin(seconds: float) -> None:
        tokens.append(deadline.current.set(deadline.Deadline.after(timedelta(seconds=seconds))))

    yield begin
    for token in tokens:
        deadline.current.reset(token)


class TestDecorator:
    def test_ok(self, make_retry: Callable[..., Retry], clock: FakeMonotonic, events: list[Event]) -> None:
        work = Work(clock)
        assert make_retry()(work)() == "done"
        assert (work.calls, clock.slept, events) == (1, [], [])

    def test_arguments_and_the_function_name_are_kept(self, make_retry: Callable[..., Retry]) -> None:
        @make_retry()
        def add(one: int, *, two: int) -> int:
            return one + two

        assert (add(1, two=2), add.__name__) == (3, "add")

    def test_a_transient_failure_is_retried(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, events: list[Event]
    ) -> None:
        first, second = DOWN(), DOWN()
        work = Work(clock, first, second)
        assert make_retry()(work)() == "done"
        assert (work.calls, clock.slept) == (3, [0.1, 0.2])
        assert events == [Retried("users.get", 1, 0.1, first), Retried("users.get", 2, 0.2, second)]

    def test_the_last_error_is_raised_with_the_number_of_attempts(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, events: list[Event]
    ) -> None:
        errors = [DOWN(), DOWN(), DOWN(hop="users")]
        work = Work(clock, *errors)
        with pytest.raises(DOWN) as caught:
            make_retry()(work)()
        assert caught.value is errors[2]
        assert caught.value.facts == {"hop": "users", "attempts": 3}
        assert events[-1] == GaveUp("users.get", 3, StopReason.ATTEMPTS, errors[2])

    def test_a_permanent_failure_ends_the_retries(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, events: list[Event]
    ) -> None:
        work = Work(clock, DOWN(), TaskNotFound(), DOWN())
        with pytest.raises(TaskNotFound):
            make_retry()(work)()
        assert (work.calls, [type(event) for event in events]) == (2, [Retried])

    @pytest.mark.parametrize("death", [KeyboardInterrupt(), SystemExit(), GeneratorExit()])
    def test_a_disconnected_client_ends_the_retries(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, death: BaseException
    ) -> None:
        work = Work(clock, death)
        with pytest.raises(type(death)):
            make_retry(is_retryable=lambda _: True)(work)()
        assert work.calls == 1


class TestAttempts:
    def test_ok(self, make_retry: Callable[..., Retry], clock: FakeMonotonic) -> None:
        work, numbers = Work(clock, DOWN()), []
        for attempt in make_retry().attempts():
            with attempt:
                numbers.append(attempt.number)
                work()
        assert numbers == [1, 2]

    def test_work_that_is_not_idempotent_is_not_retried(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic
    ) -> None:
        work = Work(clock, DOWN())
        (attempt,) = make_retry().attempts(is_idempotent=False)
        with pytest.raises(DOWN), attempt:
            work()
        assert (work.calls, clock.slept) == (1, [])

    def test_an_error_outside_any_attempt_ends_the_retries(self, make_retry: Callable[..., Retry]) -> None:
        assert [attempt.number for attempt in make_retry().attempts()] == [1]


class TestPauses:
    def test_pauses_are_drawn_from_a_growing_interval(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic
    ) -> None:
        draws = iter([0.0, 0.5, 0.25, 1.0, 1.0])
        retry = make_retry(
            attempts=6, within=timedelta(minutes=1), longest=timedelta(milliseconds=800), chance=lambda: next(draws)
        )
        retry(Work(clock, *[DOWN() for _ in range(5)]))()
        assert clock.slept == pytest.approx([0, 0.1, 0.1, 0.8, 0.8])

    def test_the_retry_after_of_the_error_takes_precedence(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic
    ) -> None:
        busy = RateLimitExceeded(limit=1, window_seconds=1, retry_after=1)
        make_retry()(Work(clock, busy))()
        assert clock.slept == [1.1]

    def test_a_retry_after_for_the_client_can_be_ignored(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic
    ) -> None:
        make_retry(honors_retry_after=False)(Work(clock, ServiceUnavailable(retry_after=30)))()
        assert clock.slept == [0.1]

    def test_a_pause_longer_than_the_remaining_time_ends_the_retries_at_once(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, events: list[Event]
    ) -> None:
        work = Work(clock, ServiceUnavailable(retry_after=2))
        with pytest.raises(ServiceUnavailable):
            make_retry()(work)()
        assert (work.calls, clock.slept) == (1, [])
        assert [event.reason for event in events if isinstance(event, GaveUp)] == [StopReason.TIME]

    def test_an_open_breaker_is_not_waited_for(self, make_retry: Callable[..., Retry], clock: FakeMonotonic) -> None:
        breaker = Breaker("users", monotonic=clock, ready_to_trip=lambda counts: counts.total_failures >= 2)
        work = Work(clock, DOWN(), DOWN(), DOWN())
        with pytest.raises(ServiceUnavailable) as caught:
            make_retry(attempts=9)(lambda: breaker.call(work))()
        assert (work.calls, caught.value.facts["attempts"]) == (2, 3)


class TestTime:
    def test_no_attempt_starts_after_the_time_limit(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, events: list[Event]
    ) -> None:
        work = Work(clock, *[DOWN() for _ in range(9)], takes=0.9)
        with pytest.raises(DOWN):
            make_retry(attempts=9)(work)()
        assert (work.calls, clock.slept) == (2, [0.1])
        assert isinstance(events[-1], GaveUp)
        assert events[-1].reason is StopReason.TIME

    def test_the_current_deadline_takes_precedence(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, within: Callable[[float], None]
    ) -> None:
        """C23: retries use the time of the request."""
        within(0.25)
        work = Work(clock, *[DOWN() for _ in range(9)])
        with pytest.raises(DOWN):
            make_retry(attempts=9)(work)()
        assert (work.calls, clock.slept) == (2, [0.1])

    def test_an_expired_deadline_ends_the_retries(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, within: Callable[[float], None]
    ) -> None:
        within(1)
        work = Work(clock, DeadlineExceeded(budget_ms=1000, spent_in="users"), takes=1)
        with pytest.raises(DeadlineExceeded):
            make_retry(chance=lambda: 0.0)(work)()
        assert work.calls == 1


class TestBudget:
    def test_without_tokens_there_is_one_attempt(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, events: list[Event]
    ) -> None:
        budget = RetryBudget(share=0.2, capacity=1)
        assert budget.withdraw()
        work = Work(clock, DOWN())
        with pytest.raises(DOWN):
            make_retry(budget=budget)(work)()
        assert [event.reason for event in events if isinstance(event, GaveUp)] == [StopReason.BUDGET]

    def test_retries_do_not_multiply_the_load_of_an_outage(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic
    ) -> None:
        """1,000 callers with three attempts each make at most 1.2 times the calls, and ten more at the start."""
        work = Work(clock, *[DOWN() for _ in range(3000)])
        retried = make_retry(budget=RetryBudget(share=0.2, capacity=10))(work)
        for _ in range(1000):
            with pytest.raises(DOWN):
                retried()
        assert 1200 <= work.calls <= 1210


@given(
    attempts=st.integers(1, 12),
    within=st.floats(0.01, 20),
    limit=st.none() | st.floats(0.01, 20),
    initial=st.floats(0, 2),
    options=st.lists(st.none() | st.integers(0, 3), min_size=12, max_size=12),
    takes=st.floats(0, 3),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=12, max_size=12),
)
def test_the_limits_hold_over_any_sequence(
    attempts: int,
    within: float,
    limit: float | None,
    initial: float,
    options: list[int | None],
    takes: float,
    draws: list[float],
) -> None:
    """Attempts and pauses never exceed their limits, and no attempt starts after the deadline."""
    clock = FakeMonotonic()
    begun: list[float] = []
    failing = Work(clock, *[DOWN(retry_after=each) for each in options], takes=takes)

    def work() -> None:
        begun.append(clock.now)
        failing()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.monotonic", clock)
        budget = None if limit is None else deadline.Deadline.after(timedelta(seconds=limit))
        token, chance, start = deadline.current.set(budget), iter(draws), clock.now
        retry = Retry(
            "any",
            attempts=attempts,
            within=timedelta(seconds=within),
            initial=timedelta(seconds=initial),
            sleep=clock.sleep,
            monotonic=clock,
            chance=lambda: next(chance),
        )
        with pytest.raises(DOWN) as caught:
            retry(work)()
        deadline.current.reset(token)
    most = min(within, limit or within)
    assert len(begun) == caught.value.facts["attempts"] <= attempts
    assert sum(clock.slept) <= most
    assert all(moment <= start + most + 1e-6 for moment in begun)


class TestIsRetryable:
    @pytest.mark.parametrize("kind", Kind)
    def test_ok(self, kind: Kind) -> None:
        assert is_retryable(errs.E(kind=kind)) is kind.retryable

    @pytest.mark.parametrize(
        ("error", "expected"),
        [(ConnectionResetError(), True), (TimeoutError(), True), (FileNotFoundError(), False), (KeyError(), False)],
    )
    def test_of_third_party_errors_only_network_errors_are_retryable(self, error: Exception, expected: bool) -> None:
        assert is_retryable(error) is expected


class TestConstruction:
    @pytest.mark.parametrize(
        "options",
        [
            {"name": ""},
            {"attempts": 0},
            {"within": timedelta(0)},
            {"initial": timedelta(seconds=-1)},
            {"initial": timedelta(seconds=3)},
        ],
    )
    def test_invalid_arguments_are_rejected(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="retries have a name"):
            Retry(**{"name": "users.get", **options})
