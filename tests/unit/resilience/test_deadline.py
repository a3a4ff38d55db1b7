"""Deadlines are values that are passed down; the tests replace the clock."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errs.platform import DeadlineExceeded
from app.resilience.deadline import Deadline, current, within

SECOND = timedelta(seconds=1)


BUDGETS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=1))


class FakeTime:
    """A monotonic clock that the test advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the current time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """Return the clock that deadlines use."""
    fake = FakeTime()
    monkeypatch.setattr("time.monotonic", fake.monotonic)
    return fake


class TestDeadline:
    def test_a_budget_can_have_started_before(self, clock: FakeTime) -> None:
        """The server waited for the body after the head had arrived."""
        limit = Deadline.after(SECOND, since=clock.now - 0.75)
        assert (limit.remaining(), limit.budget) == (0.25, SECOND)
        clock.now += 0.25
        assert limit.is_over

    def test_ok(self, clock: FakeTime) -> None:
        limit = Deadline.after(timedelta(milliseconds=1500))
        assert (limit.budget, limit.at, limit.remaining(), limit.is_over) == (1.5 * SECOND, 1001.5, 1.5, False)

    def test_the_remaining_time_ends_at_zero(self, clock: FakeTime) -> None:
        limit = Deadline.after(SECOND)
        clock.now += 0.75
        assert limit.remaining() == 0.25
        clock.now += 5
        assert limit.remaining() == 0

    def test_it_expires_exactly_at_its_time(self, clock: FakeTime) -> None:
        limit = Deadline.after(SECOND)
        clock.now = limit.at
        assert limit.is_over

    @given(budget=BUDGETS, steps=st.lists(st.floats(0, 1e5)))
    def test_the_remaining_time_only_decreases(self, budget: timedelta, steps: list[float]) -> None:
        """The remaining time never grows and is never negative. A deadline is expired exactly when no time remains."""
        with pytest.MonkeyPatch.context() as patch:
            clock = FakeTime()
            patch.setattr("time.monotonic", clock.monotonic)
            limit = Deadline.after(budget)
            before = limit.remaining()
            for step in steps:
                was_over = limit.is_over
                clock.now += step
                assert 0 <= limit.remaining() <= before
                assert limit.is_over >= was_over
                assert limit.is_over is (limit.remaining() == 0)
                before = limit.remaining()

    @pytest.mark.parametrize("budget", [timedelta(0), -SECOND])
    def test_a_budget_must_be_positive(self, budget: timedelta) -> None:
        with pytest.raises(ValueError, match="a budget is positive"):
            Deadline.after(budget)


class TestCheck:
    def test_ok(self, clock: FakeTime) -> None:
        Deadline.after(SECOND).check("database")

    def test_an_expired_deadline_raises_an_error_with_the_spent_times(self, clock: FakeTime) -> None:
        limit = Deadline.after(timedelta(milliseconds=1234.6))
        clock.now += 2
        with pytest.raises(DeadlineExceeded) as caught:
            limit.check("database")
        assert caught.value.facts == {"budget_ms": 1235, "spent_in": "database"}
        assert caught.value.message == "The budget of 1235 ms ran out in database."


class TestWithin:
    def test_ok(self, clock: FakeTime) -> None:
        with within(SECOND):
            limit = current.get()
            assert limit is not None
            assert limit.at == clock.now + 1
        assert current.get() is None

    def test_a_shorter_inner_budget_applies_to_the_block(self, clock: FakeTime) -> None:
        with within(3 * SECOND):
            outer = current.get()
            with within(SECOND):
                inner = current.get()
                assert inner is not None
                assert inner.budget == SECOND
            assert current.get() is outer

    def test_a_longer_inner_budget_adds_no_time(self, clock: FakeTime) -> None:
        with within(SECOND):
            outer = current.get()
            with within(3 * SECOND):
                assert current.get() is outer

    def test_it_ends_with_the_block_even_after_an_error(self, clock: FakeTime) -> None:
        with pytest.raises(KeyError), within(SECOND):
            raise KeyError
        assert current.get() is None

    @given(budgets=st.lists(st.tuples(BUDGETS, st.floats(0, 1e5)), min_size=1, max_size=8))
    def test_nesting_never_extends_a_deadline(self, budgets: list[tuple[timedelta, float]]) -> None:
        """Each block ends with the outer one or before it, and leaves the outer one unchanged."""
        with pytest.MonkeyPatch.context() as patch:
            clock = FakeTime()
            patch.setattr("time.monotonic", clock.monotonic)
            self._descend(clock, budgets)
        assert current.get() is None

    def _descend(self, clock: FakeTime, budgets: list[tuple[timedelta, float]]) -> None:
        if not budgets:
            return
        (budget, passes), *rest = budgets
        outer = current.get()
        with within(budget):
            inner = current.get()
            assert inner is not None
            assert inner.at <= clock.now + budget.total_seconds()
            assert outer is None or inner.at <= outer.at
            clock.now += passes
            self._descend(clock, rest)
            assert current.get() is inner
        assert current.get() is outer

    def test_the_origin_of_a_shorter_budget_is_kept_while_it_applies(self, clock: FakeTime) -> None:
        token = current.set(Deadline.after(SECOND, is_shortened=True))
        with within(SECOND / 2):
            granted = current.get()
        with within(2 * SECOND):
            asked = current.get()
        current.reset(token)
        assert granted is not None
        assert asked is not None
        assert (granted.is_shortened, asked.is_shortened) == (False, True)


class TestCut:
    """The client no longer waits for the outcome."""

    def test_it_ends_now_and_is_neutral_for_dependencies(self, clock: FakeTime) -> None:
        limit = Deadline.after(SECOND)
        limit.cut()
        assert (limit.is_over, limit.at, limit.is_shortened) == (True, 1000.0, True)

    def test_an_expired_deadline_keeps_its_reason(self, clock: FakeTime) -> None:
        limit = Deadline.after(SECOND)
        clock.now += 2
        limit.cut()
        assert limit.at == 1001.0

    def test_running_work_is_interrupted_and_finished_work_is_not(self) -> None:
        interrupted: list[str] = []
        limit = Deadline.after(SECOND)
        forget = limit.on_cut(lambda: interrupted.append("done"))
        limit.on_cut(lambda: interrupted.append("under way"))
        forget()
        limit.cut()
        assert interrupted == ["under way"]

    def test_finished_work_waits_for_a_started_interruption(self) -> None:
        """Otherwise, the interruption would affect the next user of the connection."""
        begun, may_end, forgotten = threading.Event(), threading.Event(), threading.Event()
        limit = Deadline.after(SECOND)

        def interrupt() -> None:
            begun.set()
            may_end.wait(10)
            assert not forgotten.is_set()

        def leave() -> None:
            forget()
            forgotten.set()

        forget = limit.on_cut(interrupt)
        threads = [threading.Thread(target=limit.cut)]
        threads[0].start()
        assert begun.wait(10)
        threads.append(threading.Thread(target=leave))
        threads[1].start()
        may_end.set()
        for thread in threads:
            thread.join(10)
        assert forgotten.is_set()
