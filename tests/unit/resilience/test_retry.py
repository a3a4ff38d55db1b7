"""Retries, on a clock that only sleeping moves and with chance in the test's hands."""

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
    """Fails with each of these in turn, then succeeds; an attempt takes a while."""

    def __init__(self, clock: FakeMonotonic, *failures: BaseException, takes: float = 0) -> None:
        self.clock, self.failures, self.takes = clock, list(failures), takes
        self.calls = 0

    def __call__(self) -> str:
        """Do it."""
        self.calls += 1
        self.clock.now += self.takes
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeMonotonic:
    """Return the clock, which deadlines go by as well."""
    fake = FakeMonotonic()
    monkeypatch.setattr("time.monotonic", fake)
    return fake


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def make_retry(clock: FakeMonotonic, told: list[Event]) -> Callable[..., Retry]:
    """Return a maker of retries that draw the whole of each pause."""

    def make(**asked: Any) -> Retry:
        doors: dict[str, Any] = {"monotonic": clock, "sleep": clock.sleep, "chance": lambda: 1.0}
        return Retry("users.get", hooks=(told.append,), **{**doors, **asked})

    return make


@pytest.fixture
def within(clock: FakeMonotonic) -> Iterator[Callable[[float], None]]:
    """Return what sets the deadline in force."""
    tokens = []

    def begin(seconds: float) -> None:
        tokens.append(deadline.current.set(deadline.Deadline.after(timedelta(seconds=seconds))))

    yield begin
    for token in tokens:
        deadline.current.reset(token)


class TestDecorator:
    def test_ok(self, make_retry: Callable[..., Retry], clock: FakeMonotonic, told: list[Event]) -> None:
        work = Work(clock)
        assert make_retry()(work)() == "done"
        assert (work.calls, clock.slept, told) == (1, [], [])

    def test_arguments_and_the_name_pass(self, make_retry: Callable[..., Retry]) -> None:
        @make_retry()
        def add(one: int, *, two: int) -> int:
            return one + two

        assert (add(1, two=2), add.__name__) == (3, "add")

    def test_what_passes_is_done_again(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, told: list[Event]
    ) -> None:
        first, second = DOWN(), DOWN()
        work = Work(clock, first, second)
        assert make_retry()(work)() == "done"
        assert (work.calls, clock.slept) == (3, [0.1, 0.2])
        assert told == [Retried("users.get", 1, 0.1, first), Retried("users.get", 2, 0.2, second)]

    def test_the_last_error_comes_out_and_says_how_many_there_were(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, told: list[Event]
    ) -> None:
        errors = [DOWN(), DOWN(), DOWN(hop="users")]
        work = Work(clock, *errors)
        with pytest.raises(DOWN) as caught:
            make_retry()(work)()
        assert caught.value is errors[2]
        assert caught.value.facts == {"hop": "users", "attempts": 3}
        assert told[-1] == GaveUp("users.get", 3, StopReason.ATTEMPTS, errors[2])

    def test_a_definite_answer_ends_it(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, told: list[Event]
    ) -> None:
        work = Work(clock, DOWN(), TaskNotFound(), DOWN())
        with pytest.raises(TaskNotFound):
            make_retry()(work)()
        assert (work.calls, [type(event) for event in told]) == (2, [Retried])

    @pytest.mark.parametrize("death", [KeyboardInterrupt(), SystemExit(), GeneratorExit()])
    def test_a_caller_that_goes_away_ends_it(
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

    def test_what_is_not_idempotent_is_done_once(self, make_retry: Callable[..., Retry], clock: FakeMonotonic) -> None:
        work = Work(clock, DOWN())
        (attempt,) = make_retry().attempts(is_idempotent=False)
        with pytest.raises(DOWN), attempt:
            work()
        assert (work.calls, clock.slept) == (1, [])

    def test_an_attempt_that_nobody_makes_ends_it(self, make_retry: Callable[..., Retry]) -> None:
        assert [attempt.number for attempt in make_retry().attempts()] == [1]


class TestPauses:
    def test_they_are_drawn_from_all_of_a_growing_interval(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic
    ) -> None:
        draws = iter([0.0, 0.5, 0.25, 1.0, 1.0])
        retry = make_retry(
            attempts=6, within=timedelta(minutes=1), longest=timedelta(milliseconds=800), chance=lambda: next(draws)
        )
        retry(Work(clock, *[DOWN() for _ in range(5)]))()
        assert clock.slept == pytest.approx([0, 0.1, 0.1, 0.8, 0.8])

    def test_what_the_error_asks_for_comes_first(self, make_retry: Callable[..., Retry], clock: FakeMonotonic) -> None:
        busy = RateLimitExceeded(limit=1, window_seconds=1, retry_after=1)
        make_retry()(Work(clock, busy))()
        assert clock.slept == [1.1]

    def test_it_may_be_meant_for_our_own_caller(self, make_retry: Callable[..., Retry], clock: FakeMonotonic) -> None:
        make_retry(honors_retry_after=False)(Work(clock, ServiceUnavailable(retry_after=30)))()
        assert clock.slept == [0.1]

    def test_when_it_does_not_fit_we_give_up_at_once(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, told: list[Event]
    ) -> None:
        work = Work(clock, ServiceUnavailable(retry_after=2))
        with pytest.raises(ServiceUnavailable):
            make_retry()(work)()
        assert (work.calls, clock.slept) == (1, [])
        assert [event.reason for event in told if isinstance(event, GaveUp)] == [StopReason.TIME]

    def test_an_open_breaker_is_not_waited_for(self, make_retry: Callable[..., Retry], clock: FakeMonotonic) -> None:
        breaker = Breaker("users", monotonic=clock, ready_to_trip=lambda counts: counts.total_failures >= 2)
        work = Work(clock, DOWN(), DOWN(), DOWN())
        with pytest.raises(ServiceUnavailable) as caught:
            make_retry(attempts=9)(lambda: breaker.call(work))()
        assert (work.calls, caught.value.facts["attempts"]) == (2, 3)


class TestTime:
    def test_no_attempt_begins_after_its_time(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, told: list[Event]
    ) -> None:
        work = Work(clock, *[DOWN() for _ in range(9)], takes=0.9)
        with pytest.raises(DOWN):
            make_retry(attempts=9)(work)()
        assert (work.calls, clock.slept) == (2, [0.1])
        assert isinstance(told[-1], GaveUp)
        assert told[-1].reason is StopReason.TIME

    def test_the_deadline_in_force_comes_first(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, within: Callable[[float], None]
    ) -> None:
        """C23: retries are paid from the request's budget."""
        within(0.25)
        work = Work(clock, *[DOWN() for _ in range(9)])
        with pytest.raises(DOWN):
            make_retry(attempts=9)(work)()
        assert (work.calls, clock.slept) == (2, [0.1])

    def test_a_spent_budget_ends_it(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, within: Callable[[float], None]
    ) -> None:
        within(1)
        work = Work(clock, DeadlineExceeded(budget_ms=1000, spent_in="users"), takes=1)
        with pytest.raises(DeadlineExceeded):
            make_retry(chance=lambda: 0.0)(work)()
        assert work.calls == 1


class TestBudget:
    def test_without_tokens_there_is_one_attempt(
        self, make_retry: Callable[..., Retry], clock: FakeMonotonic, told: list[Event]
    ) -> None:
        budget = RetryBudget(share=0.2, capacity=1)
        assert budget.withdraw()
        work = Work(clock, DOWN())
        with pytest.raises(DOWN):
            make_retry(budget=budget)(work)()
        assert [event.reason for event in told if isinstance(event, GaveUp)] == [StopReason.BUDGET]

    def test_an_outage_is_not_multiplied(self, make_retry: Callable[..., Retry], clock: FakeMonotonic) -> None:
        """A thousand callers who each may try three times ask at most 1.2 times as often, and ten more at first."""
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
    asked=st.lists(st.none() | st.integers(0, 3), min_size=12, max_size=12),
    takes=st.floats(0, 3),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=12, max_size=12),
)
def test_the_bounds_hold_whatever_comes(
    attempts: int,
    within: float,
    limit: float | None,
    initial: float,
    asked: list[int | None],
    takes: float,
    draws: list[float],
) -> None:
    """Never more attempts, never more sleep, and no attempt begun past the deadline."""
    clock = FakeMonotonic()
    begun: list[float] = []
    failing = Work(clock, *[DOWN(retry_after=each) for each in asked], takes=takes)

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
    def test_of_foreign_errors_only_the_networks(self, error: Exception, expected: bool) -> None:
        assert is_retryable(error) is expected


class TestConstruction:
    @pytest.mark.parametrize(
        "asked",
        [
            {"name": ""},
            {"attempts": 0},
            {"within": timedelta(0)},
            {"initial": timedelta(seconds=-1)},
            {"initial": timedelta(seconds=3)},
        ],
    )
    def test_nonsense_is_refused(self, asked: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="retries have a name"):
            Retry(**{"name": "users.get", **asked})
