"""The retry budget: retries never exceed a fixed share of the load."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resilience.budget import RetryBudget


class TestWithdraw:
    def test_ok(self) -> None:
        budget = RetryBudget(share=0.2, capacity=2)
        assert [budget.withdraw() for _ in range(3)] == [True, True, False]

    def test_five_first_attempts_allow_one_retry(self) -> None:
        budget = RetryBudget(share=0.2, capacity=1)
        assert budget.withdraw()
        for _ in range(4):
            budget.deposit()
            assert not budget.withdraw()
        budget.deposit()
        assert budget.withdraw()

    def test_saved_tokens_are_limited(self) -> None:
        budget = RetryBudget(share=1, capacity=3)
        for _ in range(100):
            budget.deposit()
        assert [budget.withdraw() for _ in range(4)] == [True, True, True, False]

    def test_threads_get_no_more_tokens_than_there_are(self) -> None:
        budget, got = RetryBudget(capacity=50), threading.Semaphore(0)

        def take() -> None:
            for _ in range(20):
                if budget.withdraw():
                    got.release()

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = 0
        while got.acquire(blocking=False):
            taken += 1
        assert taken == 50

    @given(
        share=st.floats(0.001, 1),
        most=st.integers(1, 20),
        tries=st.lists(st.booleans(), max_size=300),
    )
    def test_the_limit_holds_over_any_sequence(self, share: float, most: int, tries: list[bool]) -> None:
        budget = RetryBudget(share=share, capacity=most)
        firsts = retries = 0
        for is_first in tries:
            if is_first:
                budget.deposit()
                firsts += 1
            else:
                retries += budget.withdraw()
            assert retries <= most + round(share * 1000) * firsts / 1000


class TestConstruction:
    @pytest.mark.parametrize(("share", "most"), [(0, 10), (-1, 10), (1.1, 10), (float("nan"), 10), (0.2, 0)])
    def test_invalid_arguments_are_rejected(self, share: float, most: int) -> None:
        with pytest.raises(ValueError, match="a retry budget is a share"):
            RetryBudget(share=share, capacity=most)


class TestFork:
    def test_a_child_process_starts_fresh_even_if_the_lock_was_held(self) -> None:
        budget = RetryBudget(capacity=1)
        assert budget.withdraw()
        with budget._lock:
            child = os.fork()
            if child == 0:
                os._exit(0 if budget.withdraw() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not budget.withdraw()
