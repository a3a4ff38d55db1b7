"""Hooks: they run in Flask's order, and responses keep their common header fields even if one of them raises."""

import pytest
from flask import Flask, abort, after_this_request, g, request
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient

from app.rest.public_routes import public
from tests.idioms.kit import ON_FLASK, access_lines, candor_only, problem
from tests.scrape import growth

COUNT = "http_request_duration_seconds_count"


def hello(app: Flask) -> None:
    """Route ``/hello``."""
    app.add_url_rule("/hello", "hello", public(lambda: "hello"))


def test_before_request_runs_before_the_view(app: Flask, client: FlaskClient) -> None:
    @app.before_request
    def load_user():
        g.user = request.headers.get("X-User", "nobody")

    app.add_url_rule("/me", "me", public(lambda: g.user))
    assert client.get("/me", headers={"X-User": "ada"}).text == "ada"
    assert client.get("/me").text == "nobody"


def test_before_request_functions_run_in_the_order_of_registration(app: Flask, client: FlaskClient) -> None:
    app.before_request(lambda: g.setdefault("seen", []).append("first"))
    app.before_request(lambda: g.setdefault("seen", []).append("second"))
    app.add_url_rule("/seen", "seen", public(lambda: g.seen))
    assert client.get("/seen").json == ["first", "second"]


def test_a_before_request_that_returns_a_response_skips_the_view(app: Flask, client: FlaskClient) -> None:
    called = []
    app.before_request(lambda: ("down for maintenance", 503))
    app.before_request(lambda: called.append("second"))
    app.after_request(lambda response: called.append("after") or response)
    hello(app)
    response = client.get("/hello")
    assert (response.status_code, response.text, called) == (503, "down for maintenance", ["after"])


def test_a_before_request_can_abort(app: Flask, client: FlaskClient) -> None:
    app.before_request(lambda: abort(403))
    hello(app)
    problem(client.get("/hello"), 403)


def test_after_request_changes_the_response(app: Flask, client: FlaskClient) -> None:
    @app.after_request
    def frame_options(response):
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response

    hello(app)
    assert client.get("/hello").headers["X-Frame-Options"] == "SAMEORIGIN"


def test_after_request_can_return_another_response(app: Flask, client: FlaskClient) -> None:
    app.after_request(lambda response: app.make_response(("replaced", 201)))
    hello(app)
    response = client.get("/hello")
    assert (response.status_code, response.text) == (201, "replaced")


def test_after_request_functions_run_in_the_reverse_order(app: Flask, client: FlaskClient) -> None:
    called = []
    app.after_request(lambda response: called.append("first") or response)
    app.after_request(lambda response: called.append("second") or response)
    hello(app)
    client.get("/hello")
    assert called == ["second", "first"]


def test_after_request_gets_errors(app: Flask, client: FlaskClient) -> None:
    seen = []
    app.after_request(lambda response: seen.append(response.status_code) or response)
    app.add_url_rule("/bug", "bug", public(lambda: 1 / 0))
    client.get("/nowhere")
    client.get("/bug")
    assert seen == [404, 500]


def test_teardown_request_functions_run_in_the_reverse_order(app: Flask) -> None:
    called = []
    app.teardown_request(lambda exc: called.append("first"))
    app.teardown_request(lambda exc: called.append("second"))
    hello(app)
    app.test_client().get("/hello")
    assert called == ["second", "first"]


def test_teardown_request_gets_the_exception(app: Flask) -> None:
    seen = []
    app.teardown_request(seen.append)
    app.add_url_rule("/bug", "bug", public(lambda: 1 / 0))
    app.add_url_rule("/missing", "missing", public(lambda: abort(404)))
    client = app.test_client()
    for path in ("/bug", "/missing"):
        client.get(path)
    assert [type(exc) for exc in seen] == [ZeroDivisionError, type(None)]


def test_after_this_request(app: Flask, client: FlaskClient) -> None:
    @app.get("/index")
    @public
    def index():
        @after_this_request
        def add_header(response):
            response.headers["X-Foo"] = "Parachute"
            return response

        return "Hello World!"

    app.add_url_rule("/other", "other", public(lambda: "other"))
    assert client.get("/index").headers["X-Foo"] == "Parachute"
    assert "X-Foo" not in client.get("/other").headers


def test_a_hook_can_defer_a_callback(app: Flask, client: FlaskClient) -> None:
    @app.before_request
    def detect_user_language():
        @after_this_request
        def remember_language(response):
            response.set_cookie("user_lang", "en")
            return response

    hello(app)
    assert client.get("/hello").headers["Set-Cookie"].startswith("user_lang=en")


def test_hooks_are_stored_in_flasks_lists(app: Flask) -> None:
    def before():
        return None

    def after(response):
        return response

    def teardown(exc):
        return None

    app.before_request(before)
    app.after_request(after)
    app.teardown_request(teardown)
    assert app.before_request_funcs[None][-1] is before
    assert app.after_request_funcs[None][-1] is after
    assert app.teardown_request_funcs[None][-1] is teardown


def test_before_request_runs_for_an_unknown_path_too(app: Flask, client: FlaskClient) -> None:
    app.before_request(lambda: setattr(g, "user", "ada"))
    app.register_error_handler(404, lambda e: (f"not found, {g.user}", 404))
    assert client.get("/nowhere").text == "not found, ada"


@candor_only
class TestBuiltInHooks:
    def test_they_are_stored_in_flasks_lists(self, app: Flask) -> None:
        assert app.before_request_funcs[None]
        assert app.after_request_funcs[None]

    def test_hooks_of_a_fork_run_for_this_projects_routes(self, app: Flask, client: FlaskClient) -> None:
        seen = []
        app.before_request(lambda: seen.append(request.endpoint))
        app.after_request(lambda response: response.headers.add("X-Fork", "yes") or response)
        assert client.get("/healthz").headers["X-Fork"] == "yes"
        assert seen == ["health.get_health"]

    def test_a_hook_can_be_inserted_before_the_built_in_ones(self, app: Flask, client: FlaskClient) -> None:
        app.before_request_funcs[None].insert(0, lambda: ("before everything", 200))
        app.add_url_rule("/secret", "secret", lambda: "secret")
        assert client.get("/secret").text == "before everything"

    def test_a_later_hook_does_not_run_without_a_token(self, app: Flask, client: FlaskClient) -> None:
        seen = []
        app.before_request(lambda: seen.append("ran"))
        app.add_url_rule("/secret", "secret", lambda: "secret")
        problem(client.get("/secret"), 401)
        assert seen == []

    def test_each_request_has_its_own_id(self, app: Flask, client: FlaskClient) -> None:
        hello(app)
        assert client.get("/hello").headers["X-Request-Id"] != client.get("/hello").headers["X-Request-Id"]


def breaking(app: Flask, where: str) -> None:
    """Make a part of ``GET /hello`` raise."""

    def fail(*args):
        raise RuntimeError(f"in {where}")

    hello(app)
    match where:
        case "before_request" | "after_request" | "teardown_request" | "teardown_appcontext" | "url_value_preprocessor":
            getattr(app, where)(fail)
        case "view":
            app.view_functions["hello"] = public(fail)
        case "error handler":
            app.view_functions["hello"] = public(fail)
            app.register_error_handler(RuntimeError, fail)
        case "handler of 500":
            app.view_functions["hello"] = public(fail)
            app.register_error_handler(500, fail)
        case "after_this_request":
            app.before_request(lambda: after_this_request(fail) and None)
        case "first built-in hook":
            app.before_request_funcs[None].insert(0, fail)
        case "last built-in hook":
            app.after_request_funcs[None].insert(0, fail)
        case "save_session":
            app.secret_key = "a secret key of the tests"
            app.session_interface = SecureCookieSessionInterface()  # the application needs its own instance
            app.session_interface.save_session = fail


BROKEN = (
    "before_request",
    "after_request",
    "after_this_request",
    "view",
    "error handler",
    "handler of 500",
    "url_value_preprocessor",
    "first built-in hook",
    "last built-in hook",
    "save_session",
)
ENDING = ("teardown_request", "teardown_appcontext")


@candor_only
@pytest.mark.parametrize("where", [*BROKEN, *ENDING])
def test_the_common_header_fields_are_kept(app: Flask, caplog: pytest.LogCaptureFixture, where: str) -> None:
    """The client of these tests asserts the header fields."""
    breaking(app, where)
    counting, in_flight = growth(COUNT, method="GET", route="/hello"), growth("http_requests_in_flight")
    with caplog.at_level("INFO"), counting as counted, in_flight as left:
        response = app.test_client().get("/hello", headers={"X-Request-Id": "given-by-me"})
    assert response.headers["X-Request-Id"] == "given-by-me"
    assert [line["status"] for line in access_lines(caplog)] == [response.status_code]
    assert (counted.by, left.by) == (1, 0)


@pytest.mark.parametrize("where", BROKEN)
def test_a_hook_that_raises_is_500(app: Flask, where: str) -> None:
    if ON_FLASK and where in {"handler of 500", "first built-in hook", "last built-in hook"}:
        pytest.skip("plain Flask leaves the answer to the server, or has no such hook")
    breaking(app, where)
    problem(app.test_client().get("/hello"), 500, code="INTERNAL_ERROR")


@candor_only
@pytest.mark.parametrize("where", [*BROKEN, *ENDING])
def test_a_failed_request_leaves_nothing_to_the_next_one(app: Flask, bearer, where: str) -> None:
    app.add_url_rule("/own", "own", public(lambda: "own"))
    breaking(app, where)
    client = app.test_client()
    client.get("/hello", headers={**bearer(), "X-Request-Id": "given-by-me"})
    if where in {"view", "error handler", "handler of 500"}:
        assert client.get("/own").text == "own"
    assert client.get("/own").headers["X-Request-Id"] != "given-by-me"
