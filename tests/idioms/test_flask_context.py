"""Contexts, sessions and hosts."""

import threading
from datetime import timedelta

import pytest
from flask import (
    Flask,
    copy_current_request_context,
    current_app,
    flash,
    g,
    get_flashed_messages,
    has_app_context,
    has_request_context,
    request,
    session,
    url_for,
)
from flask.sessions import SessionInterface, SessionMixin
from flask.testing import FlaskClient

from app.rest.public_routes import public
from tests.idioms.kit import problem


@pytest.fixture
def counter(app: Flask) -> Flask:
    """Return the application with a session and ``/count``, which counts in it."""
    app.secret_key = "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"

    @app.post("/count")
    @public
    def count():
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    @app.post("/end")
    @public
    def end():
        session.pop("count", None)
        return "ended"

    return app


class TestSession:
    def test_ok(self, counter: Flask, client: FlaskClient) -> None:
        assert [client.post("/count").text for _ in range(3)] == ["1", "2", "3"]
        client.post("/end")
        assert client.post("/count").text == "1"

    def test_the_cookie_is_that_of_flask(self, counter: Flask, client: FlaskClient) -> None:
        counter.config.update(SESSION_COOKIE_NAME="sid", SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_SECURE=True)
        cookie = client.post("/count").headers["Set-Cookie"]
        assert cookie.startswith("sid=")
        assert "HttpOnly" in cookie
        assert "Secure" in cookie
        assert "SameSite=Lax" in cookie

    def test_a_session_can_be_permanent(self, counter: Flask, client: FlaskClient) -> None:
        counter.permanent_session_lifetime = timedelta(days=1)
        counter.before_request(lambda: setattr(session, "permanent", True))
        assert "Expires=" in client.post("/count").headers["Set-Cookie"]

    def test_a_response_that_read_it_has_vary(self, counter: Flask, client: FlaskClient) -> None:
        assert "Cookie" in client.post("/count").headers["Vary"]

    def test_a_view_without_session_access_sets_no_cookie(self, counter: Flask, client: FlaskClient) -> None:
        counter.add_url_rule("/plain", "plain", public(lambda: "plain"))
        response = client.get("/plain")
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.headers.get("Vary", "")

    def test_a_forged_cookie_is_an_empty_session(self, counter: Flask, client: FlaskClient) -> None:
        client.set_cookie("session", "forged")
        assert client.post("/count").text == "1"

    def test_old_keys_are_still_accepted(self, counter: Flask) -> None:
        client = counter.test_client()
        client.post("/count")
        counter.config.update(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[counter.config["SECRET_KEY"]])
        assert client.post("/count").text == "2"

    def test_a_test_can_open_a_transaction(self, counter: Flask, client: FlaskClient) -> None:
        with client.session_transaction() as in_test:
            in_test["count"] = 41
        assert client.post("/count").text == "42"

    def test_the_client_keeps_the_context_of_its_last_request(self, counter: Flask) -> None:
        with counter.test_client() as client:
            client.post("/count")
            assert session["count"] == 1
            assert request.path == "/count"

    def test_without_a_key_writing_raises_flasks_error(self, app: Flask) -> None:
        app.config["PROPAGATE_EXCEPTIONS"] = True
        app.add_url_rule("/write", "write", public(lambda: session.update(a=1)))
        with pytest.raises(RuntimeError, match="The session is unavailable because no secret key was set"):
            app.test_client().get("/write")

    def test_without_a_key_the_session_is_empty(self, app: Flask, client: FlaskClient) -> None:
        app.add_url_rule("/read", "read", public(lambda: repr(session.get("a"))))
        assert client.get("/read").text == "None"

    def test_without_a_key_a_write_is_500(self, app: Flask, client: FlaskClient) -> None:
        app.add_url_rule("/write", "write", public(lambda: session.update(a=1)))
        problem(client.get("/write"), 500)

    def test_messages_are_flashed(self, counter: Flask, client: FlaskClient) -> None:
        counter.add_url_rule("/flash", "flash", public(lambda: flash("Saved!", "info") or "x"))
        counter.add_url_rule("/show", "show", public(lambda: get_flashed_messages(with_categories=True)))
        client.get("/flash")
        assert client.get("/show").json == [["info", "Saved!"]]
        assert client.get("/show").json == []

    def test_a_custom_session_interface(self, app: Flask, client: FlaskClient) -> None:
        class InMemory(dict, SessionMixin):
            pass

        class Interface(SessionInterface):
            kept = InMemory()

            def open_session(self, app, request):
                return self.kept

            def save_session(self, app, session, response):
                response.headers["X-Saved"] = str(len(session))

        app.session_interface = Interface()
        app.add_url_rule("/write", "write", public(lambda: session.update(a=1) or "written"))
        assert client.get("/write").headers["X-Saved"] == "1"


def test_g_lives_as_long_as_a_request(app: Flask, client: FlaskClient) -> None:
    @app.get("/g")
    @public
    def count():
        g.count = g.get("count", 0) + 1
        return str(g.count)

    assert [client.get("/g").text for _ in range(2)] == ["1", "1"]


def test_a_resource_in_g_is_closed_with_the_context(app: Flask) -> None:
    closed = []

    def get_db():
        if "connection" not in g:
            g.connection = object()
        return g.connection

    @app.teardown_appcontext
    def close_db(error):
        if g.pop("connection", None) is not None:
            closed.append(error)

    app.add_url_rule("/db", "db", public(lambda: str(get_db() is get_db())))
    app.add_url_rule("/bug", "bug", public(lambda: [get_db(), 1 / 0]))
    client = app.test_client()
    assert client.get("/db").text == "True"
    client.get("/bug")
    with app.app_context():
        get_db()
    assert [type(error) for error in closed] == [type(None), ZeroDivisionError, type(None)]


def test_an_application_context(app: Flask) -> None:
    with app.app_context():
        assert current_app.name == app.name
        assert current_app._get_current_object() is app
        assert has_app_context()
        assert not has_request_context()
        g.x = 1
    assert not has_app_context()


def test_outside_of_a_context_flask_raises_its_error(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        _ = current_app.name
    with pytest.raises(RuntimeError, match="Working outside of request context"):
        _ = request.path


def test_a_test_request_context(app: Flask) -> None:
    with app.test_request_context("/path?a=1", method="POST", json={"b": 2}, headers={"X-Own": "yes"}):
        assert (request.method, request.path, request.args["a"]) == ("POST", "/path", "1")
        assert (request.get_json(), request.headers["X-Own"]) == ({"b": 2}, "yes")


def test_hooks_and_view_can_be_run_in_a_test_request_context(app: Flask) -> None:
    app.before_request(lambda: setattr(g, "user", "ada"))
    app.add_url_rule("/x", "x", public(lambda: g.user))
    with app.test_request_context("/x"):
        assert app.preprocess_request() is None
        response = app.process_response(app.make_response(app.dispatch_request()))
        assert (response.status_code, response.get_data(as_text=True)) == (200, "ada")


def test_a_request_can_be_dispatched_as_a_whole(app: Flask) -> None:
    app.add_url_rule("/x", "x", public(lambda: "x"))
    with app.test_request_context("/x"):
        assert app.full_dispatch_request().get_data() == b"x"


def test_a_test_request_context_builds_urls(app: Flask) -> None:
    app.add_url_rule("/x", "x", lambda: "x")
    with app.test_request_context(base_url="https://example.com"):
        assert url_for("x", _external=True) == "https://example.com/x"


def test_a_thread_gets_a_copy_of_the_request_context(app: Flask, client: FlaskClient) -> None:
    @app.get("/thread")
    @public
    def view():
        seen = []

        @copy_current_request_context
        def work():
            seen.append(request.args["a"])

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return seen

    assert client.get("/thread?a=1").json == ["1"]


def test_a_view_can_call_another_in_its_own_context(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/inner", "inner", public(lambda: request.args["a"]))

    @app.get("/outer")
    @public
    def outer():
        with current_app.test_client() as inner:
            text = inner.get("/inner?a=inner").text
        return [request.args["a"], text]

    assert client.get("/outer?a=outer").json == ["outer", "inner"]


def test_server_name_builds_urls_outside_of_a_request(app: Flask) -> None:
    app.config.update(SERVER_NAME="example.com:8443", PREFERRED_URL_SCHEME="https", APPLICATION_ROOT="/root")
    app.add_url_rule("/x", "x", lambda: "x")
    with app.app_context():
        assert url_for("x") == "https://example.com:8443/root/x"


def test_without_server_name_flask_names_the_missing_setting(app: Flask) -> None:
    app.add_url_rule("/x", "x", lambda: "x")
    with app.app_context(), pytest.raises(RuntimeError, match="'SERVER_NAME'"):
        url_for("x")


def test_server_name_does_not_restrict_hosts(app: Flask, client: FlaskClient) -> None:
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/x", "x", public(lambda: request.host))
    assert client.get("/x", base_url="http://other.example").text == "other.example"


def test_subdomains(app: Flask, client: FlaskClient) -> None:
    app.subdomain_matching = True
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/x", "user", public(lambda user: f"of {user}"), subdomain="<user>")
    app.add_url_rule("/x", "main", public(lambda: url_for("user", user="ada")))
    assert client.get("/x", subdomain="ada").text == "of ada"
    assert client.get("/x").text == "http://ada.example.com/x"


def test_hosts(app: Flask, client: FlaskClient) -> None:
    app.url_map.host_matching = True
    app.add_url_rule("/x", "a", public(lambda: "a"), host="a.example")
    app.add_url_rule("/x", "any", public(lambda name: name), host="<name>.b.example")
    assert client.get("/x", base_url="http://a.example").text == "a"
    assert client.get("/x", base_url="http://c.b.example").text == "c"
    problem(client.get("/x", base_url="http://d.example"), 404)


def test_trusted_hosts(app: Flask, client: FlaskClient) -> None:
    app.config["TRUSTED_HOSTS"] = ["example.com", ".example.org"]
    app.add_url_rule("/x", "x", public(lambda: request.host))
    assert client.get("/x", base_url="http://example.com").text == "example.com"
    assert client.get("/x", base_url="http://www.example.org").text == "www.example.org"
    problem(client.get("/x", base_url="http://attacker.example"), 400)
