"""The request object, as in the quick start and the pattern on file uploads."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.datastructures import Range
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import secure_filename

from app.rest.public_routes import public
from tests.idioms.kit import candor_only, problem


def answering(app: Flask, view) -> FlaskClient:
    """Route ``/in`` to a view for every method."""
    app.add_url_rule("/in", "in", public(view), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    return app.test_client()


def test_arguments_of_the_query(app: Flask) -> None:
    def view():
        args = request.args
        return {
            "q": args.get("q", ""),
            "page": args.get("page", 1, type=int),
            "size": args.get("size", 20, type=int),
            "tags": args.getlist("tag"),
            "absent": args.get("absent"),
        }

    client = answering(app, view)
    assert client.get("/in?q=caf%C3%A9+au+lait&page=x&size=5&tag=a&tag=b").json == {
        "q": "café au lait",
        "page": 1,
        "size": 5,
        "tags": ["a", "b"],
        "absent": None,
    }
    assert client.get("/in").json["tags"] == []


def test_a_missing_argument_is_400(app: Flask) -> None:
    problem(answering(app, lambda: request.args["q"]).get("/in"), 400)


def test_a_form(app: Flask) -> None:
    client = answering(app, lambda: {**request.form.to_dict(), "languages": request.form.getlist("language")})
    response = client.post("/in", data={"username": "Flask", "language": ["de", "en"]})
    assert response.json == {"username": "Flask", "language": "de", "languages": ["de", "en"]}


def test_values_combine_query_and_form(app: Flask) -> None:
    client = answering(app, lambda: [request.values["a"], request.values["b"]])
    assert client.post("/in?a=1", data={"b": "2"}).json == ["1", "2"]


def test_an_upload(app: Flask, tmp_path) -> None:
    def view():
        f = request.files["the_file"]
        f.save(tmp_path / secure_filename(f.filename))
        return {"name": f.filename, "type": f.content_type, "title": request.form["title"]}

    client = answering(app, view)
    response = client.post("/in", data={"the_file": (BytesIO(b"content"), "../my file.txt"), "title": "x"})
    assert response.json == {"name": "../my file.txt", "type": "text/plain", "title": "x"}
    assert (tmp_path / "my_file.txt").read_bytes() == b"content"


def test_several_uploads_of_one_name(app: Flask) -> None:
    client = answering(app, lambda: [f.read().decode() for f in request.files.getlist("f")])
    assert client.post("/in", data={"f": [(BytesIO(b"a"), "a.txt"), (BytesIO(b"b"), "b.txt")]}).json == ["a", "b"]


def test_a_missing_upload_is_400(app: Flask) -> None:
    problem(answering(app, lambda: request.files["f"].filename).post("/in", data={"other": "x"}), 400)


@pytest.mark.parametrize("value", [{"a": [1, None, "ü"]}, [1, 2], "text", 3, False])
def test_json(app: Flask, value) -> None:
    assert answering(app, lambda: {"sent": request.get_json()}).post("/in", json=value).json == {"sent": value}


def test_the_json_attribute(app: Flask) -> None:
    client = answering(app, lambda: {"is_json": request.is_json, "name": request.json["name"]})
    assert client.post("/in", json={"name": "ada"}).json == {"is_json": True, "name": "ada"}


def test_json_of_another_media_type_is_415(app: Flask) -> None:
    client = answering(app, lambda: request.get_json())
    problem(client.post("/in", data="{}", content_type="text/plain"), 415, code="UNSUPPORTED_MEDIA_TYPE")
    problem(client.post("/in"), 415)


def test_json_of_a_suffix_is_json(app: Flask) -> None:
    client = answering(app, lambda: request.get_json())
    assert client.post("/in", data='{"a": 1}', content_type="application/vnd.api+json").json == {"a": 1}


@pytest.mark.parametrize("body", ["{", "", "nonsense"])
def test_malformed_json_is_400(app: Flask, body: str) -> None:
    problem(answering(app, lambda: request.get_json()).post("/in", data=body, content_type="application/json"), 400)


def test_silent_and_forced_json(app: Flask) -> None:
    client = answering(app, lambda: [request.get_json(silent=True), request.get_json(force=True, silent=True)])
    assert client.post("/in", data='{"a": 1}', content_type="text/plain").json == [None, {"a": 1}]
    assert client.post("/in", data="{", content_type="application/json").json == [None, None]


def test_a_request_class_can_handle_malformed_json(app: Flask) -> None:
    class Lenient(app.request_class):
        def on_json_loading_failed(self, e):
            return {"failed": True}

    app.request_class = Lenient
    response = answering(app, lambda: request.get_json()).post("/in", data="{", content_type="application/json")
    assert response.json == {"failed": True}


def test_a_custom_request_class(app: Flask) -> None:
    class Request(app.request_class):
        @property
        def shouted(self):
            return self.args["q"].upper()

    app.request_class = Request
    assert answering(app, lambda: request.shouted).get("/in?q=hello").text == "HELLO"


def test_raw_data(app: Flask) -> None:
    client = answering(app, lambda: [request.data.decode(), request.get_data(as_text=True), request.content_length])
    assert client.put("/in", data=b"\xc3\xbc", content_type="application/octet-stream").json == ["ü", "ü", 2]


def test_a_stream(app: Flask) -> None:
    client = answering(app, lambda: request.stream.read(3) + b"|" + request.stream.read())
    assert client.post("/in", data=b"abcdef").data == b"abc|def"


def test_cookies(app: Flask) -> None:
    client = answering(app, lambda: request.cookies.get("username", "nobody"))
    assert client.get("/in").text == "nobody"
    client.set_cookie("username", "ada")
    assert client.get("/in").text == "ada"


def test_header_fields(app: Flask) -> None:
    def view():
        return {
            "own": request.headers.get("x-own"),
            "agent": request.user_agent.string,
            "languages": request.accept_languages.best_match(["en", "de"]),
            "json": request.accept_mimetypes.accept_json,
            "html": request.accept_mimetypes.best_match(["text/html", "application/json"]),
            "referrer": request.referrer,
            "origin": request.origin,
        }

    fields = {
        "X-Own": "1",
        "User-Agent": "curl/8",
        "Accept-Language": "de, en;q=0.5",
        "Accept": "application/json",
        "Referer": "http://localhost/x",
        "Origin": "http://localhost",
    }
    assert answering(app, view).get("/in", headers=fields).json == {
        "own": "1",
        "agent": "curl/8",
        "languages": "de",
        "json": True,
        "html": "application/json",
        "referrer": "http://localhost/x",
        "origin": "http://localhost",
    }


def test_basic_credentials_on_a_public_view(app: Flask) -> None:
    def view():
        auth = request.authorization
        return [auth.type, auth.username, auth.password]

    assert answering(app, view).get("/in", auth=("ada", "secret")).json == ["basic", "ada", "secret"]


def test_the_requested_url(app: Flask) -> None:
    def view():
        r = request
        return [r.method, r.path, r.full_path, r.base_url, r.url, r.host, r.scheme, r.root_path, r.script_root]

    response = answering(app, view).get("/in?a=1", base_url="https://example.com:8443/root/")
    assert response.json == [
        "GET",
        "/in",
        "/in?a=1",
        "https://example.com:8443/root/in",
        "https://example.com:8443/root/in?a=1",
        "example.com:8443",
        "https",
        "/root",
        "/root",
    ]


def test_the_client_address(app: Flask) -> None:
    client = answering(app, lambda: [request.remote_addr, request.access_route, request.is_secure])
    assert client.get("/in", environ_base={"REMOTE_ADDR": "192.0.2.1"}).json == ["192.0.2.1", ["192.0.2.1"], False]


def test_conditions(app: Flask) -> None:
    def view():
        assert request.if_none_match.contains("a")
        assert request.if_match.star_tag
        assert request.if_modified_since == datetime(2026, 1, 1, tzinfo=UTC)
        assert request.range.ranges == Range("bytes", [(0, 10)]).ranges
        return "fine"

    fields = {
        "If-None-Match": '"a", "b"',
        "If-Match": "*",
        "If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT",
        "Range": "bytes=0-9",
    }
    assert answering(app, view).get("/in", headers=fields).text == "fine"


def test_a_body_over_max_content_length_is_413(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10
    problem(answering(app, lambda: request.form.to_dict()).post("/in", data={"a": "x" * 100}), 413)


def test_a_view_can_allow_more(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10

    def view():
        request.max_content_length = 1000
        return str(len(request.get_data()))

    assert answering(app, view).post("/in", data=b"x" * 100).text == "100"


def test_a_form_field_over_max_form_memory_size_is_413(app: Flask) -> None:
    app.config["MAX_FORM_MEMORY_SIZE"] = 100
    client = answering(app, lambda: request.form["a"])
    problem(client.post("/in", data={"a": "x" * 1000}, content_type="multipart/form-data"), 413)
    assert client.post("/in", data={"a": "x"}).text == "x"


def test_too_many_form_parts_are_413(app: Flask) -> None:
    app.config["MAX_FORM_PARTS"] = 2
    client = answering(app, lambda: request.form.to_dict())
    many = {"a": "1", "b": "2", "c": "3"}
    problem(client.post("/in", data=many, content_type="multipart/form-data"), 413)


def test_a_handler_for_413(app: Flask) -> None:
    app.register_error_handler(RequestEntityTooLarge, lambda e: ("File too large", 413))
    app.config["MAX_CONTENT_LENGTH"] = 10
    assert answering(app, lambda: request.form.to_dict()).post("/in", data={"a": "x" * 100}).text == "File too large"


@candor_only
def test_the_setting_for_bodies_applies_to_plain_routes(make_application) -> None:
    app = make_application(max_body_bytes=1024)
    problem(answering(app, lambda: request.get_data()).post("/in", data=b"x" * 2000), 413)


def test_an_upload_is_rejected_by_its_name(app: Flask) -> None:
    def view():
        file = request.files.get("file")
        return ("no", 400) if not file or not file.filename.endswith(".txt") else "yes"

    client = answering(app, view)
    assert client.post("/in", data={"file": (BytesIO(b""), "x.exe")}).status_code == 400
    assert client.post("/in", data={"file": (BytesIO(b""), "x.txt")}).text == "yes"


def test_a_view_can_read_any_query_parameter(app: Flask) -> None:
    """A plain route declares no parameters, so none is unknown to it."""
    assert answering(app, lambda: request.query_string).get("/in?whatever=1&b&a=%FF").data == b"whatever=1&b&a=%FF"
