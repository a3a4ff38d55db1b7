"""Error handlers: registration and lookup are those of Flask."""

import json

import pytest
from flask import Blueprint, Flask, abort, got_request_exception, jsonify, request
from flask.testing import FlaskClient
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, NotFound

from app import errs
from app.errs.platform import ServiceUnavailable
from app.errs.tasks import TaskNotFound
from app.rest.public_routes import public
from tests.idioms.kit import candor_only, problem


def raises(app, error, path: str = "/raise"):
    """Route a path to a view that raises an error, and return a client."""

    def view():
        raise error

    app.add_url_rule(path, path.strip("/"), public(view), methods=["GET", "POST"])
    return app.test_client() if isinstance(app, Flask) else None


def test_a_handler_for_a_code(app: Flask, client: FlaskClient) -> None:
    @app.errorhandler(404)
    def page_not_found(e):
        return f"<h1>{e.name}</h1>", 404

    response = client.get("/nowhere")
    assert (response.status_code, response.text) == (404, "<h1>Not Found</h1>")


def test_a_handler_for_a_code_handles_abort(app: Flask, client: FlaskClient) -> None:
    app.register_error_handler(409, lambda e: (f"handled {e.code}: {e.description}", 409))
    app.add_url_rule("/taken", "taken", public(lambda: abort(409, "taken")))
    assert client.get("/taken").text == "handled 409: taken"


def test_a_handler_for_a_class(app: Flask) -> None:
    @app.errorhandler(BadRequest)
    def handle_bad_request(e):
        return "bad request!", 400

    response = raises(app, BadRequest("x")).get("/raise")
    assert (response.status_code, response.text) == (400, "bad request!")


def test_a_handler_for_a_builtin_exception(app: Flask) -> None:
    @app.errorhandler(ValueError)
    def handle(e):
        return {"error": str(e)}, 422

    response = raises(app, ValueError("too small")).get("/raise")
    assert (response.status_code, response.json) == (422, {"error": "too small"})


def test_the_most_specific_class_takes_precedence(app: Flask) -> None:
    app.register_error_handler(Exception, lambda e: ("Exception", 500))
    app.register_error_handler(LookupError, lambda e: ("LookupError", 400))
    app.register_error_handler(KeyError, lambda e: ("KeyError", 404))
    client = raises(app, KeyError("x"))
    raises(app, IndexError("x"), "/index")
    raises(app, OSError("x"), "/os")
    assert [client.get(path).text for path in ("/raise", "/index", "/os")] == ["KeyError", "LookupError", "Exception"]


def test_a_code_takes_precedence_over_a_class(app: Flask) -> None:
    app.register_error_handler(HTTPException, lambda e: ("HTTPException", e.code))
    app.register_error_handler(404, lambda e: ("404", 404))
    client = raises(app, NotFound())
    raises(app, BadRequest(), "/bad")
    assert (client.get("/raise").text, client.get("/bad").text) == ("404", "HTTPException")


def test_a_handler_for_every_http_exception_returns_json(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def handle_exception(e):
        response = e.get_response()
        response.data = json.dumps({"code": e.code, "name": e.name, "description": e.description})
        response.content_type = "application/json"
        return response

    response = raises(app, BadRequest("x")).get("/raise")
    assert response.json == {"code": 400, "name": "Bad Request", "description": "x"}
    assert response.status_code == 400


def test_a_handler_for_every_exception_passes_http_exceptions_on(app: Flask) -> None:
    @app.errorhandler(Exception)
    def handle_exception(e):
        if isinstance(e, HTTPException):
            return e
        return "a bug", 500

    client = raises(app, ValueError("x"))
    raises(app, BadRequest("x"), "/bad")
    assert (client.get("/raise").text, client.get("/raise").status_code) == ("a bug", 500)
    assert client.get("/bad").status_code == 400


def test_a_handler_for_500_gets_the_original_exception(app: Flask) -> None:
    @app.errorhandler(500)
    def handle_500(e):
        return f"{type(e).__name__} from {e.original_exception!r}", 500

    response = raises(app, ValueError("x")).get("/raise")
    assert (response.status_code, response.text) == (500, "InternalServerError from ValueError('x')")


def test_a_handler_for_internal_server_error_gets_aborts_too(app: Flask) -> None:
    @app.errorhandler(InternalServerError)
    def handle_500(e):
        original = getattr(e, "original_exception", None)
        return ("direct 500 error" if original is None else "wrapped unhandled error"), 500

    client = raises(app, ValueError("x"))
    raises(app, InternalServerError(), "/abort")
    assert client.get("/raise").text == "wrapped unhandled error"
    assert client.get("/abort").text == "direct 500 error"


def test_a_custom_error_class_with_its_handler(app: Flask) -> None:
    class InvalidAPIUsage(Exception):
        status_code = 400

        def __init__(self, message, status_code=None, payload=None):
            super().__init__()
            self.message = message
            self.status_code = status_code or self.status_code
            self.payload = payload

        def to_dict(self):
            return {**(self.payload or {}), "message": self.message}

    @app.errorhandler(InvalidAPIUsage)
    def invalid_api_usage(e):
        return jsonify(e.to_dict()), e.status_code

    response = raises(app, InvalidAPIUsage("No user id provided!", 410, {"id": 3})).get("/raise")
    assert (response.status_code, response.json) == (410, {"message": "No user id provided!", "id": 3})


def test_a_handler_of_a_blueprint_applies_only_to_its_views(app: Flask) -> None:
    bp = Blueprint("bp", __name__, url_prefix="/bp")

    @bp.errorhandler(ValueError)
    def handle(e):
        return "handled by the blueprint", 400

    raises(bp, ValueError("x"))
    app.register_blueprint(bp)
    client = raises(app, ValueError("x"))
    assert client.get("/bp/raise").text == "handled by the blueprint"
    problem(client.get("/raise"), 500)


def test_a_blueprints_handler_takes_precedence_over_the_applications(app: Flask) -> None:
    bp = Blueprint("bp", __name__, url_prefix="/bp")
    bp.register_error_handler(404, lambda e: ("the blueprint's", 404))
    app.register_error_handler(404, lambda e: ("the application's", 404))
    raises(bp, NotFound())
    app.register_blueprint(bp)
    client = app.test_client()
    assert client.get("/bp/raise").text == "the blueprint's"
    assert client.get("/bp/nowhere").text == "the application's"


def test_an_application_wide_handler_of_a_blueprint(app: Flask, client: FlaskClient) -> None:
    bp = Blueprint("bp", __name__)

    @bp.app_errorhandler(404)
    def handle(e):
        if request.path.startswith("/api/"):
            return jsonify(error="not found"), 404
        return "page not found", 404

    app.register_blueprint(bp)
    assert client.get("/api/nowhere").json == {"error": "not found"}
    assert client.get("/nowhere").text == "page not found"


def test_a_handler_for_405_gets_the_methods(app: Flask, client: FlaskClient) -> None:
    app.register_error_handler(405, lambda e: (",".join(sorted(e.valid_methods)), 405))
    app.add_url_rule("/thing", "thing", public(lambda: "x"), methods=["POST"])
    assert client.get("/thing").text == "OPTIONS,POST"


def test_an_error_handler_that_raises_is_500(app: Flask) -> None:
    @app.errorhandler(ValueError)
    def handle(e):
        raise RuntimeError("in the handler")

    problem(raises(app, ValueError("x")).get("/raise"), 500, code="INTERNAL_ERROR")


def test_a_handler_can_abort(app: Flask) -> None:
    app.register_error_handler(ValueError, lambda e: abort(409, "taken"))
    assert raises(app, ValueError("x")).get("/raise").status_code == 500


def test_after_request_functions_get_a_handled_error(app: Flask) -> None:
    @app.after_request
    def add_header(response):
        response.headers["X-Status"] = str(response.status_code)
        return response

    app.register_error_handler(ValueError, lambda e: ("handled", 409))
    assert raises(app, ValueError("x")).get("/raise").headers["X-Status"] == "409"


def heard(app: Flask) -> list[BaseException]:
    """Return a list that receives every exception of the signal."""
    exceptions: list[BaseException] = []

    def hear(sender, exception, **extra):
        exceptions.append(exception)

    got_request_exception.connect(hear, app, weak=False)
    return exceptions


def test_the_signal_is_sent_once_for_an_unhandled_exception(app: Flask) -> None:
    exceptions, error = heard(app), ValueError("x")
    raises(app, error).get("/raise")
    assert exceptions == [error]


@pytest.mark.parametrize("error", [NotFound(), BadRequest(), InternalServerError()], ids=["404", "400", "abort(500)"])
def test_it_is_not_sent_for_http_exceptions(app: Flask, error: HTTPException) -> None:
    exceptions = heard(app)
    raises(app, error).get("/raise")
    assert exceptions == []


def test_it_is_not_sent_for_a_handled_exception(app: Flask) -> None:
    exceptions = heard(app)
    app.register_error_handler(ValueError, lambda e: ("handled", 400))
    assert raises(app, ValueError("x")).get("/raise").text == "handled"
    assert exceptions == []


def test_a_registered_handler_is_listed(app: Flask) -> None:
    def handle(e):
        return "x", 418

    app.register_error_handler(418, handle)
    assert handle in app.error_handler_spec[None][418].values()


@candor_only
class TestErrs:
    @pytest.mark.parametrize("cls", [errs.Error, TaskNotFound])
    def test_a_handler_for_an_error_class(self, app: Flask, cls) -> None:
        app.register_error_handler(cls, lambda e: (f"handled {type(e).__name__}", 404))
        assert raises(app, TaskNotFound()).get("/raise").text == "handled TaskNotFound"

    def test_the_named_error_takes_precedence_over_the_base(self, app: Flask) -> None:
        app.register_error_handler(errs.Error, lambda e: ("Error", 500))
        app.register_error_handler(TaskNotFound, lambda e: ("TaskNotFound", 404))
        assert raises(app, TaskNotFound()).get("/raise").text == "TaskNotFound"

    def test_a_handler_for_404_does_not_get_it(self, app: Flask) -> None:
        app.register_error_handler(404, lambda e: ("mine", 404))
        problem(raises(app, TaskNotFound()).get("/raise"), 404, code="TASK_NOT_FOUND")

    def test_an_error_raised_in_a_plain_view_is_a_problem_document(self, app: Flask) -> None:
        problem(raises(app, errs.E("pets.get", kind=errs.Kind.EXIST)).get("/raise"), 409)

    @pytest.mark.parametrize(
        ("error", "sent"),
        [(errs.E("x", kind=errs.Kind.INTERNAL), 1), (errs.E("x", kind=errs.Kind.DATABASE), 1), (TaskNotFound(), 0)],
    )
    def test_the_signal_is_sent_once_for_errors_with_status_500(self, app: Flask, error, sent: int) -> None:
        exceptions = heard(app)
        raises(app, error).get("/raise")
        assert exceptions == [error] * sent

    def test_it_is_not_sent_for_503(self, app: Flask) -> None:
        exceptions = heard(app)
        problem(raises(app, ServiceUnavailable(retry_after=1)).get("/raise"), 503)
        assert exceptions == []
