"""Return values of views, and features of responses."""

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from flask import (
    Flask,
    Response,
    after_this_request,
    jsonify,
    make_response,
    redirect,
    request,
    stream_with_context,
)
from flask.testing import FlaskClient

from app.rest.public_routes import public


def answering(app: Flask, view) -> FlaskClient:
    """Route ``/out`` to a view."""
    app.add_url_rule("/out", "out", public(view), methods=["GET", "POST"])
    return app.test_client()


@pytest.mark.parametrize(
    ("returned", "status", "text"),
    [
        ("text", 200, "text"),
        (b"bytes", 200, "bytes"),
        (("created", 201), 201, "created"),
        (("short", "418 I'M A TEAPOT"), 418, "short"),
        (("", 204), 204, ""),
        (("text", {"X-Own": "yes"}), 200, "text"),
        (("text", 202, {"X-Own": "yes"}), 202, "text"),
        (("text", 202, [("X-Own", "yes")]), 202, "text"),
        (["a", "b"], 200, '["a","b"]'),
        ({"a": 1}, 200, '{"a":1}'),
        (({"error": "no"}, 400), 400, '{"error":"no"}'),
        ((Response("mine", 400), 409), 409, "mine"),
    ],
    ids=repr,
)
def test_return_values_of_a_view(app: Flask, returned, status: int, text: str) -> None:
    response = answering(app, lambda: returned).get("/out")
    assert (response.status_code, response.text.strip().replace(" ", "")) == (status, text)
    if "X-Own" in repr(returned):
        assert response.headers["X-Own"] == "yes"


def test_a_dict_is_json(app: Flask) -> None:
    response = answering(app, lambda: {"username": "ada", "theme": None}).get("/out")
    assert (response.content_type, response.json) == ("application/json", {"username": "ada", "theme": None})


def test_jsonify(app: Flask) -> None:
    assert answering(app, lambda: (jsonify(id=3, tags=["a"]), 201)).get("/out").json == {"id": 3, "tags": ["a"]}


def test_flasks_json_supports_dates_decimals_uuids_and_dataclasses(app: Flask) -> None:
    @dataclasses.dataclass
    class Point:
        x: int

    values = [datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 2), Decimal("1.50"), UUID(int=3), Point(1)]
    assert answering(app, lambda: values).get("/out").json == [
        "Thu, 01 Jan 2026 00:00:00 GMT",
        "Fri, 02 Jan 2026 00:00:00 GMT",
        "1.50",
        "00000000-0000-0000-0000-000000000003",
        {"x": 1},
    ]


def test_make_response(app: Flask) -> None:
    def view():
        response = make_response("body", 201)
        response.headers["X-Parachutes"] = "parachutes are cool"
        response.mimetype = "text/plain"
        return response

    response = answering(app, view).get("/out")
    assert (response.status_code, response.headers["X-Parachutes"]) == (201, "parachutes are cool")
    assert response.content_type == "text/plain; charset=utf-8"


def test_a_wsgi_application_is_a_response(app: Flask) -> None:
    def wsgi(environ, start_response):
        start_response("202 ACCEPTED", [("Content-Type", "text/plain")])
        return [b"from wsgi"]

    response = answering(app, lambda: wsgi).get("/out")
    assert (response.status_code, response.text) == (202, "from wsgi")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect(app: Flask, code: int) -> None:
    response = answering(app, lambda: redirect("/else?a=1", code=code)).get("/out")
    assert (response.status_code, response.location) == (code, "/else?a=1")
    assert response.mimetype == "text/html"


def test_a_generator_is_streamed(app: Flask) -> None:
    def view():
        def generate():
            for row in ("a,b", "c,d"):
                yield row + "\n"

        return generate(), {"Content-Type": "text/csv"}

    response = answering(app, view).get("/out")
    assert (response.text, response.content_type) == ("a,b\nc,d\n", "text/csv")
    assert "Content-Length" not in response.headers


def test_a_stream_keeps_the_request_context(app: Flask) -> None:
    def view():
        def generate():
            yield "Hello "
            yield request.args["name"]

        return Response(stream_with_context(generate()))

    assert answering(app, view).get("/out?name=ada").text == "Hello ada"


def test_stream_with_context_is_a_decorator_too(app: Flask) -> None:
    def view():
        @stream_with_context
        def generate():
            yield request.path

        return generate()

    assert answering(app, view).get("/out").text == "/out"


def test_a_stream_is_not_read_ahead(app: Flask) -> None:
    sent = []

    def view():
        def generate():
            for part in ("1", "2"):
                sent.append(part)
                yield part

        return Response(generate())

    response = answering(app, view).get("/out", buffered=False)
    parts = response.iter_encoded()
    assert (next(parts), sent) == (b"1", ["1"])
    response.close()


def test_call_on_close(app: Flask) -> None:
    closed = []

    def view():
        response = make_response("x")
        response.call_on_close(lambda: closed.append(True))
        return response

    answering(app, view).get("/out").close()
    assert closed == [True]


def test_cookies_are_set_and_deleted(app: Flask) -> None:
    def view():
        response = make_response("x")
        response.set_cookie("a", "1", max_age=3600, httponly=True, samesite="Lax", secure=True)
        response.delete_cookie("b")
        return response

    first, second = answering(app, view).get("/out").headers.getlist("Set-Cookie")
    assert first.startswith("a=1;")
    assert all(part in first for part in ("Secure", "HttpOnly", "Max-Age=3600", "SameSite=Lax"))
    assert second.startswith("b=;")


def test_a_custom_etag_and_condition(app: Flask) -> None:
    def view():
        response = make_response("content")
        response.add_etag()
        return response.make_conditional(request)

    client = answering(app, view)
    tag = client.get("/out").headers["ETag"]
    assert client.get("/out", headers={"If-None-Match": tag}).status_code == 304


def test_the_view_controls_caching(app: Flask) -> None:
    def view():
        response = make_response("x")
        response.cache_control.public = True
        response.cache_control.max_age = 300
        response.vary.add("Accept-Language")
        return response

    response = answering(app, view).get("/out")
    assert response.headers.getlist("Cache-Control") == ["public, max-age=300"]
    assert "Accept-Language" in response.headers["Vary"]


def test_a_custom_response_class(app: Flask) -> None:
    """The client asserts the common header fields."""

    class Plain(Response):
        default_mimetype = "text/plain"

    app.response_class = Plain
    client = answering(app, lambda: "plain")
    assert client.get("/out").mimetype == "text/plain"
    assert client.get("/nowhere").status_code == 404


def test_the_head_of_a_stream_has_no_body(app: Flask) -> None:
    assert answering(app, lambda: iter(["a"])).head("/out").data == b""


def test_a_header_field_can_occur_twice(app: Flask) -> None:
    def view():
        @after_this_request
        def add(response):
            response.headers.add("Link", "</b>")
            return response

        return "x", [("Link", "</a>")]

    assert answering(app, view).get("/out").headers.getlist("Link") == ["</a>", "</b>"]


def test_a_post_of_a_plain_view_returns_201_with_a_location(app: Flask) -> None:
    response = answering(app, lambda: ({"id": 3}, 201, {"Location": "/things/3"})).post("/out")
    assert (response.status_code, response.location) == (201, "/things/3")
