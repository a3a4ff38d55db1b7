"""Routing, as in Flask's quick start and its chapter on URL rules."""

import pytest
from flask import Flask, redirect, request, url_for
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.routing import BaseConverter, BuildError

from app.rest.public_routes import public
from tests.idioms.kit import ON_FLASK, problem


def test_a_view_function_returns_hello(app: Flask, client: FlaskClient) -> None:
    @app.route("/hello")
    @public
    def hello_world():
        return "<p>Hello, World!</p>"

    response = client.get("/hello")
    assert response.status_code == 200
    assert response.data == b"<p>Hello, World!</p>"
    assert response.content_type == "text/html; charset=utf-8"


def test_the_mark_can_be_above_the_route(app: Flask, client: FlaskClient) -> None:
    @public
    @app.get("/hello")
    def hello():
        return "hello"

    assert client.get("/hello").text == "hello"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_each_method_has_a_shortcut(app: Flask, client: FlaskClient, method: str) -> None:
    @getattr(app, method)("/thing")
    @public
    def view():
        return request.method

    assert getattr(client, method)("/thing").text == method.upper()


def test_a_variable_is_passed_as_keyword(app: Flask, client: FlaskClient) -> None:
    @app.route("/user/<username>")
    @public
    def show_user_profile(username):
        return f"User {escape(username)}"

    assert client.get("/user/m%C3%BCller%20%26%20co").text == "User müller &amp; co"


@pytest.mark.parametrize(
    ("rule", "path", "value"),
    [
        ("/post/<int:value>", "/post/7", "7"),
        ("/post/<int(signed=True):value>", "/post/-7", "-7"),
        ("/post/<float:value>", "/post/7.5", "7.5"),
        ("/post/<path:value>", "/post/a/b/c", "'a/b/c'"),
        (
            "/post/<uuid:value>",
            "/post/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
            "UUID('8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33')",
        ),
        ("/post/<any(new, old):value>", "/post/old", "'old'"),
        ("/post/<string(length=2):value>", "/post/ab", "'ab'"),
    ],
)
def test_converters(app: Flask, client: FlaskClient, rule: str, path: str, value: str) -> None:
    app.add_url_rule(rule, "show", public(lambda value: repr(value)))
    assert client.get(path).text == value


def test_a_path_that_no_converter_matches_is_404(app: Flask, client: FlaskClient) -> None:
    @app.route("/post/<int:post_id>")
    @public
    def show_post(post_id):
        return f"Post {post_id}"

    problem(client.get("/post/seven"), 404, code="ROUTE_NOT_FOUND")


def test_a_custom_converter(app: Flask, client: FlaskClient) -> None:
    class ListConverter(BaseConverter):
        def to_python(self, value):
            return value.split("+")

        def to_url(self, values):
            return "+".join(super(ListConverter, self).to_url(value) for value in values)

    app.url_map.converters["list"] = ListConverter

    @app.route("/tags/<list:tags>")
    @public
    def tagged(tags):
        return {"tags": tags, "url": url_for("tagged", tags=tags)}

    assert client.get("/tags/a+b").json == {"tags": ["a", "b"], "url": "/tags/a+b"}


def test_a_static_rule_takes_precedence_over_a_variable_one(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/users/<name>", "user", public(lambda name: "anyone"))
    app.add_url_rule("/users/first", "first", public(lambda: "the first"))
    assert client.get("/users/first").text == "the first"
    assert client.get("/users/second").text == "anyone"


def test_one_view_for_two_methods(app: Flask, client: FlaskClient) -> None:
    @app.route("/login", methods=["GET", "POST"])
    @public
    def login():
        if request.method == "POST":
            return "do the login"
        return "show the form"

    assert client.get("/login").text == "show the form"
    assert client.post("/login").text == "do the login"


def test_another_method_is_405_with_allow(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/login", "login", public(lambda: "x"), methods=["post"])
    response = client.get("/login")
    problem(response, 405)
    assert set(response.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_head_is_supported_wherever_get_is(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/hello", "hello", public(lambda: "hello"))
    response = client.head("/hello")
    assert (response.status_code, response.data, response.headers["Content-Length"]) == (200, b"", "5")


@pytest.mark.parametrize("methods", [["GET"], ["GET", "POST"], ["PATCH", "DELETE"]])
def test_options_returns_allow_without_a_token(app: Flask, client: FlaskClient, methods: list[str]) -> None:
    app.add_url_rule("/thing", "thing", lambda: "x", methods=methods)
    response = client.options("/thing")
    assert response.status_code == (200 if ON_FLASK else 204)
    assert {*methods, "OPTIONS"} <= set(response.headers["Allow"].split(", "))


def test_a_view_that_declares_options_handles_it(app: Flask, client: FlaskClient) -> None:
    @app.route("/thing", methods=["GET", "OPTIONS"])
    @public
    def thing():
        return "own options" if request.method == "OPTIONS" else "thing"

    assert client.options("/thing").text == "own options"


def test_a_rule_with_a_trailing_slash_redirects_the_path_without(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/projects/", "projects", public(lambda: "The project page"))
    response = client.get("/projects?page=2")
    assert response.status_code == 308
    assert response.location in {"/projects/?page=2", "http://localhost/projects/?page=2"}
    assert client.get("/projects", follow_redirects=True).text == "The project page"


def test_a_rule_without_a_trailing_slash_is_404_with_one(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/about", "about", public(lambda: "The about page"))
    problem(client.get("/about/"), 404)


def test_strict_slashes_can_be_disabled(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/projects/", "projects", public(lambda: "projects"), strict_slashes=False)
    app.add_url_rule("/about", "about", public(lambda: "about"), strict_slashes=False)
    assert client.get("/projects").text == "projects"
    assert client.get("/about/").text == "about"


def test_defaults_give_a_variable_its_value(app: Flask, client: FlaskClient) -> None:
    @app.route("/users/", defaults={"page": 1})
    @app.route("/users/page/<int:page>")
    @public
    def show_users(page):
        return f"page {page}, at {url_for('show_users', page=page)}"

    assert client.get("/users/").text == "page 1, at /users/"
    assert client.get("/users/page/2").text == "page 2, at /users/page/2"
    assert client.get("/users/page/1").location in {"/users/", "http://localhost/users/"}


def test_two_routes_lead_to_one_view(app: Flask, client: FlaskClient) -> None:
    @app.route("/greet/")
    @app.route("/greet/<name>")
    @public
    def greet(name=None):
        return f"Hello {name or 'World'}!"

    assert client.get("/greet/").text == "Hello World!"
    assert client.get("/greet/Ada").text == "Hello Ada!"


def test_a_rule_and_its_endpoint_can_be_registered_separately(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/ex", endpoint="example")

    @app.endpoint("example")
    @public
    def example():
        return request.endpoint

    assert client.get("/ex").text == "example"


def test_a_rule_can_redirect(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/old/<int:number>", "old", redirect_to="/new/<number>")
    app.add_url_rule("/new/<int:number>", "new", public(lambda number: f"new {number}"))
    assert client.get("/old/3", follow_redirects=True).text == "new 3"


def test_url_for_builds_paths(app: Flask) -> None:
    app.add_url_rule("/user/<username>", "profile", lambda username: "")
    app.add_url_rule("/log-in", "login", lambda: "", methods=["POST"])
    app.add_url_rule("/elsewhere/<name>", "elsewhere", build_only=True)
    with app.test_request_context():
        assert url_for("profile", username="John Doe") == "/user/John%20Doe"
        assert url_for("login", next="/") == "/log-in?next=/"
        assert url_for("login", _anchor="top", _method="POST") == "/log-in#top"
        assert url_for("login", _external=True, _scheme="https") == "https://localhost/log-in"
        assert url_for("elsewhere", name="x") == "/elsewhere/x"


def test_url_for_an_unknown_endpoint_is_a_build_error(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(BuildError, match="nowhere"):
        url_for("nowhere")


def test_a_build_error_handler_builds_other_urls(app: Flask) -> None:
    def external_url_handler(error, endpoint, values):
        if endpoint == "docs":
            return "https://docs.example/" + values["page"]
        raise error

    app.url_build_error_handlers.append(external_url_handler)
    with app.test_request_context():
        assert url_for("docs", page="api") == "https://docs.example/api"
        with pytest.raises(BuildError):
            url_for("nowhere")


def test_the_request_has_its_rule(app: Flask, client: FlaskClient) -> None:
    @app.get("/user/<int:number>")
    @public
    def user(number):
        return {
            "rule": request.url_rule.rule,
            "endpoint": request.endpoint,
            "args": request.view_args,
            "blueprint": request.blueprint,
            "blueprints": request.blueprints,
        }

    assert client.get("/user/3").json == {
        "rule": "/user/<int:number>",
        "endpoint": "user",
        "args": {"number": 3},
        "blueprint": None,
        "blueprints": [],
    }


def test_an_endpoint_has_one_view_function(app: Flask) -> None:
    app.add_url_rule("/one", "view", lambda: "one")
    with pytest.raises(
        AssertionError, match="View function mapping is overwriting an existing endpoint function: view"
    ):
        app.add_url_rule("/two", "view", lambda: "two")


def test_a_route_cannot_be_added_after_the_first_request(app: Flask, client: FlaskClient) -> None:
    client.get("/hello")
    with pytest.raises(AssertionError, match="can no longer be called on the application"):
        app.route("/late")(lambda: "late")


def test_every_rule_can_be_listed(app: Flask) -> None:
    app.add_url_rule("/listed", "listed", lambda: "")
    assert "/listed" in {rule.rule for rule in app.url_map.iter_rules()}
    assert "listed" in app.view_functions


def test_a_redirect_to_another_view(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/start", "start", public(lambda: redirect(url_for("target"))))
    app.add_url_rule("/target", "target", public(lambda: "there"))
    response = client.get("/start")
    assert (response.status_code, response.location) == (302, "/target")
    assert client.get("/start", follow_redirects=True).text == "there"


def test_rules_can_change_before_the_first_request_only(app: Flask, client: FlaskClient) -> None:
    rules = len(list(app.url_map.iter_rules()))
    app.add_url_rule("/more", "more", public(lambda: "more"))
    assert len(list(app.url_map.iter_rules())) == rules + 1
    assert client.get("/more").text == "more"
