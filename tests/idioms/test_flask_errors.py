"""``abort`` and exceptions: an HTTPException keeps its status, description and header fields."""

import pytest
from flask import Flask, Response, abort, jsonify, make_response, redirect, request
from flask.testing import FlaskClient
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    Conflict,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestedRangeNotSatisfiable,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)

from app.rest.public_routes import public
from tests.idioms.kit import ON_FLASK, candor_only, error_lines, problem

CLIENT = (400, 404, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 428, 429, 431, 451)
SERVER = (500, 501, 502, 503, 504, 505)
CODES = {406: "NOT_ACCEPTABLE", 410: "GONE", 423: "LOCKED", 418: "IM_A_TEAPOT", 424: "FAILED_DEPENDENCY"}


def raising(app: Flask, raise_it) -> FlaskClient:
    """Route ``/raise`` to a view that raises."""
    app.add_url_rule("/raise", "raise", public(raise_it), methods=["GET", "POST"])
    return app.test_client()


@pytest.mark.parametrize("status", CLIENT)
def test_abort_returns_its_status_and_description(app: Flask, status: int) -> None:
    response = raising(app, lambda: abort(status, description="The coffee is cold.")).get("/raise")
    document = problem(response, status, code=CODES.get(status), detail="The coffee is cold.")
    if not ON_FLASK:
        assert document["code"].isupper()
        assert document["type"].endswith("/errors/" + document["code"].lower().replace("_", "-"))


@pytest.mark.parametrize("status", CLIENT)
def test_the_default_description_is_werkzeugs_or_the_catalogues(app: Flask, status: int) -> None:
    document = problem(raising(app, lambda: abort(status)).get("/raise"), status)
    assert ON_FLASK or document["detail"]


@candor_only
@pytest.mark.parametrize("status", [410, 418, 423])
def test_the_page_of_a_code_derived_from_its_status_exists(app: Flask, status: int) -> None:
    client = raising(app, lambda: abort(status))
    path = client.get("/raise").get_json()["type"].removeprefix("http://candor.test")
    assert client.get(path, headers={"Accept": "application/json"}).status_code == 200


@pytest.mark.parametrize("status", SERVER)
def test_descriptions_of_5xx_errors_are_only_logged(app: Flask, status: int, caplog: pytest.LogCaptureFixture) -> None:
    response = raising(app, lambda: abort(status, "replica db-7 is down")).get("/raise")
    problem(response, status)
    if not ON_FLASK:
        assert "db-7" not in response.text
        assert "db-7" in repr(error_lines(caplog))


@candor_only
def test_abort_500_has_the_fixed_text_of_all_500s(app: Flask) -> None:
    problem(raising(app, lambda: abort(500, "secret")).get("/raise"), 500, code="INTERNAL_ERROR")


def test_abort_401_has_a_challenge_and_no_body(app: Flask) -> None:
    response = raising(app, lambda: abort(401)).get("/raise")
    problem(response, 401)
    assert ON_FLASK or response.headers["WWW-Authenticate"] == 'Bearer realm="candor"'


def test_a_401_keeps_its_own_challenge(app: Flask) -> None:
    def view():
        raise Unauthorized("Log in.", www_authenticate=WWWAuthenticate("basic", {"realm": "Login Required"}))

    response = raising(app, view).get("/raise")
    problem(response, 401)
    assert response.headers.getlist("WWW-Authenticate") in (
        ['Basic realm="Login Required"'],
        ["Basic realm='Login Required'"],
    )


def test_abort_403_is_empty_and_has_no_challenge(app: Flask) -> None:
    response = raising(app, lambda: abort(403, "Not yours.")).get("/raise")
    problem(response, 403)
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (MethodNotAllowed(["GET", "HEAD"]), "Allow", {"GET", "HEAD"}),
        (ServiceUnavailable("Maintenance", retry_after=120), "Retry-After", {"120"}),
        (TooManyRequests("Slow down", retry_after=7), "Retry-After", {"7"}),
        (RequestedRangeNotSatisfiable(10), "Content-Range", {"bytes */10"}),
    ],
    ids=["Allow", "Retry-After of 503", "Retry-After of 429", "Content-Range"],
)
def test_an_error_keeps_its_own_header_fields(app: Flask, error: HTTPException, name: str, value: set[str]) -> None:
    def view():
        raise error

    response = raising(app, view).get("/raise")
    document = problem(response, error.code)
    assert value <= set(response.headers[name].split(", "))
    assert len(response.headers.getlist(name)) == 1
    if not ON_FLASK and name == "Retry-After":
        assert document["retry_after"] == int(response.headers["Retry-After"])


def test_a_retry_after_that_is_a_date_is_kept(app: Flask) -> None:
    from datetime import UTC, datetime

    def view():
        raise ServiceUnavailable(retry_after=datetime(2099, 1, 1, tzinfo=UTC))

    response = raising(app, view).get("/raise")
    problem(response, 503)
    assert response.headers["Retry-After"] == "Thu, 01 Jan 2099 00:00:00 GMT"


@pytest.mark.parametrize("make", [lambda: Response("no", 409), lambda: make_response("no", 409, {"X-Why": "so"})])
def test_abort_with_a_response_returns_it_unchanged(app: Flask, make) -> None:
    response = raising(app, lambda: abort(make())).get("/raise")
    assert (response.status_code, response.text, response.content_type) == (409, "no", "text/html; charset=utf-8")


def test_abort_with_json_returns_it_unchanged(app: Flask) -> None:
    response = raising(app, lambda: abort(make_response(jsonify(error="no"), 400))).get("/raise")
    assert (response.status_code, response.json) == (400, {"error": "no"})


def test_an_http_exception_with_a_response_returns_it(app: Flask) -> None:
    def view():
        raise HTTPException("ignored", response=Response("mine", 402))

    response = raising(app, view).get("/raise")
    assert (response.status_code, response.text) == (402, "mine")


def test_abort_with_a_redirect_redirects(app: Flask) -> None:
    response = raising(app, lambda: abort(redirect("/elsewhere", 303))).get("/raise")
    assert (response.status_code, response.location) == (303, "/elsewhere")


def test_a_3xx_exception_is_returned_unchanged(app: Flask) -> None:
    from werkzeug.routing import RequestRedirect

    def view():
        raise RequestRedirect("/elsewhere")

    response = raising(app, view).get("/raise")
    assert (response.status_code, response.location) == (308, "/elsewhere")


def test_a_custom_http_exception(app: Flask) -> None:
    class ImATeapot(HTTPException):
        code = 418
        description = "This server is a teapot, not a coffee machine."

    def view():
        raise ImATeapot

    problem(raising(app, view).get("/raise"), 418, code="IM_A_TEAPOT", detail=ImATeapot.description)


def test_a_custom_exception_with_a_status_that_werkzeug_does_not_define(app: Flask) -> None:
    class InsufficientStorage(HTTPException):
        code = 507
        description = "Not enough storage space on disk db-7."

    def view():
        raise InsufficientStorage

    response = raising(app, view).get("/raise")
    problem(response, 507)
    assert ON_FLASK or "db-7" not in response.text


def test_a_custom_exception_with_an_unknown_status(app: Flask) -> None:
    class PageExpired(HTTPException):
        code = 419
        description = "The page has expired."

    def view():
        raise PageExpired

    problem(raising(app, view).get("/raise"), 419, detail="The page has expired.")


def test_a_custom_exception_with_its_own_header_fields(app: Flask) -> None:
    class Gone(HTTPException):
        code = 410

        def get_headers(self, environ=None, scope=None):
            return [("Content-Type", "text/html"), ("Link", '</v2>; rel="successor-version"')]

    def view():
        raise Gone

    response = raising(app, view).get("/raise")
    problem(response, 410)
    assert response.headers["Link"] == '</v2>; rel="successor-version"'


def test_an_http_exception_can_be_returned(app: Flask) -> None:
    response = raising(app, lambda: NotFound("Nothing here.")).get("/raise")
    assert response.status_code == 404
    assert "Nothing here." in response.text


def test_a_custom_aborter_supports_more_statuses(app: Flask) -> None:
    class PaymentRequired(HTTPException):
        code = 402
        description = "Pay first."

    app.aborter.mapping[402] = PaymentRequired
    problem(raising(app, lambda: abort(402)).get("/raise"), 402, detail="Pay first.")


def test_a_missing_form_field_is_400(app: Flask) -> None:
    problem(raising(app, lambda: request.form["name"]).post("/raise", data={"other": "x"}), 400)


def test_an_exception_is_500_without_details(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def view():
        raise ValueError("the password of the database")

    response = raising(app, view).get("/raise")
    problem(response, 500, code="INTERNAL_ERROR")
    assert "password" not in response.text
    assert ON_FLASK or [line["status"] for line in error_lines(caplog)] == [500]


def test_an_application_in_testing_mode_returns_500_too(app: Flask) -> None:
    app.config["TESTING"] = True
    problem(raising(app, lambda: 1 / 0).get("/raise"), 500)


def test_exceptions_propagate_if_configured(app: Flask) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(ZeroDivisionError):
        raising(app, lambda: 1 / 0).get("/raise")


def test_http_exceptions_never_propagate(app: Flask) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = True
    problem(raising(app, lambda: abort(404)).get("/raise"), 404)


@pytest.mark.parametrize("returned", [None, 3, ("a", "b", "c", "d")])
def test_a_view_that_returns_no_response_is_a_bug(app: Flask, returned) -> None:
    problem(raising(app, lambda: returned).get("/raise"), 500, code="INTERNAL_ERROR")


def test_the_description_of_an_error_can_be_markup_or_none(app: Flask) -> None:
    def view():
        raise Conflict("a < b & c")

    problem(raising(app, view).get("/raise"), 409, detail="a < b & c")


@candor_only
def test_a_404_of_a_resource_differs_from_that_of_a_route(app: Flask) -> None:
    document = problem(raising(app, lambda: abort(404, "No such pet.")).get("/raise"), 404, detail="No such pet.")
    assert document["code"] != "ROUTE_NOT_FOUND"


@candor_only
def test_an_abort_on_a_plain_route_needs_no_declaration(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    problem(raising(app, lambda: abort(410)).get("/raise"), 410, code="GONE")
    assert [line["code"] for line in error_lines(caplog)] == ["GONE"]
    assert not [record for record in caplog.records if record.name == "candor.undeclared"]
