"""Connections within a time limit, to the first of several hosts that accepts one."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from app.resilience.timed_connect import PATIENCE, STAGGER, first_connection

LONG = 20.0
SOON = 1.5
"""Seconds, on a busy machine, for what takes no time."""


class Rejected(Exception):
    """The host has rejected the connection."""


class Unresolved(Exception):
    """The host has no address."""


class Hosts:
    """Hosts that accept, reject, or do not respond until the end of the test."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.dialed = list[str]()
        self.closed = list[str]()

    def silent(self) -> str:
        self.dialed.append("silent")
        self.end.wait(LONG)
        return "late"

    def available(self) -> str:
        self.dialed.append("available")
        return "connection"

    def rejecting(self) -> str:
        self.dialed.append("rejecting")
        raise Rejected

    def first(self, *connects: Callable[[], str], within: float = LONG) -> tuple[int, str] | None:
        return first_connection(connects, close=self.closed.append, within=within)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Return hosts."""
    hosts = Hosts()
    yield hosts
    hosts.end.set()


def test_the_next_host_is_not_dialed_while_the_first_one_is_available(hosts: Hosts) -> None:
    assert hosts.first(hosts.available, hosts.rejecting) == (0, "connection")
    assert hosts.dialed == ["available"]


def test_a_host_that_rejects_costs_no_time(hosts: Hosts) -> None:
    began = time.monotonic()
    assert hosts.first(*[hosts.rejecting] * 10, hosts.available) == (10, "connection")
    assert time.monotonic() - began < SOON


def test_a_host_that_does_not_respond_delays_the_next_one_a_little(hosts: Hosts) -> None:
    began = time.monotonic()
    assert hosts.first(hosts.silent, hosts.available) == (1, "connection")
    assert STAGGER <= time.monotonic() - began < STAGGER + SOON


@pytest.mark.parametrize("order", [("silent", "rejecting"), ("rejecting", "silent")])
def test_it_is_not_waited_for_long_if_all_others_reject(hosts: Hosts, order: tuple[str, str]) -> None:
    """It has half of the time, and at least ``PATIENCE``."""
    for within, patience in ((1.0, PATIENCE), (4.0, 2.0)):
        began = time.monotonic()
        with pytest.raises(Rejected):
            hosts.first(*(getattr(hosts, name) for name in order), within=within)
        assert patience <= time.monotonic() - began < STAGGER + patience + SOON


@pytest.mark.parametrize("count", [1, 2])
def test_hosts_that_do_not_respond_are_waited_for_until_the_limit(hosts: Hosts, count: int) -> None:
    began = time.monotonic()
    assert hosts.first(*[hosts.silent] * count, within=1.0) is None
    assert 1.0 <= time.monotonic() - began < 1.0 + SOON


def test_a_late_connection_is_closed(hosts: Hosts) -> None:
    assert hosts.first(hosts.silent, hosts.silent, hosts.available) == (2, "connection")
    hosts.end.set()
    until = time.monotonic() + LONG
    while hosts.closed != ["late", "late"]:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_exception_of_the_last_host_is_raised(hosts: Hosts) -> None:
    def unresolved() -> str:
        raise Unresolved

    with pytest.raises(Unresolved):
        hosts.first(hosts.rejecting, unresolved)
