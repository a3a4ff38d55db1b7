"""Configuration, JSON, middleware and logging."""

import json
import logging
from decimal import Decimal

import pytest
from flask import Flask, current_app, jsonify, request, url_for
from flask.json.provider import DefaultJSONProvider, JSONProvider
from flask.testing import FlaskClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from app.rest.public_routes import public
from tests.idioms.kit import ON_FLASK, candor_only


def test_custom_settings(app: Flask, client: FlaskClient) -> None:
    app.config["SHOP_NAME"] = "Candor"
    app.config.update(SHOP_LOGO="logo.png", TESTING=True)
    app.add_url_rule("/name", "name", public(lambda: current_app.config["SHOP_NAME"]))
    assert client.get("/name").text == "Candor"
    assert app.testing
    assert app.config.get_namespace("SHOP_") == {"name": "Candor", "logo": "logo.png"}


def test_settings_from_an_object_a_mapping_and_a_file(app: Flask, tmp_path) -> None:
    class Config:
        FROM_OBJECT = True
        ignored = "is not in capitals"

    (tmp_path / "config.json").write_text('{"FROM_FILE": 3}')
    (tmp_path / "config.py").write_text("FROM_PYFILE = 4")
    app.config.from_object(Config)
    app.config.from_mapping(FROM_MAPPING=2)
    app.config.from_file(tmp_path / "config.json", load=json.load)
    app.config.from_pyfile(tmp_path / "config.py")
    names = ("FROM_OBJECT", "FROM_MAPPING", "FROM_FILE", "FROM_PYFILE")
    assert [app.config[name] for name in names] == [True, 2, 3, 4]
    assert "ignored" not in app.config


def test_settings_from_prefixed_environment_variables(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_LIMIT", "3")
    monkeypatch.setenv("FLASK_MAIL__HOST", "mail.example")
    app.config.from_prefixed_env()
    assert app.config["LIMIT"] == 3
    assert app.config["MAIL"] == {"HOST": "mail.example"}


def test_attributes_are_settings(app: Flask) -> None:
    app.secret_key, app.debug = "secret", True
    assert (app.config["SECRET_KEY"], app.config["DEBUG"]) == ("secret", True)


@candor_only
def test_exceptions_do_not_propagate_by_default(app: Flask) -> None:
    assert app.config["PROPAGATE_EXCEPTIONS"] is False


class TestJson:
    def test_a_custom_provider(self, app: Flask, client: FlaskClient) -> None:
        class Provider(DefaultJSONProvider):
            @staticmethod
            def default(o):
                return f"{o:.2f}" if isinstance(o, Decimal) else DefaultJSONProvider.default(o)

        app.json = Provider(app)
        app.add_url_rule("/x", "x", public(lambda: {"price": Decimal(1)}))
        assert client.get("/x").json == {"price": "1.00"}

    def test_a_provider_class(self, app: Flask, client: FlaskClient) -> None:
        class Shouting(JSONProvider):
            def dumps(self, obj, **kwargs):
                return json.dumps(obj).upper()

            def loads(self, s, **kwargs):
                return {"loaded": json.loads(s)}

        app.json_provider_class = Shouting
        app.json = app.json_provider_class(app)
        app.add_url_rule("/x", "x", public(lambda: jsonify(request.get_json())), methods=["POST"])
        response = client.post("/x", data='{"a": 1}', content_type="application/json")
        assert response.text.replace(" ", "") == '{"LOADED":{"A":1}}'

    def test_order_ascii_and_media_type(self, app: Flask, client: FlaskClient) -> None:
        app.json.sort_keys, app.json.ensure_ascii, app.json.mimetype = False, False, "application/vnd.x+json"
        app.add_url_rule("/x", "x", public(lambda: {"b": "ü", "a": 1}))
        response = client.get("/x")
        assert response.text.replace(" ", "").strip() == '{"b":"ü","a":1}'
        assert response.mimetype == "application/vnd.x+json"

    @candor_only
    def test_it_does_not_affect_problem_documents(self, app: Flask, client: FlaskClient) -> None:
        app.json.sort_keys, app.json.mimetype = True, "application/vnd.x+json"
        assert client.get("/nowhere").content_type == "application/problem+json"


def origin(app: Flask) -> None:
    """Route ``/origin`` to a view that returns the client address and the URL of the application."""
    app.add_url_rule(
        "/origin",
        "origin",
        public(lambda: [request.remote_addr, request.scheme, request.host, request.script_root, url_for("origin")]),
    )


FORWARDED = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "example.com",
    "X-Forwarded-Prefix": "/app",
}


def test_proxy_fix(app: Flask, client: FlaskClient) -> None:
    origin(app)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    response = client.get("/origin", headers=FORWARDED)
    assert response.json == ["192.0.2.7", "https", "example.com", "/app", "/app/origin"]


def test_without_it_proxy_fields_are_ignored(app: Flask, client: FlaskClient) -> None:
    origin(app)
    assert client.get("/origin", headers=FORWARDED).json == ["127.0.0.1", "http", "localhost", "", "/origin"]


def test_a_middleware(app: Flask, client: FlaskClient) -> None:
    class Middleware:
        def __init__(self, wsgi_app):
            self.wsgi_app = wsgi_app

        def __call__(self, environ, start_response):
            environ["HTTP_X_ADDED"] = "by the middleware"
            return self.wsgi_app(
                environ, lambda status, headers, *rest: start_response(status, [*headers, MARK], *rest)
            )

    app.wsgi_app = Middleware(app.wsgi_app)
    app.add_url_rule("/x", "x", public(lambda: request.headers["X-Added"]))
    response = client.get("/x")
    assert (response.text, response.headers["X-Passed"]) == ("by the middleware", "yes")


MARK = ("X-Passed", "yes")


def test_a_middleware_can_override_the_method(app: Flask, client: FlaskClient) -> None:
    class MethodOverride:
        def __init__(self, wsgi_app):
            self.wsgi_app = wsgi_app

        def __call__(self, environ, start_response):
            environ["REQUEST_METHOD"] = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", environ["REQUEST_METHOD"])
            return self.wsgi_app(environ, start_response)

    app.wsgi_app = MethodOverride(app.wsgi_app)
    app.add_url_rule("/x", "x", public(lambda: request.method), methods=["DELETE"])
    assert client.post("/x", headers={"X-HTTP-Method-Override": "DELETE"}).text == "DELETE"


def test_the_application_can_be_mounted(app: Flask, client: FlaskClient) -> None:
    origin(app)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/mounted": app.wsgi_app})
    assert client.get("/mounted/origin").json[3:] == ["/mounted", "/mounted/origin"]


def test_the_applications_logger(app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/log")
    @public
    def log():
        app.logger.warning("%s logged in", "ada")
        return "x"

    client.get("/log")
    assert [record.message for record in caplog.records if record.name == app.name] == ["ada logged in"]


def test_a_handler_of_the_logger(app: Flask) -> None:
    messages = []

    class Handler(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    handler = Handler()
    app.logger.addHandler(handler)
    app.logger.error("to the handler")
    app.logger.removeHandler(handler)
    assert messages == ["to the handler"]


@candor_only
def test_its_lines_contain_the_request_id(app: Flask, client: FlaskClient) -> None:
    from app.observability.logs import JsonFormatter

    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(json.loads(JsonFormatter().format(record)))

    handler = Handler()
    app.logger.addHandler(handler)
    app.add_url_rule("/log", "log", public(lambda: app.logger.warning("hello") or "x"))
    client.get("/log", headers={"X-Request-Id": "given-by-me"})
    app.logger.removeHandler(handler)
    assert [(line["message"], line["request_id"]) for line in lines] == [("hello", "given-by-me")]


def test_an_instance_folder(app: Flask, tmp_path) -> None:
    app.instance_path = str(tmp_path)
    (tmp_path / "data.txt").write_text("instance data")
    with app.open_instance_resource("data.txt") as f:
        assert f.read() == b"instance data"


def test_a_resource_of_the_package(app: Flask) -> None:
    with app.open_resource("__init__.py", "r") as f:
        assert "create_app" in f.read()


@pytest.mark.skipif(ON_FLASK, reason="create_app adds it")
def test_applications_are_independent(make_application) -> None:
    one, two = make_application(), make_application()
    one.config["A"] = 1
    one.add_url_rule("/x", "x", public(lambda: "one"))
    assert "A" not in two.config
    assert one.test_client().get("/x").text == "one"
    assert two.test_client().get("/x").status_code == 404
