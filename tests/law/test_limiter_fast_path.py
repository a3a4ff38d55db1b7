"""RATE_LIMIT counted directly equals RATE_LIMIT evaluated by Flask-Limiter, request by request."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.extensions import limiter
from app.rate_limiting import application_state
from app.rate_limiting.application_state import Plan, Way
from app.resilience.in_memory_rate_limit_store import InMemoryRateLimitStore
from tests.examples import examples
from tests.fakes.monotonic import FakeMonotonic

pytestmark = pytest.mark.slow

Make = Callable[..., Flask]
LIMITS = ("4 per minute", "3 per second;10 per minute", "7 per hour;3 per minute;3 per minute", "2 per 5 seconds")
TOKEN_LIMITS = ("2 per minute", "1 per second;4 per hour", "9 per minute")
UNIQUE = ("request_id", "timestamp")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["GET /", "HEAD /", "POST /v1/tokens", "GET /v1/tasks", "GET /plain", "GET /healthz", "GET /no"]
        ),
        st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]),
        st.sampled_from([0.0, 0.3, 1.0, 5.0, 59.5]),
    ),
    min_size=5,
    max_size=25,
)
ways: list[Way] = []


@pytest.fixture(scope="module")
def pairs(make_application: Make) -> list[tuple[Flask, Flask]]:
    """Return applications with the same limits; the second one uses only Flask-Limiter."""
    made = []
    for n, limit in enumerate(LIMITS):
        fast, slow = (
            make_application(rate_limit=limit, token_rate_limit=TOKEN_LIMITS[n % len(TOKEN_LIMITS)]) for _ in range(2)
        )
        for app in (fast, slow):
            app.add_url_rule("/plain", view_func=current, endpoint="plain")
        slow.extensions[application_state.KEY].plans = Always()
        made.append((fast, slow))
    return made


class Always(dict[str | None, Plan]):
    """A plan for every endpoint that uses Flask-Limiter."""

    def get(self, *_: Any) -> Any:
        return Plan(Way.BY_FLASK_LIMITER)


def current() -> dict[str, Any]:
    """Answer with the values that Flask-Limiter's manual reads in a view."""
    return {
        "limits": [
            [each.key, each.request_args, str(each.limit), each.breached, each.shared, each.remaining]
            for each in limiter.current_limits
        ],
        "current": limiter.current_limit.key if limiter.current_limit else None,
    }


def seen(app: Flask, step: tuple[str, str, float], bearer: dict[str, str]) -> Any:
    method, path = step[0].split()
    response = app.test_client().open(
        path, method=method, environ_overrides={"REMOTE_ADDR": step[1]}, headers=bearer if path == "/plain" else {}
    )
    fields = {name: response.headers.get(name) for name in ("RateLimit", "RateLimit-Policy", "Retry-After")}
    return response.status_code, fields, body(response)


def body(response: TestResponse) -> Any:
    if response.status_code != 429 and response.request.path != "/plain":
        return None
    text = response.get_data(as_text=True)
    return {name: value for name, value in json.loads(text).items() if name not in UNIQUE} if text else text


class TestFastPath:
    @profile(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=examples(60))
    @given(pair=st.integers(0, len(LIMITS) - 1), steps=STEPS)
    def test_it_equals_flask_limiter(
        self, pairs: list[tuple[Flask, Flask]], bearer: Any, pair: int, steps: list[tuple[str, str, float]]
    ) -> None:
        """Status, header fields, problem document, ``current_limits`` and the final counts."""
        clocks, counters = [FakeMonotonic(), FakeMonotonic()], []
        for app, clock in zip(pairs[pair], clocks, strict=True):
            services = app.extensions["app-services"]
            app.extensions["app-services"] = replace(services, rate_limits=InMemoryRateLimitStore(monotonic=clock))
            counters.append(app.extensions["app-services"].rate_limits)
        statuses = set()
        for step in steps:
            for clock in clocks:
                clock.now += step[2]
            one, other = (seen(app, step, bearer()) for app in pairs[pair])
            assert one == other, step
            statuses.add(one[0])
        assert counters[0]._windows == counters[1]._windows
        taken = {plan.way for plan in pairs[pair][0].extensions[application_state.KEY].plans.values()}
        assert Way.BY_FLASK_LIMITER not in taken
        ways.extend([*taken, *([Way.NOT] if 429 in statuses else [])])

    def test_both_outcomes_were_drawn(self) -> None:
        """The comparison above had requests that are counted directly, and requests that were rejected."""
        assert {Way.DIRECTLY, Way.NOT} <= {*ways}


class TestFallback:
    """Any other feature makes the endpoint use Flask-Limiter."""

    @pytest.fixture
    def shop(self, make_application: Make) -> Flask:
        app = make_application(rate_limit="1000 per hour")
        app.add_url_rule("/plain", view_func=lambda: "ok", endpoint="plain")
        return app

    @staticmethod
    def way(app: Flask, bearer: Any) -> Way:
        app.test_client().get("/plain", headers=bearer())
        way: Way = app.extensions[application_state.KEY].plans["plain"].way
        return way

    def test_by_default_it_counts_directly(self, shop: Flask, bearer: Any) -> None:
        assert self.way(shop, bearer) is Way.DIRECTLY

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("_on_breach", lambda _: None),
            ("_key_prefix", "shop"),
            ("_fail_on_first_breach", False),
        ],
    )
    def test_a_setting_of_the_extension(self, shop: Flask, bearer: Any, name: str, value: object) -> None:
        assert self.way(shop, bearer) is Way.DIRECTLY
        with shop.app_context():
            setattr(limiter, name, value)
        assert self.way(shop, bearer) is Way.BY_FLASK_LIMITER

    @pytest.mark.parametrize(
        "config",
        [
            {"RATELIMIT_DEFAULT": "100 per hour"},
            {"RATELIMIT_APPLICATION": "100 per hour"},
            {"RATELIMIT_META": "100 per hour"},
            {"RATELIMIT_STORAGE_URI": "memory://"},
            {"RATELIMIT_HEADERS_ENABLED": True},
            {"RATELIMIT_REQUEST_IDENTIFIER": lambda: "everything"},
        ],
    )
    def test_a_setting_of_the_application(self, shop: Flask, bearer: Any, config: dict[str, object]) -> None:
        shop.config.update(config)
        limiter.init_app(shop)
        assert self.way(shop, bearer) is Way.BY_FLASK_LIMITER

    def test_a_request_filter(self, shop: Flask, bearer: Any) -> None:
        assert self.way(shop, bearer) is Way.DIRECTLY
        never = limiter.request_filter(lambda: False)
        assert self.way(shop, bearer) is Way.BY_FLASK_LIMITER
        limiter._request_filters.remove(never)
        limiter.forget_plans()

    @pytest.mark.parametrize("decorate", [limiter.limit("5 per minute"), limiter.exempt])
    def test_a_decorator(self, shop: Flask, bearer: Any, decorate: Any) -> None:
        assert self.way(shop, bearer) is Way.DIRECTLY
        decorate(shop.view_functions["plain"])
        assert self.way(shop, bearer) is Way.BY_FLASK_LIMITER
