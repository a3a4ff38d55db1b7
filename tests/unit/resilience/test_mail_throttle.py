"""A limit of emails for each purpose and address: emails beyond it are delayed together, never dropped."""

from datetime import timedelta

import pytest

from app.resilience.in_memory_rate_limit_store import InMemoryRateLimitStore
from app.resilience.mail_throttle import MAILS_PER_WINDOW, MailThrottle, Purpose
from tests.fakes.monotonic import FakeMonotonic

AT_ONCE = timedelta(0)
REGISTRATION, RESET = Purpose.REGISTRATION, Purpose.PASSWORD_RESET


@pytest.fixture
def clock() -> FakeMonotonic:
    """Return a clock that the test sets."""
    return FakeMonotonic()


@pytest.fixture
def postage(clock: FakeMonotonic) -> MailThrottle:
    """Return a mail throttle with that clock."""
    return MailThrottle(InMemoryRateLimitStore(monotonic=clock))


class TestDelay:
    def test_the_first_emails_are_sent_at_once(self, postage: MailThrottle) -> None:
        delays = [postage.delay(REGISTRATION, "a@example.com") for _ in range(MAILS_PER_WINDOW + 1)]
        assert delays == [AT_ONCE] * MAILS_PER_WINDOW + [timedelta(minutes=1)]

    def test_each_purpose_and_each_address_has_its_own_limit(self, postage: MailThrottle) -> None:
        for _ in range(100):
            postage.delay(REGISTRATION, "a@example.com")
        assert postage.delay(RESET, "a@example.com") == AT_ONCE
        assert postage.delay(REGISTRATION, "b@example.com") == AT_ONCE

    def test_delayed_emails_are_due_at_the_same_time(self, postage: MailThrottle, clock: FakeMonotonic) -> None:
        """The newest email can replace the others, and further requests do not extend the delay."""
        for _ in range(MAILS_PER_WINDOW):
            postage.delay(RESET, "a@example.com")
        due = set()
        for _ in range(59):
            due.add(clock.now + postage.delay(RESET, "a@example.com").total_seconds())
            clock.now += 1
        assert due == {1060.0}

    def test_an_address_gets_at_most_eleven_emails_an_hour(self, postage: MailThrottle, clock: FakeMonotonic) -> None:
        """One request a second: five emails at once, then after 1, 2, 4, 8, 16 and 16 minutes."""
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

    def test_the_limit_is_reset_after_an_hour(self, postage: MailThrottle, clock: FakeMonotonic) -> None:
        for _ in range(50):
            postage.delay(REGISTRATION, "a@example.com")
        clock.now += 3600
        assert [postage.delay(REGISTRATION, "a@example.com") for _ in range(6)][4:] == [AT_ONCE, timedelta(minutes=1)]
