"""Less common idioms, and combinations of several."""

from functools import wraps

import pytest
from flask import Blueprint, Flask, Response, abort, g, jsonify, redirect, request, url_for
from flask.testing import FlaskClient
from werkzeug.exceptions import BadRequestKeyError, NotFound

from app.rest.public_routes import public
from tests.idioms.kit import candor_only, problem


@pytest.mark.parametrize(
    ("setting", "view", "error"),
    [
        ("TRAP_HTTP_EXCEPTIONS", lambda: abort(404), NotFound),
        ("TRAP_BAD_REQUEST_ERRORS", lambda: request.args["none"], BadRequestKeyError),
    ],
    ids=["http exceptions", "bad request errors"],
)
def test_trapped_exceptions_propagate(app: Flask, setting: str, view, error: type[Exception]) -> None:
    app.config.update({setting: True, "PROPAGATE_EXCEPTIONS": True})
    app.add_url_rule("/x", "x", public(lambda: view()))
    with pytest.raises(error):
        app.test_client().get("/x")


def test_trapped_exceptions_are_500_by_default(app: Flask, client: FlaskClient) -> None:
    app.config["TRAP_HTTP_EXCEPTIONS"] = True
    app.add_url_rule("/x", "x", public(lambda: abort(404)))
    problem(client.get("/x"), 500)


def test_a_static_folder_of_the_application(app: Flask, client: FlaskClient, tmp_path) -> None:
    (tmp_path / "a.txt").write_text("a")
    app.static_folder = str(tmp_path)
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=app.send_static_file)
    app.config["PUBLIC_ENDPOINTS"] = ["static"]
    with client.get("/static/a.txt") as response:
        assert response.text == "a"
    with app.test_request_context():
        assert url_for("static", filename="a.txt") == "/static/a.txt"


def test_a_response_class_that_completes_locations(app: Flask, client: FlaskClient) -> None:
    class Absolute(Response):
        autocorrect_location_header = True

    app.response_class = Absolute
    app.add_url_rule("/x", "x", public(lambda: app.redirect("/y")))
    assert client.get("/x").location == "http://localhost/y"


def test_a_subclass_can_override_the_steps_of_a_request(app: Flask, client: FlaskClient) -> None:
    called = []

    class Fork(type(app)):
        def dispatch_request(self):
            called.append("dispatch_request")
            return super().dispatch_request()

        def handle_exception(self, e):
            called.append(type(e).__name__)
            return super().handle_exception(e)

    app.__class__ = Fork
    app.add_url_rule("/x", "x", public(lambda: 1 / 0))
    problem(client.get("/x"), 500)
    assert called == ["dispatch_request", "ZeroDivisionError"]


def test_a_request_within_an_application_context(app: Flask) -> None:
    app.add_url_rule("/x", "x", public(lambda: "x"))
    with app.app_context():
        assert app.test_client().get("/x").text == "x"
        g.a = 1


def test_a_stream_that_fails_raises(app: Flask) -> None:
    def view():
        def generate():
            yield "a"
            raise RuntimeError("late")

        return Response(generate())

    app.add_url_rule("/x", "x", public(view))
    with pytest.raises(RuntimeError, match="late"):
        app.test_client().get("/x").get_data()


def test_a_command_tears_its_context_down(app: Flask) -> None:
    called = []
    app.teardown_appcontext(lambda error: called.append(error))
    app.cli.command("work")(lambda: print("work"))
    assert app.test_cli_runner().invoke(args=["work"]).output == "work\n"
    assert called == [None]


def test_login_required(app: Flask, client: FlaskClient) -> None:
    def login_required(f):
        @wraps(f)
        def decorated_function(*args, **kwargs):
            if g.get("user") is None:
                return redirect(url_for("login", next=request.url))
            return f(*args, **kwargs)

        return decorated_function

    app.add_url_rule("/login", "login", public(lambda: "login"))

    @app.route("/secret_page")
    @login_required
    @public
    def secret_page():
        return "secret"

    assert client.get("/secret_page").location.startswith("/login?next=")


@candor_only
def test_a_wrapper_without_wraps_loses_the_mark(app: Flask, client: FlaskClient) -> None:
    """The route still requires a token: only the mark ``public`` can be lost, never the protection."""

    def decorate(f):
        def wrapper(*args, **kwargs):
            return f(*args, **kwargs)

        return wrapper

    app.add_url_rule("/x", "x", decorate(public(lambda: "x")))
    problem(client.get("/x"), 401)


@candor_only
def test_a_plain_view_has_access_to_its_caller(app: Flask, client: FlaskClient, bearer) -> None:
    from app.rest.current import principal

    app.add_url_rule("/me", "me", lambda: principal().id)
    assert client.get("/me", headers=bearer("carol")).text == "carol"


def test_a_rule_for_head_alone(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/x", "x", public(lambda: "x"), methods=["HEAD"])
    assert client.head("/x").status_code == 200
    problem(client.get("/x"), 405)


def test_a_conditional_document(app: Flask, client: FlaskClient) -> None:
    def view():
        response = jsonify(a=1)
        response.add_etag()
        return response.make_conditional(request)

    app.add_url_rule("/x", "x", public(view))
    tag = client.get("/x").headers["ETag"]
    assert client.get("/x", headers={"If-None-Match": tag}).status_code == 304


def test_a_plain_view_can_return_any_media_type(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/x", "x", public(lambda: ("<a/>", {"Content-Type": "application/xml"})))
    assert client.get("/x", headers={"Accept": "application/xml"}).mimetype == "application/xml"


def test_a_plain_view_can_read_any_content_encoding(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/x", "x", public(lambda: request.get_data()), methods=["POST"])
    assert client.post("/x", data=b"zz", headers={"Content-Encoding": "gzip"}).data == b"zz"


def test_a_handler_of_500_handles_an_after_request_that_raises(app: Flask, client: FlaskClient) -> None:
    def fail(response):
        raise RuntimeError

    app.register_error_handler(500, lambda e: ("mine", 500))
    app.after_request(fail)
    app.add_url_rule("/x", "x", public(lambda: "x"))
    assert client.get("/x").text == "mine"


def test_an_after_request_can_change_every_body(app: Flask, client: FlaskClient) -> None:
    @app.after_request
    def append(response):
        response.set_data(response.get_data() + b"!")
        return response

    app.add_url_rule("/x", "x", public(lambda: "x"))
    assert [client.get(path).text[-1] for path in ("/x", "/nowhere", "/healthz")] == ["!", "!", "!"]


@candor_only
def test_the_request_id_exists_until_the_last_teardown(app: Flask) -> None:
    from app import request_context

    seen = []
    app.teardown_request(lambda exc: seen.append(request_context.request_id.get()))
    app.add_url_rule("/x", "x", public(lambda: "x"))
    app.test_client().get("/x", headers={"X-Request-Id": "given-by-me"})
    assert seen == ["given-by-me"]
    assert request_context.request_id.get() is None


@candor_only
def test_a_blueprints_handler_for_a_named_error(app: Flask, client: FlaskClient) -> None:
    from app.errs.tasks import TaskNotFound

    def view():
        raise TaskNotFound

    bp = public(Blueprint("bp", __name__))
    bp.register_error_handler(TaskNotFound, lambda e: ("gone", 410))
    bp.add_url_rule("/x", "x", view)
    app.register_blueprint(bp)
    assert client.get("/x").text == "gone"
