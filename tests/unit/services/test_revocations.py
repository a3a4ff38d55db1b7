"""The list of revoked sessions is read incrementally and completely, and rejects tokens when it is too old."""

import pytest

from app.errs.platform import ServiceUnavailable
from app.resilience.clock import SystemClock
from app.resilience.digest_set import digest_of
from app.services import revocations
from app.services.revocations import BELIEVED_FOR, FRESH_FOR, Aged, Refreshed, RevocationList
from tests.fakes.monotonic import FakeMonotonic
from tests.fakes.revocations import FakeRevocations


class Followed:
    """A list, its table and its clock, and its events."""

    def __init__(self) -> None:
        self.table, self.monotonic = FakeRevocations(), FakeMonotonic()
        self.events: list[Refreshed | Aged] = []
        self.list = RevocationList(
            self.table, clock=SystemClock(), hooks=(self.events.append,), monotonic=self.monotonic
        )

    def has(self, *ids: str) -> bool:
        """Return whether all of these sessions are revoked."""
        return all(digest_of(each) in self.list for each in ids)

    def fail(self, *, after: float) -> None:
        """Advance the clock by some seconds, and make the next read fail."""
        self.monotonic.now += after
        self.table.fault = ServiceUnavailable(retry_after=1)
        with pytest.raises(ServiceUnavailable):
            self.list.refresh_in_steps()
        self.table.fault = None

    @property
    def ages(self) -> list[bool]:
        """Each report of the list's age: true if it is too old."""
        return [event.error is not None for event in self.events if isinstance(event, Aged)]


@pytest.fixture
def followed() -> Followed:
    """Return a list that has not been read yet."""
    return Followed()


class TestRefresh:
    def test_ok(self, followed: Followed) -> None:
        followed.table.revoke("a", "b")
        followed.list.refresh()
        assert followed.has("a", "b")
        assert not followed.has("c")
        assert followed.events == [Refreshed(2)]

    def test_only_new_rows_are_read(self, followed: Followed) -> None:
        for number in range(100):
            followed.table.revoke(f"session {number}")
        followed.list.refresh()
        assert followed.table.reads == 100
        for _ in range(5):
            followed.list.refresh()
        followed.table.revoke("new")
        followed.list.refresh()
        assert (followed.table.reads, followed.has("new")) == (101, True)

    def test_a_transaction_that_commits_late_is_not_missed(self, followed: Followed) -> None:
        """A serial number would skip it."""
        late = followed.table.begin()
        followed.table.revoke("early")
        followed.list.refresh()
        followed.table.commit(late, "late")
        followed.list.refresh()
        assert followed.has("early", "late")

    def test_any_number_of_rows_is_read(self, followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(revocations, "PAGE", 3)
        ids = [f"session {number}" for number in range(10)]
        followed.table.revoke(*ids)
        followed.list.refresh()
        assert followed.has(*ids)

    def test_an_interrupted_read_continues_where_it_stopped(
        self, followed: Followed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(revocations, "PAGE", 2)
        followed.table.revoke(*"abcdef")
        read, pages = followed.table.after, [1, 1]

        def once(*of: object, most: int) -> object:
            if not pages:
                raise ServiceUnavailable(retry_after=1)
            pages.pop()
            return read(*of, most=most)  # type: ignore[arg-type]

        monkeypatch.setattr(followed.table, "after", once)
        with pytest.raises(ServiceUnavailable):
            followed.list.refresh_in_steps()
        assert followed.table.reads == 4
        with pytest.raises(ServiceUnavailable):
            followed.list.check_age()
        pages.extend([1] * 9)
        followed.table.revoke("g")
        followed.list.refresh_in_steps()
        followed.list.check_age()
        assert (followed.table.reads, followed.has(*"abcdefg")) == (7, True)

    def test_a_new_revocation_does_not_wait_for_a_long_list(
        self, followed: Followed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(revocations, "PAGE", 2)
        monkeypatch.setattr(revocations, "NEWEST", 1)
        followed.table.revoke(*map(str, range(100)))
        followed.table.revoke("new")
        read, pages = followed.table.after, [1]

        def once(*of: object, most: int) -> object:
            if not pages:
                raise ServiceUnavailable(retry_after=1)
            pages.pop()
            return read(*of, most=most)  # type: ignore[arg-type]

        monkeypatch.setattr(followed.table, "after", once)
        with pytest.raises(ServiceUnavailable):
            followed.list.refresh()
        assert followed.has("new")
        assert not followed.has("99")

    def test_another_server_is_read_completely(self, followed: Followed) -> None:
        """The transaction IDs of a server that was restored from a dump start again."""
        for _ in range(9):
            followed.table.revoke("old")
        followed.list.refresh()
        followed.table.entries, followed.table.next = [], 1
        followed.table.revoke("new")
        followed.list.refresh()
        assert followed.has("new")

    def test_the_whole_list_is_read_after_a_failover_that_lost_transactions(self, followed: Followed) -> None:
        """The server reuses their IDs for transactions that this process treats as read."""
        for _ in range(9):
            followed.table.revoke("old")
        followed.list.refresh()
        followed.table.server = "another"
        followed.table.next -= 3
        followed.table.revoke("new")
        followed.table.next += 9
        followed.list.refresh()
        assert followed.has("new")
        before = followed.table.reads
        followed.list.refresh()
        assert followed.table.reads == before

    def test_expired_rows_are_removed(self, followed: Followed) -> None:
        followed.table.revoke("over", until=1)
        for _ in range(16):
            followed.list.refresh()
        assert not followed.has("over")


class TestAge:
    def test_an_old_list_is_reported_once_and_used_for_a_while(self, followed: Followed) -> None:
        followed.list.refresh_in_steps()
        followed.fail(after=FRESH_FOR - 1)
        assert followed.ages == []
        for _ in range(3):
            followed.fail(after=2)
        assert followed.ages == [True]
        followed.list.check_age()
        followed.list.refresh_in_steps()
        assert followed.ages == [True, False]

    def test_beyond_the_maximum_age_every_token_is_rejected(self, followed: Followed) -> None:
        followed.list.refresh_in_steps()
        followed.monotonic.now += BELIEVED_FOR
        followed.list.check_age()
        followed.monotonic.now += 1
        with pytest.raises(ServiceUnavailable) as caught:
            followed.list.check_age()
        assert caught.value.retry_after == 5
        followed.list.refresh_in_steps()
        followed.list.check_age()

    def test_before_the_first_read_every_token_is_rejected(self, followed: Followed) -> None:
        followed.fail(after=0)
        assert followed.ages == [True]
        with pytest.raises(ServiceUnavailable):
            followed.list.check_age()

    def test_a_list_that_is_never_polled_accepts_tokens_in_tests(self, followed: Followed) -> None:
        followed.list.check_age()
        followed.list.refresh()
        followed.monotonic.now += 2 * BELIEVED_FOR
        followed.list.check_age()
