"""A budget of mails for each purpose and address: beyond it they are put off together, never dropped."""

from datetime import timedelta

import pytest

from app.resilience.mail_throttle import MAILS_PER_WINDOW, MailThrottle, Purpose
from app.resilience.rate_limit_store import InMemoryRateLimitStore
from tests.fakes.monotonic import FakeMonotonic

AT_ONCE = timedelta(0)
REGISTRATION, RESET = Purpose.REGISTRATION, Purpose.PASSWORD_RESET


@pytest.fixture
def clock() -> FakeMonotonic:
    """Return a clock that is moved by hand."""
    return FakeMonotonic()


@pytest.fixture
def postage(clock: FakeMonotonic) -> MailThrottle:
    """Return what counts mails by that clock."""
    return MailThrottle(InMemoryRateLimitStore(monotonic=clock))


class TestDelay:
    def test_the_first_few_are_sent_at_once(self, postage: MailThrottle) -> None:
        delays = [postage.delay(REGISTRATION, "a@example.com") for _ in range(MAILS_PER_WINDOW + 1)]
        assert delays == [AT_ONCE] * MAILS_PER_WINDOW + [timedelta(minutes=1)]

    def test_each_purpose_and_each_address_has_a_budget_of_its_own(self, postage: MailThrottle) -> None:
        for _ in range(100):
            postage.delay(REGISTRATION, "a@example.com")
        assert postage.delay(RESET, "a@example.com") == AT_ONCE
        assert postage.delay(REGISTRATION, "b@example.com") == AT_ONCE

    def test_what_is_put_off_is_due_at_the_same_moment(self, postage: MailThrottle, clock: FakeMonotonic) -> None:
        """So that the newest supersedes the others, and requests in between put nothing off any further."""
        for _ in range(MAILS_PER_WINDOW):
            postage.delay(RESET, "a@example.com")
        due = set()
        for _ in range(59):
            due.add(clock.now + postage.delay(RESET, "a@example.com").total_seconds())
            clock.now += 1
        assert due == {1060.0}

    def test_who_requests_ever_more_has_an_address_sent_eleven_an_hour(
        self, postage: MailThrottle, clock: FakeMonotonic
    ) -> None:
        """One request a second: five mails at once, then after 1, 2, 4, 8, 16 and 16 minutes."""
        sent, due = 0, set()
        for _ in range(3600):
            delay = postage.delay(REGISTRATION, "a@example.com")
            if delay == AT_ONCE:
                sent += 1
            else:
                due.add(round(clock.now + delay.total_seconds()))
            clock.now += 1
        assert sent == MAILS_PER_WINDOW
        assert len(due) <= 7
        assert max(later - sooner for sooner, later in zip(sorted(due), sorted(due)[1:], strict=False)) <= 961

    def test_after_an_hour_all_is_as_before(self, postage: MailThrottle, clock: FakeMonotonic) -> None:
        for _ in range(50):
            postage.delay(REGISTRATION, "a@example.com")
        clock.now += 3600
        assert [postage.delay(REGISTRATION, "a@example.com") for _ in range(6)][4:] == [AT_ONCE, timedelta(minutes=1)]
