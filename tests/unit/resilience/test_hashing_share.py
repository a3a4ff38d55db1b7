"""Password hashing uses at most half of the slots, and its limit is taken before the slot."""

import threading
import time
from contextlib import ExitStack

import pytest

from app.errs import raises
from app.errs.platform import ServiceUnavailable
from app.models.common_passwords import Acceptable
from app.models.passwords import Argon2Passwords
from app.resilience.bulkhead import Bulkhead
from app.resilience.hashing_share import HashingShare, hashes, hashing
from app.resilience.transaction_retry import transaction


class TestShare:
    @pytest.mark.parametrize(("slots", "expected"), [(1, 1), (2, 1), (4, 2), (5, 2), (99, 49)])
    def test_it_is_half_of_the_slots(self, slots: int, expected: int) -> None:
        assert HashingShare(Bulkhead(slots, queue=0), threads=200).size == expected

    def test_a_place_is_taken_together_with_a_slot(self) -> None:
        slots = Bulkhead(4, queue=0)
        share = HashingShare(slots, threads=4)
        with share:
            assert (share.in_use, slots.in_use) == (1, 1)
        assert (share.in_use, slots.in_use) == (0, 0)

    def test_without_a_place_no_slot_is_held(self) -> None:
        slots = Bulkhead(4, queue=0)
        share = HashingShare(slots, threads=4)
        with share, share:
            with pytest.raises(ServiceUnavailable) as caught:
                share.__enter__()
            assert "too many passwords are being hashed" in repr(caught.value.__dict__)
            assert slots.in_use == 2

    def test_without_a_slot_no_place_is_held(self) -> None:
        slots = Bulkhead(2, queue=0)
        share = HashingShare(slots, threads=2)
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(slots)
            with pytest.raises(ServiceUnavailable):
                share.__enter__()
            assert share.in_use == 0
        with pytest.raises(RuntimeError):
            share.check()

    def test_a_slow_hash_is_waited_for(self) -> None:
        """A hash takes 400 ms on a busy machine; a work slot would be treated as stuck."""
        share = HashingShare(Bulkhead(2, queue=4), threads=8)
        entered, outcomes = threading.Event(), list[str]()

        def hold() -> None:
            with share:
                entered.set()
                time.sleep(0.4)

        holding = threading.Thread(target=hold)
        holding.start()
        entered.wait(5)
        with share:
            outcomes.append("hashed")
        holding.join(5)
        assert outcomes == ["hashed"]

    def test_half_of_the_threads_wait_at_most(self) -> None:
        share = HashingShare(Bulkhead(4, queue=12), threads=16)
        entered, leave = threading.Barrier(3), threading.Event()

        def hold() -> None:
            with share:
                entered.wait(5)
                leave.wait(5)

        refused: list[ServiceUnavailable] = []

        def wait() -> None:
            try:
                with share:
                    pass
            except ServiceUnavailable as error:
                refused.append(error)

        holding = [threading.Thread(target=hold) for _ in range(2)]
        for each in holding:
            each.start()
        entered.wait(5)
        waiting = [threading.Thread(target=wait) for _ in range(20)]
        for each in waiting:
            each.start()
        until = time.monotonic() + 5
        while share.waiting + len(refused) < len(waiting):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert (share.waiting, len(refused)) == (6, 14)
        leave.set()
        for each in (*holding, *waiting):
            each.join(5)
        assert len(refused) == 14
        assert (share.in_use, share.waiting) == (0, 0)


class TestCheck:
    def test_a_use_case_without_the_declaration_cannot_hash(self) -> None:
        """The first test of the operation finds a missing declaration, not a burst of logins in production."""
        passwords = Argon2Passwords(HashingShare.check)
        with pytest.raises(RuntimeError, match="@hashing"):
            passwords.hash(Acceptable("correct horse"))
        with pytest.raises(RuntimeError, match="@hashing"):
            passwords.verify(None, "correct horse")
        with HashingShare(Bulkhead(1, queue=0), threads=1):
            assert passwords.verify(passwords.hash(Acceptable("correct horse")), "correct horse")

    def test_the_declaration_is_found_through_other_decorators(self) -> None:
        def use_case() -> None: ...

        assert not hashes(use_case)
        assert hashes(raises()(transaction(hashing(use_case))))
