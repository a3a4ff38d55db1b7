"""Sets of expiring digests: added digests are found, and expired ones are removed."""

import random
import threading
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from app.resilience.digest_set import SHARDS, DigestSet, digest_of

NOW = 1_800_000_000
DIGESTS = st.integers(0, 2**64 - 1)


class TestDigests:
    def test_ok(self) -> None:
        digests = DigestSet()
        digests.add(digest_of("a session"), NOW)
        assert digest_of("a session") in digests
        assert digest_of("another") not in digests
        assert (len(digests), bool(DigestSet())) == (1, False)

    @given(st.dictionaries(DIGESTS, st.integers(0, 2 * NOW)), st.lists(DIGESTS))
    def test_it_contains_the_digests_that_have_not_expired(self, added: dict[int, int], others: list[int]) -> None:
        digests = DigestSet()
        for digest, until in added.items():
            digests.add(digest, until)
        digests.discard_expired(NOW)
        valid = {digest for digest, until in added.items() if until > NOW}
        assert {each for each in (*added, *others) if each in digests} == valid
        assert len(digests) == len(valid)

    def test_the_later_expiry_applies(self) -> None:
        digests = DigestSet()
        for until in (NOW + 10, NOW + 20, NOW + 5):
            digests.add(7, until)
        digests.discard_expired(NOW + 15)
        assert (7 in digests, len(digests)) == (True, 1)
        digests.discard_expired(NOW + 20)
        assert (7 in digests, len(digests)) == (False, 0)

    def test_the_parts_are_cleaned_in_turn(self) -> None:
        digests = DigestSet()
        for number in range(SHARDS):
            digests.add(number << 52, NOW)
        for left in (3072, 2048, 1024, 0):
            digests.discard_expired(NOW, shards=1024)
            assert len(digests) == left

    def test_100_000_take_less_than_5_megabytes(self) -> None:
        chance = random.Random(1)
        tracemalloc.start()
        digests = DigestSet()
        for _ in range(100_000):
            digests.add(chance.getrandbits(64), NOW)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert used < 5_000_000

    def test_a_lookup_succeeds_while_others_are_added(self) -> None:
        digests, ends, missed = DigestSet(), threading.Event(), list[int]()
        present = [number << 40 for number in range(100)]
        for each in present:
            digests.add(each, NOW)

        def search() -> None:
            while not ends.is_set():
                missed.extend(each for each in present if each not in digests)

        threads = [threading.Thread(target=search) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(5000):
            digests.add(number * 7919 + 3, NOW)
        ends.set()
        for thread in threads:
            thread.join()
        assert missed == []
