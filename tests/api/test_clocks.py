"""Instances on machines whose clocks differ: all use the clock of PostgreSQL."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import text

from app.config import Settings
from app.extensions import db
from app.repositories import database_clock
from app.services.tokens import TokenService
from tests.api.accounts import an_address, join, logged_in
from tests.api.caller import TASKS, Caller, answered, path_of
from tests.api.conftest import Bearer
from tests.fakes.clock import FakeClock

REFRESH = "/v1/tokens:refresh"


@pytest.fixture(params=[8, -8], ids=["ahead", "behind"])
def other(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, make_application: Callable[..., Flask]
) -> Flask:
    """Return an application on a machine whose clock is 8 seconds ahead of the others, or behind them."""
    shifted = SimpleNamespace(time=lambda: time.time() + request.param, monotonic=time.monotonic)
    monkeypatch.setattr(database_clock, "time", shifted)
    return make_application()


def shown(app: Flask) -> float:
    """Return the seconds by which the clock of an application is ahead of PostgreSQL's."""
    with app.app_context(), db.engine.connect() as connection:
        ours = app.extensions["app-services"].clock.now()
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return float((ours - theirs).total_seconds())


def refreshed(caller: Caller, token: str) -> str:
    """Exchange a refresh token for the next one."""
    return str(answered(caller.post(REFRESH, json={"refresh_token": token}))["refresh_token"])


def test_the_clock_is_that_of_postgresql(other: Flask) -> None:
    assert abs(shown(other)) < 0.5


def test_a_difference_is_logged_once(other: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with other.app_context():
        for _ in range(2):
            db.engine.dispose()
            shown(other)
    (record,) = [each for each in caplog.records if "the clock of this machine" in each.getMessage()]
    assert record.levelno == logging.WARNING
    assert "8.0 s" in record.getMessage()


def test_no_update_is_earlier_than_the_creation(other: Flask, alice: Caller, bearer: Bearer) -> None:
    caller = Caller(other.test_client(), bearer("alice"))
    for first, second in ((caller, alice), (alice, caller)):
        task = answered(first.create(f"made by {id(first)}"), 201)
        task = answered(second.patch(path_of(task), json={"priority": "PRIORITY_HIGH"}))
        assert task["update_time"] >= task["create_time"]


def test_two_tabs_at_two_instances_keep_the_session(other: Flask, app: Flask, unauthenticated: Caller) -> None:
    email, elsewhere = an_address(), Caller(other.test_client(), {})
    join(unauthenticated, app, email)
    _, token = logged_in(elsewhere, email)
    for first, second in ((elsewhere, unauthenticated), (unauthenticated, elsewhere)) * 2:
        refreshed(first, token)
        token = refreshed(second, token)


def test_a_new_token_is_valid_at_an_instance_whose_clock_is_behind(settings: Settings, alice: Caller) -> None:
    """Before the first connection, the clock of the machine counts."""
    clock = FakeClock()
    with alice.client.application.app_context():
        clock.at = alice.client.application.extensions["app-services"].clock.now() + timedelta(seconds=13)
    issuer = TokenService(secret=settings.jwt_secret, audience=None, issuer=None, clock=clock)
    token = issuer.issue("alice", scopes=["tasks"], lifetime=timedelta(minutes=1))
    answered(Caller(alice.client, {"Authorization": f"Bearer {token}"}).get(TASKS))
