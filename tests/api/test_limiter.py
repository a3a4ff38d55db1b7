"""Flask-Limiter as in its manual: ``app.extensions.limiter`` on views, blueprints and code blocks."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Flask, Response, make_response, request
from flask.views import MethodView
from flask_limiter import RateLimitExceeded, RequestLimit

from app.extensions import limiter
from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.current import principal
from app.wire.schemas.base import Schema
from tests.api.caller import rejected
from tests.api.limited import Get, Make, Statuses, policies, remaining

pytestmark = pytest.mark.slow

PER_HOUR = "q=1000;w=3600"
PER_MINUTE = "q=3;w=60"


def offering(blueprint: Blueprint, decorate: Any, place: str) -> None:
    """Add a view to the blueprint, with the decorator in one of three places."""

    def offer() -> Any:
        return {}

    view: Any = decorate(offer) if place == "innermost" else offer
    view = blueprint.response(HTTPStatus.OK, Schema)(view)
    view = decorate(view) if place == "below the route" else view
    view = blueprint.route("/offer")(view)
    if place == "above":
        decorate(view)


@pytest.fixture
def shop(make: Make) -> Flask:
    return make(rate_limit="1000 per hour")


@pytest.fixture(autouse=True)
def _no_filters_left() -> Iterator[None]:
    before = list(limiter._request_filters)
    yield
    limiter._request_filters[:] = before
    limiter.forget_plans()


class TestPlainFlask:
    """On ``@app.get``, ``flask.Blueprint`` and ``MethodView``."""

    def test_a_view(self, shop: Flask, get: Get) -> None:
        @shop.get("/slow")
        @limiter.limit("3 per minute")
        def slow() -> str:
            return "ok"

        responses = [get(shop, "/slow") for _ in range(4)]
        assert [each.status_code for each in responses] == [200, 200, 200, 429]
        assert policies(responses[0]) == [PER_HOUR, PER_MINUTE]
        assert [remaining(each) for each in responses] == [[999, 2], [998, 1], [997, 0], [996, 0]]
        assert "Retry-After" not in responses[0].headers
        document = rejected(responses[3], 429, "RATE_LIMIT_EXCEEDED")
        assert (document["limit"], document["window_seconds"]) == (3, 60)
        assert 1 <= document["retry_after"] <= 60
        assert responses[3].headers["Retry-After"] == str(document["retry_after"])
        assert policies(responses[3]) == [PER_HOUR, PER_MINUTE]

    def test_a_view_named_all_has_its_own_count(self, make: Make, get: Get) -> None:
        """Its endpoint is not the scope of RATE_LIMIT."""
        app = make(rate_limit="3 per minute")

        @app.get("/all")
        @limiter.limit("3 per minute")
        def all() -> str:  # noqa: A001 -- the name is the test
            return "ok"

        assert remaining(get(app, "/all")) == [2, 2]

    def test_another_address_has_its_own_count(self, shop: Flask, statuses: Statuses) -> None:
        @shop.get("/slow")
        @limiter.limit("1 per minute")
        def slow() -> str:
            return "ok"

        assert statuses(shop, "/slow", 2) == [200, 429]
        assert statuses(shop, "/slow", 1, peer="192.0.2.2") == [200]

    def test_a_view_decorated_above_the_route(self, shop: Flask, get: Get) -> None:
        """Flask-Limiter ignores this limit; here it applies."""

        @limiter.limit("2 per minute")
        @shop.get("/slow")
        def slow() -> str:
            return "ok"

        responses = [get(shop, "/slow") for _ in range(3)]
        assert [each.status_code for each in responses] == [200, 200, 429]
        assert policies(responses[2]) == [PER_HOUR, "q=2;w=60"]

    def test_two_decorations_each_count_once(self, shop: Flask, get: Get) -> None:
        @shop.get("/slow")
        @limiter.limit("5 per hour")
        @limiter.limit("3 per minute")
        def slow() -> str:
            return "ok"

        responses = [get(shop, "/slow") for _ in range(4)]
        assert [each.status_code for each in responses] == [200, 200, 200, 429]
        assert remaining(responses[0]) == [999, 2, 4]

    def test_a_route_without_its_own_limits_counts_against_rate_limit(self, make: Make, statuses: Statuses) -> None:
        app = make(rate_limit="3 per hour")
        app.add_url_rule("/plain", view_func=lambda: "ok", endpoint="plain")
        assert statuses(app, "/plain", 4) == [200, 200, 200, 429]
        assert statuses(app, "/", 1) == [429]

    def test_static_files_count_too(self, make: Make, statuses: Statuses, tmp_path: Path) -> None:
        """Flask-Limiter never limits an endpoint of that name."""
        app = make(rate_limit="2 per hour")
        (tmp_path / "logo.txt").write_text("logo")
        blueprint = flask.Blueprint("shop", __name__, static_folder=str(tmp_path), static_url_path="/assets")
        app.register_blueprint(blueprint, url_prefix="/shop")
        assert statuses(app, "/shop/assets/logo.txt", 3) == [200, 200, 429]

    def test_a_blueprint(self, shop: Flask, get: Get, statuses: Statuses) -> None:
        blueprint = flask.Blueprint("shop", __name__)
        blueprint.add_url_rule("/a", view_func=lambda: "a", endpoint="a")
        blueprint.add_url_rule("/b", view_func=lambda: "b", endpoint="b")
        limiter.limit("2 per minute")(blueprint)
        shop.register_blueprint(blueprint)
        assert statuses(shop, "/a", 3) == [200, 200, 429]
        response = get(shop, "/b")
        assert (response.status_code, policies(response)) == (200, [PER_HOUR, "q=2;w=60"])

    def test_a_view_of_a_blueprint(self, shop: Flask, statuses: Statuses) -> None:
        blueprint = flask.Blueprint("shop", __name__)

        @blueprint.get("/slow")
        @limiter.limit("1 per minute")
        def slow() -> str:
            return "ok"

        shop.register_blueprint(blueprint)
        assert statuses(shop, "/slow", 2) == [200, 429]

    def test_a_method_view(self, shop: Flask, statuses: Statuses) -> None:
        class Slow(MethodView):
            decorators = [limiter.limit("2 per minute")]

            def get(self) -> str:
                return "ok"

        shop.add_url_rule("/slow", view_func=Slow.as_view("slow"))
        assert statuses(shop, "/slow", 3) == [200, 200, 429]

    def test_one_method_of_a_method_view(self, shop: Flask, statuses: Statuses) -> None:
        class Slow(MethodView):
            @limiter.limit("1 per minute")
            def get(self) -> str:
                return "ok"

            def post(self) -> str:
                return "ok"

        shop.add_url_rule("/slow", view_func=Slow.as_view("slow"))
        assert statuses(shop, "/slow", 2) == [200, 429]
        assert statuses(shop, "/slow", 2, method="POST") == [200, 200]

    def test_a_shared_limit(self, shop: Flask, statuses: Statuses) -> None:
        shared = limiter.shared_limit("3 per minute", scope="shop")
        shop.add_url_rule("/a", view_func=shared(lambda: "a"), endpoint="a")

        @shop.get("/b")
        @shared
        def b() -> str:
            return "b"

        assert statuses(shop, "/a", 2) == [200, 200]
        assert statuses(shop, "/b", 2) == [200, 429]

    def test_an_exempt_view(self, make: Make, get: Get) -> None:
        app = make(rate_limit="1 per hour")

        @app.get("/free")
        @limiter.exempt
        def free() -> str:
            return "ok"

        @limiter.exempt
        @app.get("/free-too")
        def free_too() -> str:
            return "ok"

        for path in ("/free", "/free-too"):
            responses = [get(app, path) for _ in range(3)]
            assert [each.status_code for each in responses] == [200, 200, 200]
            assert "RateLimit" not in responses[2].headers

    def test_an_exempt_lambda_among_others(self, make: Make, statuses: Statuses) -> None:
        """All lambdas of a function have the same name, by which Flask-Limiter would exempt all of them."""
        app = make({"RATELIMIT_DEFAULT": "1 per minute"})
        app.add_url_rule("/plain", view_func=lambda: "ok", endpoint="plain")
        app.add_url_rule("/free", view_func=limiter.exempt(lambda: "ok"), endpoint="free")
        app.add_url_rule("/slow", view_func=limiter.limit("2 per minute")(lambda: "ok"), endpoint="slow")
        assert statuses(app, "/free", 3) == [200, 200, 200]
        assert statuses(app, "/slow", 3) == [200, 200, 429]
        assert statuses(app, "/plain", 2) == [200, 429]

    def test_an_exempt_blueprint(self, make: Make, statuses: Statuses) -> None:
        app = make(rate_limit="1 per hour")
        blueprint = flask.Blueprint("shop", __name__)
        blueprint.add_url_rule("/free", view_func=lambda: "ok", endpoint="free")
        limiter.exempt(blueprint)
        app.register_blueprint(blueprint)
        assert statuses(app, "/free", 3) == [200, 200, 200]

    def test_a_request_filter(self, make: Make, statuses: Statuses) -> None:
        app = make(rate_limit="1 per hour")
        assert statuses(app, "/", 2) == [200, 429]

        @limiter.request_filter
        def is_internal() -> bool:
            return request.headers.get("X-Internal") == "yes"

        assert statuses(app, "/", 2, headers={"X-Internal": "yes"}) == [200, 200]
        assert statuses(app, "/", 1) == [429]


class TestOptions:
    """Options of ``limiter.limit``."""

    @staticmethod
    def limited(app: Flask, limit: Any = "1 per minute", **options: Any) -> None:
        @app.route("/slow", methods=["GET", "POST"])
        @limiter.limit(limit, **options)
        def slow() -> str:
            return "ok"

    def test_key_func(self, shop: Flask, statuses: Statuses) -> None:
        self.limited(shop, key_func=lambda: request.args["user"])
        assert statuses(shop, "/slow?user=ann", 2) == [200, 429]
        assert statuses(shop, "/slow?user=bob", 1) == [200]

    def test_methods(self, shop: Flask, statuses: Statuses) -> None:
        self.limited(shop, methods=["POST"])
        assert statuses(shop, "/slow", 3) == [200, 200, 200]
        assert statuses(shop, "/slow", 2, method="POST") == [200, 429]

    def test_per_method(self, shop: Flask, statuses: Statuses) -> None:
        self.limited(shop, per_method=True)
        assert statuses(shop, "/slow", 2) == [200, 429]
        assert statuses(shop, "/slow", 2, method="POST") == [200, 429]

    def test_exempt_when(self, shop: Flask, statuses: Statuses) -> None:
        self.limited(shop, exempt_when=lambda: "free" in request.args)
        assert statuses(shop, "/slow?free", 3) == [200, 200, 200]
        assert statuses(shop, "/slow", 2) == [200, 429]

    def test_error_message(self, shop: Flask, get: Get) -> None:
        self.limited(shop, error_message="One a minute is enough.")
        assert rejected([get(shop, "/slow") for _ in range(2)][1], 429, "RATE_LIMIT_EXCEEDED")["detail"] == (
            "One a minute is enough."
        )

    @pytest.mark.parametrize(("overrides", "status"), [(True, 200), (False, 429)])
    def test_override_defaults(self, make: Make, statuses: Statuses, overrides: bool, status: int) -> None:
        app = make({"RATELIMIT_DEFAULT": "1 per hour"})
        self.limited(app, "2 per minute", override_defaults=overrides)
        assert statuses(app, "/slow", 3) == [200, status, 429]

    def test_deduct_when(self, shop: Flask, get: Get) -> None:
        """Only responses that meet the condition count, and the remaining number is reported after the deduction."""
        self.limited(shop, "2 per minute", deduct_when=lambda response: "deduct" in request.args)
        assert [get(shop, "/slow").status_code for _ in range(4)] == [200] * 4
        responses = [get(shop, "/slow?deduct") for _ in range(3)]
        assert [each.status_code for each in responses] == [200, 200, 429]
        assert [remaining(each)[1] for each in responses] == [1, 0, 0]

    def test_cost(self, shop: Flask, get: Get) -> None:
        self.limited(shop, "10 per minute", cost=lambda: int(request.args["cost"]))
        responses = [get(shop, f"/slow?cost={cost}") for cost in (4, 5, 2)]
        assert [each.status_code for each in responses] == [200, 200, 429]
        assert [remaining(each)[1] for each in responses] == [6, 1, 0]

    def test_a_response_of_on_breach_is_sent(self, shop: Flask, get: Get) -> None:
        def enough(limit: RequestLimit) -> Response:
            return make_response({"enough": limit.limit.amount}, 429)

        self.limited(shop, on_breach=enough)
        get(shop, "/slow")
        shop.test_client_class = None
        response = get(shop, "/slow")
        assert (response.status_code, response.json) == (429, {"enough": 1})
        assert policies(response) == [PER_HOUR, "q=1;w=60"]

    def test_on_breach_may_return_nothing(self, shop: Flask, get: Get) -> None:
        seen: list[str] = []
        self.limited(shop, on_breach=lambda limit: seen.append(limit.key))
        rejected([get(shop, "/slow") for _ in range(2)][1], 429, "RATE_LIMIT_EXCEEDED")
        assert seen == ["LIMITER/192.0.2.1/slow/1/1/minute"]

    def test_a_dynamic_limit(self, shop: Flask, statuses: Statuses) -> None:
        shop.config["SLOW"] = "2 per minute"
        self.limited(shop, lambda: flask.current_app.config["SLOW"])
        assert statuses(shop, "/slow", 3) == [200, 200, 429]
        shop.config["SLOW"] = "4 per minute"
        assert statuses(shop, "/slow", 1) == [200]

    def test_meta_limits(self, shop: Flask, statuses: Statuses) -> None:
        """A client that exceeds the limit twice is blocked for an hour everywhere on that route."""
        self.limited(shop, "1 per day", meta_limits=["2 per hour"])
        assert statuses(shop, "/slow", 3) == [200, 429, 429]
        with shop.app_context():
            limiter.storage.clear("LIMITER/192.0.2.1/slow/1/1/day")
        assert statuses(shop, "/slow", 1) == [429]

    @pytest.mark.parametrize("limit", ["3 per fortnight", "three per minute", "100"])
    def test_an_invalid_limit_is_rejected_at_the_decorator(self, limit: str) -> None:
        """Flask-Limiter would log an error for each request, and not limit."""
        with pytest.raises(ValueError, match="is not a rate limit; write '3 per minute'"):
            limiter.limit(limit)
        with pytest.raises(ValueError, match="is not a rate limit; write '3 per minute'"):
            limiter.shared_limit(limit, scope="shop")

    def test_an_unknown_option_is_rejected(self) -> None:
        with pytest.raises(TypeError, match="per_user"):
            limiter.limit("3 per minute", per_user=True)


class TestWithinAView:
    def test_a_code_block(self, shop: Flask, get: Get) -> None:
        @shop.get("/slow")
        def slow() -> str:
            try:
                with limiter.limit("2 per minute"):
                    return "expensive"
            except RateLimitExceeded:
                return "cheap"

        responses = [get(shop, "/slow") for _ in range(3)]
        assert [each.text for each in responses] == ["expensive", "expensive", "cheap"]
        assert policies(responses[2]) == [PER_HOUR, "q=2;w=60"]

    def test_a_code_block_that_does_not_catch_the_error(self, shop: Flask, get: Get) -> None:
        @shop.get("/slow")
        def slow() -> str:
            with limiter.limit("1 per minute"):
                return "expensive"

        assert rejected([get(shop, "/slow") for _ in range(2)][1], 429, "RATE_LIMIT_EXCEEDED")["window_seconds"] == 60

    def test_a_function_that_is_not_a_view(self, shop: Flask, statuses: Statuses) -> None:
        @limiter.limit("1 per minute")
        def expensive() -> str:
            return "ok"

        @shop.get("/slow")
        def slow() -> str:
            return str(expensive())

        assert statuses(shop, "/slow", 2) == [200, 429]

    def test_current_limit_of_rate_limit(self, make: Make, get: Get) -> None:
        """Also where RATE_LIMIT was counted directly."""
        app = make(rate_limit="10 per hour")

        @app.get("/limits")
        def limits() -> Any:
            current = limiter.current_limit
            assert current is not None
            assert limiter.current_limits == [current]
            return {"key": current.key, "amount": current.limit.amount, "remaining": current.remaining,
                    "breached": current.breached, "soon": 3590 < current.reset_at - flask.g.now <= 3602}  # fmt: skip

        @app.before_request
        def begin() -> None:
            import time

            flask.g.now = time.time()

        assert get(app, "/limits").json == {
            "key": "LIMITER/192.0.2.1/*/10/1/hour", "amount": 10, "remaining": 9, "breached": False, "soon": True,
        }  # fmt: skip

    def test_current_limit_of_a_decoration(self, shop: Flask, get: Get) -> None:
        @shop.get("/limits")
        @limiter.limit("3 per minute")
        def limits() -> Any:
            current = limiter.current_limit
            assert current is not None
            return {"amount": current.limit.amount, "remaining": current.remaining}

        assert get(shop, "/limits").json == {"amount": 3, "remaining": 2}

    @pytest.mark.parametrize("handled", [429, RateLimitExceeded])
    @pytest.mark.parametrize("is_direct", [True, False])
    def test_an_error_handler_of_the_application_is_called(
        self, make: Make, get: Get, handled: Any, is_direct: bool
    ) -> None:
        """Flask-Limiter's manual: RateLimitExceeded is an HTTP exception, also if RATE_LIMIT was exceeded."""
        app = make(None if is_direct else {"RATELIMIT_DEFAULT": "9 per hour"}, rate_limit="1 per hour")
        app.test_client_class = None

        @app.errorhandler(handled)
        def enough(error: RateLimitExceeded) -> Any:
            return {"enough": error.description, "amount": error.limit.limit.amount}, 429

        response = [get(app, "/") for _ in range(2)][1]
        assert (response.status_code, response.json) == (429, {"enough": "1 per 1 hour", "amount": 1})
        assert policies(response)[0] == "q=1;w=3600"

    def test_responses_to_options_do_not_count(self, make: Make, statuses: Statuses) -> None:
        app = make(rate_limit="2 per hour")
        app.add_url_rule("/plain", view_func=lambda: "ok", endpoint="plain")
        assert statuses(app, "/plain", 3, method="OPTIONS") == [204] * 3
        assert statuses(app, "/plain", 3) == [200, 200, 429]

    def test_the_limit_is_checked_before_the_token(self, make: Make, statuses: Statuses) -> None:
        """C9a, C25a: also on a route that Flask registers."""
        app = make(rate_limit="2 per hour")
        app.add_url_rule("/plain", view_func=lambda: "ok", endpoint="plain")
        assert statuses(app, "/plain", 3, headers={"Authorization": "Bearer bad"}) == [401, 401, 429]

    def test_the_decoration_is_checked_after_the_token(self, shop: Flask, statuses: Statuses) -> None:
        """It counts when the view is called, and ``key_func`` can read the caller."""

        @shop.get("/slow")
        @limiter.limit("2 per minute", key_func=lambda: principal().id)
        def slow() -> str:
            return "ok"

        assert statuses(shop, "/slow", 3, headers={"Authorization": "Bearer bad"}) == [401] * 3
        assert statuses(shop, "/slow", 3) == [200, 200, 429]
        assert statuses(shop, "/slow", 1, peer="192.0.2.2") == [429]


class TestServiceBlueprint:
    """In any order with the decorators of ``app.rest.blueprint.Blueprint``."""

    @pytest.fixture
    def blueprint(self) -> Blueprint:
        return Blueprint("shop", __name__, scope=operations.PUBLIC, url_prefix="/shop")

    @pytest.mark.parametrize("place", ["above", "below the route", "innermost"])
    def test_a_view(self, shop: Flask, get: Get, blueprint: Blueprint, place: str) -> None:
        offering(blueprint, limiter.limit("2 per minute"), place)

        shop.register_blueprint(blueprint)
        responses = [get(shop, "/shop/offer") for _ in range(3)]
        assert [each.status_code for each in responses] == [200, 200, 429]
        assert policies(responses[0]) == [PER_HOUR, "q=2;w=60"]

    def test_the_blueprint(self, shop: Flask, statuses: Statuses, blueprint: Blueprint) -> None:
        @blueprint.route("/offer")
        @blueprint.response(HTTPStatus.OK, Schema)
        def offer() -> Any:
            return {}

        limiter.limit("2 per minute")(blueprint)
        shop.register_blueprint(blueprint)
        assert statuses(shop, "/shop/offer", 3) == [200, 200, 429]

    @pytest.mark.parametrize("place", ["above", "below the route", "innermost"])
    def test_an_exempt_view(self, make: Make, statuses: Statuses, blueprint: Blueprint, place: str) -> None:
        app = make(rate_limit="1 per hour")

        offering(blueprint, limiter.exempt, place)

        app.register_blueprint(blueprint)
        assert statuses(app, "/shop/offer", 3) == [200, 200, 200]
