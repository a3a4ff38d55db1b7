"""Files as responses: completely, in part, or as 304 for a cached file."""

from io import BytesIO

import pytest
from flask import Flask, Response, make_response, request, send_file, send_from_directory
from flask.testing import FlaskClient

from app.rest.public_routes import public
from tests.idioms.kit import problem


def answering(app: Flask, view) -> FlaskClient:
    """Route ``/out`` to a view."""
    app.add_url_rule("/out", "out", public(view))
    return app.test_client()


def test_send_file(app: Flask) -> None:
    def view():
        return send_file(BytesIO(b"PDF"), mimetype="application/pdf", as_attachment=True, download_name="r.pdf")

    response = answering(app, view).get("/out")
    assert (response.data, response.content_type) == (b"PDF", "application/pdf")
    assert response.headers["Content-Disposition"] == "attachment; filename=r.pdf"


@pytest.fixture
def served(app: Flask, tmp_path):
    """Return a function that fetches ``/out``, a file of ten digits, and closes the response."""
    (tmp_path / "ten.txt").write_text("0123456789")
    client = answering(app, lambda: send_file(tmp_path / "ten.txt", max_age=60))

    def get(**headers):
        with client.get("/out", headers={name.replace("_", "-"): value for name, value in headers.items()}) as response:
            response.get_data()
            return response

    return get


def test_a_file_has_its_length_tag_and_date(served) -> None:
    response = served()
    assert (response.data, response.content_length, response.mimetype) == (b"0123456789", 10, "text/plain")
    assert response.headers["ETag"]
    assert response.headers["Last-Modified"]
    assert response.cache_control.max_age == 60


def test_a_cached_file_is_304(served) -> None:
    tag = served().headers["ETag"]
    response = served(If_None_Match=tag)
    assert (response.status_code, response.data, response.headers["ETag"]) == (304, b"", tag)


@pytest.mark.parametrize(
    ("asked", "data", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
    ],
)
def test_a_part_of_a_file_is_206(served, asked: str, data: bytes, content_range: str) -> None:
    response = served(Range=asked)
    assert (response.status_code, response.data, response.headers["Content-Range"]) == (206, data, content_range)
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.content_length == len(data)


def test_a_range_beyond_the_end_is_416(app: Flask) -> None:
    client = answering(app, lambda: whole(b"0123456789"))
    response = client.get("/out", headers={"Range": "bytes=20-30"})
    problem(response, 416)
    assert response.headers["Content-Range"] == "bytes */10"


def whole(data: bytes) -> Response:
    """Return a response that supports range requests."""
    response = make_response(data)
    return response.make_conditional(request, accept_ranges=True, complete_length=len(data))


def test_send_from_directory(app: Flask, client: FlaskClient, tmp_path) -> None:
    (tmp_path / "a.txt").write_text("a")
    app.add_url_rule("/files/<path:name>", "files", public(lambda name: send_from_directory(tmp_path, name)))
    with client.get("/files/a.txt") as response:
        assert response.text == "a"
    problem(client.get("/files/b.txt"), 404)
    problem(client.get("/files/..%2f..%2fetc/passwd"), 404)
