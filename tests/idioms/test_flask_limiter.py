"""Flask-Limiter, as in its quick start: ``limiter`` is in ``app.extensions``, and limits."""

import pytest
from flask import Blueprint, Flask, abort, jsonify, make_response, request
from flask.testing import FlaskClient
from flask.views import MethodView
from flask_limiter import Limiter, RateLimitExceeded

from app.rest.public_routes import public
from tests.idioms.kit import ON_FLASK, candor_only, problem


def statuses(client: FlaskClient, path: str = "/slow", times: int = 3, **options) -> list[int]:
    """Return the statuses of some requests."""
    return [client.open(path, **options).status_code for _ in range(times)]


def test_a_limit_of_a_route(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    @app.route("/slow")
    @limiter.limit("1 per day")
    @public
    def slow():
        return ":("

    app.add_url_rule("/fast", "fast", public(lambda: ":)"))
    assert statuses(client) == [200, 429, 429]
    assert statuses(client, "/fast") == [200, 200, 200]


def test_the_mark_can_be_above_the_limit(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    @app.route("/slow")
    @public
    @limiter.limit("1 per day")
    def slow():
        return ":("

    assert statuses(client) == [200, 429, 429]


@candor_only
def test_its_429_is_the_usual_problem_document(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    app.add_url_rule("/slow", "slow", limiter.limit("2/minute")(public(lambda: "x")))
    ok, _, limited = [client.get("/slow") for _ in range(3)]
    document = problem(limited, 429, code="RATE_LIMIT_EXCEEDED")
    assert document["retry_after"] == int(limited.headers["Retry-After"]) <= 60
    assert (document["limit"], document["window_seconds"]) == (2, 60)
    assert "q=2;w=60" in limited.headers["RateLimit-Policy"]
    assert "r=0;t=" in limited.headers["RateLimit"]
    assert "r=1;t=" in ok.headers["RateLimit"]
    assert "Retry-After" not in ok.headers


@candor_only
def test_the_global_limit_still_applies(make_application, limiter: Limiter) -> None:
    app = make_application(rate_limit="2 per minute")
    app.add_url_rule("/slow", "slow", limiter.limit("100 per minute")(public(lambda: "x")))
    assert statuses(app.test_client()) == [200, 200, 429]


def test_several_limits(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    app.add_url_rule("/slow", "slow", limiter.limit("100/day;2/minute")(public(lambda: "x")))
    assert statuses(client) == [200, 200, 429]


def test_stacked_limits(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    @app.route("/slow")
    @limiter.limit("100/day")
    @limiter.limit("10/hour")
    @limiter.limit("1/minute")
    @public
    def slow():
        return "x"

    assert statuses(client) == [200, 429, 429]


def test_a_limit_by_another_key(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    app.add_url_rule(
        "/slow", "slow", limiter.limit("1/day", key_func=lambda: request.headers["X-User"])(public(lambda: "x"))
    )
    assert statuses(client, headers={"X-User": "ada"}) == [200, 429, 429]
    assert statuses(client, headers={"X-User": "bob"}) == [200, 429, 429]


def test_a_computed_limit(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    app.config["SLOW_LIMIT"] = "2/day"
    app.add_url_rule("/slow", "slow", limiter.limit(lambda: app.config["SLOW_LIMIT"])(public(lambda: "x")))
    assert statuses(client) == [200, 200, 429]


def test_a_shared_limit(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    mysql_limit = limiter.shared_limit("2/hour", scope="mysql")
    app.add_url_rule("/r1", "r1", mysql_limit(public(lambda: "1")))
    app.add_url_rule("/r2", "r2", mysql_limit(public(lambda: "2")))
    assert [client.get(path).status_code for path in ("/r1", "/r2", "/r1", "/r2")] == [200, 200, 429, 429]


@candor_only
def test_an_exempt_route(make_application, limiter: Limiter) -> None:
    app = make_application(rate_limit="1 per minute")
    app.add_url_rule("/ping", "ping", limiter.exempt(public(lambda: "PONG")))
    assert statuses(app.test_client(), "/ping") == [200, 200, 200]


@candor_only
def test_an_exempt_blueprint(make_application, limiter: Limiter) -> None:
    app = make_application(rate_limit="1 per minute")
    bp = public(Blueprint("pings", __name__))
    bp.add_url_rule("/ping", "ping", lambda: "PONG")
    limiter.exempt(bp)
    app.register_blueprint(bp)
    assert statuses(app.test_client(), "/ping") == [200, 200, 200]


def test_a_limit_of_a_blueprint(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    bp = public(Blueprint("login", __name__))
    bp.add_url_rule("/slow", "slow", lambda: "x")
    limiter.limit("1/hour")(bp)
    app.register_blueprint(bp)
    assert statuses(client) == [200, 429, 429]


def test_a_limit_of_a_class_based_view(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    class Slow(MethodView):
        decorators = [public, limiter.limit("1/second;2/day")]

        def get(self):
            return "get"

    app.add_url_rule("/slow", view_func=Slow.as_view("slow"))
    assert statuses(client, times=2) == [200, 429]


def test_a_limit_of_some_methods(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    view = limiter.limit("1/day", methods=["POST"])(public(lambda: "x"))
    app.add_url_rule("/slow", "slow", view, methods=["GET", "POST"])
    assert statuses(client) == [200, 200, 200]
    assert statuses(client, method="POST") == [200, 429, 429]


def test_a_limit_for_each_method(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    view = limiter.limit("1/day", per_method=True)(public(lambda: "x"))
    app.add_url_rule("/slow", "slow", view, methods=["GET", "POST"])
    assert statuses(client, times=2) == [200, 429]
    assert statuses(client, times=2, method="POST") == [200, 429]


def test_a_limit_with_exceptions(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    exempt = limiter.limit("1/day", exempt_when=lambda: request.headers.get("X-Admin") == "yes")
    app.add_url_rule("/slow", "slow", exempt(public(lambda: "x")))
    assert statuses(client, headers={"X-Admin": "yes"}) == [200, 200, 200]
    assert statuses(client) == [200, 429, 429]


def test_a_limit_that_counts_only_failures(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    @app.route("/slow")
    @limiter.limit("1/day", deduct_when=lambda response: response.status_code == 400)
    @public
    def slow():
        return ("no", 400) if "bad" in request.args else "x"

    assert statuses(client) == [200, 200, 200]
    assert statuses(client, "/slow?bad=1", times=2) == [400, 429]


def test_a_limit_with_a_cost(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    view = limiter.limit("4/day", cost=lambda: int(request.args.get("cost", 1)))(public(lambda: "x"))
    app.add_url_rule("/slow", "slow", view)
    assert statuses(client, "/slow?cost=2") == [200, 200, 429]


def test_a_custom_message(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    app.add_url_rule("/slow", "slow", limiter.limit("1/day", error_message="Come back.")(public(lambda: "x")))
    client.get("/slow")
    problem(client.get("/slow"), 429, detail="Come back.")


def test_a_custom_response(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    def on_breach(limit):
        return make_response(jsonify(limit=str(limit.limit)), 429)

    app.add_url_rule("/slow", "slow", limiter.limit("1/day", on_breach=on_breach)(public(lambda: "x")))
    client.get("/slow")
    assert client.get("/slow").json == {"limit": "1 per 1 day"}


@pytest.mark.parametrize("what", [429, RateLimitExceeded])
def test_an_error_handler(app: Flask, client: FlaskClient, limiter: Limiter, what) -> None:
    app.register_error_handler(what, lambda e: ({"error": f"ratelimit exceeded {e.description}"}, 429))
    app.add_url_rule("/slow", "slow", limiter.limit("1/day")(public(lambda: "x")))
    client.get("/slow")
    assert client.get("/slow").json == {"error": "ratelimit exceeded 1 per 1 day"}


def test_a_limit_as_a_context_manager(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    @app.route("/slow")
    @public
    def slow():
        if "guess" in request.args:
            with limiter.limit("1/day"):
                return "guessed"
        return "x"

    assert statuses(client) == [200, 200, 200]
    assert statuses(client, "/slow?guess=1") == [200, 429, 429]


def test_a_limit_of_a_function_that_a_view_calls(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    @limiter.limit("1/day")
    def expensive():
        return "expensive"

    app.add_url_rule("/slow", "slow", public(lambda: expensive()))
    assert statuses(client) == [200, 429, 429]


def test_the_current_limit(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    @app.route("/slow")
    @limiter.limit("5/day")
    @public
    def slow():
        current = limiter.current_limit
        return {"limit": str(current.limit), "remaining": current.remaining, "breached": current.breached}

    assert client.get("/slow").json == {"limit": "5 per 1 day", "remaining": 4, "breached": False}


def test_a_limited_view_that_fails_is_not_limited_twice(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    app.add_url_rule("/slow", "slow", limiter.limit("2/day")(public(lambda: abort(409))))
    assert statuses(client) == [409, 409, 429]


@pytest.fixture
def restored(limiter: Limiter):
    """Undo the global registrations of a test with the extension."""
    filters, enabled = list(limiter._request_filters), limiter.enabled
    yield limiter
    limiter._request_filters[:], limiter.enabled = filters, enabled


def test_a_request_filter(app: Flask, client: FlaskClient, restored: Limiter) -> None:
    @restored.request_filter
    def header_whitelist():
        return request.headers.get("X-Internal") == "true"

    app.add_url_rule("/slow", "slow", restored.limit("1/day")(public(lambda: "x")))
    assert statuses(client, headers={"X-Internal": "true"}) == [200, 200, 200]
    assert statuses(client) == [200, 429, 429]


def test_it_can_be_disabled(app: Flask, client: FlaskClient, restored: Limiter) -> None:
    app.add_url_rule("/slow", "slow", restored.limit("1/day")(public(lambda: "x")))
    restored.enabled = False
    assert statuses(client) == [200, 200, 200]


@candor_only
def test_a_setting_disables_it(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    app.config["RATELIMIT_ENABLED"] = False
    app.add_url_rule("/slow", "slow", limiter.limit("1/day")(public(lambda: "x")))
    assert statuses(client) == [200, 200, 200]


@candor_only
def test_two_applications_count_separately(make_application, limiter: Limiter) -> None:
    view = limiter.limit("1/day")(public(lambda: "x"))
    apps = [make_application(rate_limit=f"{limit} per minute") for limit in (1000, 2)]
    for app in apps:
        app.add_url_rule("/slow", "slow", view)
        app.add_url_rule("/other", "other", public(lambda: "x"))
    clients = [app.test_client() for app in apps]
    assert [statuses(client, times=2) for client in clients] == [[200, 429], [200, 429]]
    assert [statuses(client, "/other", times=2) for client in clients] == [[200, 200], [429, 429]]


def test_it_can_be_reset(app: Flask, client: FlaskClient, limiter: Limiter) -> None:
    app.add_url_rule("/slow", "slow", limiter.limit("1/day")(public(lambda: "x")))
    assert statuses(client, times=2) == [200, 429]
    with app.app_context():
        limiter.reset()
    assert statuses(client, times=1) == [200]


def test_it_is_an_extension_of_the_application(app: Flask, limiter: Limiter) -> None:
    assert limiter in app.extensions["limiter"]
    assert ON_FLASK or limiter.initialized
