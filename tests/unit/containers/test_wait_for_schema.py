"""Pods wait for the schema, and log each reason once."""

import logging

import pytest

from app import errs
from app.errs.platform import NotReady
from deploy.containers.wait_for_schema import PAUSE, wait


def behind() -> NotReady:
    failure = NotReady(checks={"migrations": "failed"}, retry_after=1)
    failure.__cause__ = errs.E(kind=errs.Kind.UNAVAILABLE, detail="the schema is at 0015")
    return failure


def test_ok(caplog: pytest.LogCaptureFixture) -> None:
    failures, pauses = [behind(), behind()], list[float]()

    def report() -> None:
        if failures:
            raise failures.pop()

    with caplog.at_level(logging.INFO, "candor"):
        assert wait(report, within=60, sleep=pauses.append)
    assert pauses == [PAUSE, PAUSE]
    assert [each.getMessage() for each in caplog.records] == ["waiting for the schema: the schema is at 0015"]


def test_it_gives_up() -> None:
    def report() -> None:
        raise behind()

    assert not wait(report, within=0, sleep=lambda _: None)
