"""The interfaces of Flask that hooks and wrappers of extensions use; tests/ecosystem tests the extensions."""

from flask import Flask, got_request_exception
from flask.testing import FlaskClient

from app.rest.public_routes import public
from tests.idioms.kit import candor_only, problem


def test_an_endpoint_outside_of_blueprints_can_have_a_dot(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/files", "toolbar.static", public(lambda: "file"))
    assert client.get("/files").text == "file"


@candor_only
def test_an_exception_in_a_teardown_function_is_signalled_once(app: Flask) -> None:
    heard: list[BaseException] = []

    def hear(_sender: Flask, exception: BaseException) -> None:
        heard.append(exception)

    @app.teardown_request
    def fail(_error: BaseException | None) -> None:
        raise LookupError("in teardown")

    with got_request_exception.connected_to(hear, app):
        problem(app.test_client().get("/healthz"), 500, code="INTERNAL_ERROR")
    assert [str(each) for each in heard] == ["in teardown"]


@candor_only
def test_a_signal_receiver_that_raises_changes_nothing(app: Flask) -> None:
    def hear(_sender: Flask, exception: BaseException) -> None:
        raise LookupError from exception

    @app.teardown_request
    def fail(_error: BaseException | None) -> None:
        raise LookupError("in teardown")

    with got_request_exception.connected_to(hear, app):
        problem(app.test_client().get("/healthz"), 500, code="INTERNAL_ERROR")


@candor_only
def test_hooks_see_the_media_type_of_a_401_and_clients_do_not(app: Flask, client: FlaskClient) -> None:
    seen: list[str] = []

    @app.after_request
    def look(response):
        seen.append(response.headers["Content-Type"])
        return response

    response = client.get("/v1/tasks")
    problem(response, 401)
    assert seen == ["application/problem+json"]
    assert "Content-Type" not in response.headers
