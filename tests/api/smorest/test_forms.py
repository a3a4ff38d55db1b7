"""Forms and files: read as a whole and checked like every body, parsed by Werkzeug, decoded by a schema."""

import io
from collections.abc import Callable
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_smorest.fields import Upload

from app.rest.blueprint import Blueprint
from app.rest.idempotency import once
from tests.api.smorest.conftest import PetSchema, Serve, api_of, document_of
from tests.api.smorest.test_arguments import codes, violations

URLENCODED = "application/x-www-form-urlencoded"
LIMIT = 1048576


class PhotoSchema(ma.Schema):
    """A file, as in the manual."""

    photo = Upload(required=True)
    others = ma.fields.List(Upload())


@pytest.fixture
def client(blp: Blueprint, serve: Serve) -> Any:
    """Return a client of operations that read forms."""

    @blp.route("/form", methods=["POST"])
    @blp.arguments(PetSchema, location="form")
    @blp.response(200)
    def of_form(pet: Any) -> Any:
        return [pet, request.form.to_dict(), len(request.get_data())]

    @blp.route("/files", methods=["POST"])
    @blp.arguments(PhotoSchema, location="files")
    @blp.response(200)
    def of_files(files: Any) -> Any:
        others = [each.filename for each in files.get("others", [])]
        return [files["photo"].filename, files["photo"].read().decode(), others]

    @blp.route("/both", methods=["POST"])
    @blp.arguments(PhotoSchema, location="files")
    @blp.arguments(PetSchema, location="form")
    @blp.response(200)
    def of_both(files: Any, pet: Any) -> Any:
        return [files["photo"].filename, pet]

    return serve(blp)


def photo(content: bytes = b"pixels", name: str = "rex.png") -> tuple[io.BytesIO, str]:
    """Return a file for Werkzeug's client."""
    return io.BytesIO(content), name


class TestReading:
    """Values that a handler receives."""

    def test_an_urlencoded_form(self, client: Any) -> None:
        answer = client.post("/pets/form", data={"name": "Rex", "age": "3"})
        assert answer.json == [{"name": "Rex", "age": 3}, {"name": "Rex", "age": "3"}, len("name=Rex&age=3")]

    def test_a_multipart_form(self, client: Any) -> None:
        answer = client.post("/pets/form", data={"name": "Rex"}, content_type="multipart/form-data")
        assert answer.json[0] == {"name": "Rex", "age": 1}

    def test_files(self, client: Any) -> None:
        data = {"photo": photo(), "others": [photo(name="a.png"), photo(name="b.png")]}
        assert client.post("/pets/files", data=data).json == ["rex.png", "pixels", ["a.png", "b.png"]]

    def test_a_form_with_files(self, client: Any) -> None:
        answer = client.post("/pets/both", data={"photo": photo(), "name": "Rex"})
        assert answer.json == ["rex.png", {"name": "Rex", "age": 1}]

    def test_a_chunked_form(self, client: Any) -> None:
        environ = {"wsgi.input": io.BytesIO(b"name=Rex"), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
        answer = client.post(
            "/pets/form",
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides=environ,
            content_type=URLENCODED,
        )
        assert answer.json[0] == {"name": "Rex", "age": 1}


class TestRejections:
    """415, 413, 400."""

    @pytest.mark.parametrize("path", ["form", "files", "both"])
    def test_another_media_type_is_415_with_the_supported_ones(self, client: Any, path: str) -> None:
        answer = client.post(f"/pets/{path}", json={"name": "Rex"})
        assert (answer.status_code, answer.json["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        accepted = f"{URLENCODED}, multipart/form-data" if path == "form" else "multipart/form-data"
        assert answer.headers["Accept-Post"] == accepted

    def test_all_violations_of_both_parts(self, client: Any) -> None:
        answer = client.post("/pets/both", data={"age": "old", "x": "y"}, content_type="multipart/form-data")
        assert {field for _, field in violations(answer)} == {"photo", "name", "age", "x"}
        assert {each["pointer"] for each in answer.json["errors"]} == {"#/photo", "#/name", "#/age", "#/x"}

    def test_an_empty_body(self, client: Any) -> None:
        assert violations(client.post("/pets/form")) == [("pointer", "name")]

    def test_a_field_that_is_sent_twice(self, client: Any) -> None:
        answer = client.post("/pets/form", data={"name": ["Rex", "Tom"]})
        assert (violations(answer), codes(answer)) == ([("pointer", "name")], ["INVALID_VALUE"])

    def test_a_nul_character(self, client: Any) -> None:
        answer = client.post("/pets/form", data={"name": "a\x00b"})
        assert (violations(answer), codes(answer)) == ([("pointer", "name")], ["INVALID_FORMAT"])

    def test_a_body_over_the_limit_is_413(self, client: Any) -> None:
        answer = client.post("/pets/files", data=b" " * (LIMIT + 1), content_type="multipart/form-data; boundary=b")
        assert (answer.status_code, answer.json["limit"]) == (413, LIMIT)

    def test_a_chunked_one_over_the_limit_is_413_and_not_truncated(self, client: Any) -> None:
        body = b"name=Rex&age=" + b"0" * LIMIT + b"1"
        environ = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
        answer = client.post(
            "/pets/form",
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides=environ,
            content_type=URLENCODED,
        )
        assert (answer.status_code, answer.json["code"]) == (413, "BODY_TOO_LARGE")

    @pytest.mark.parametrize(("setting", "limit"), [("MAX_FORM_MEMORY_SIZE", 100), ("MAX_FORM_PARTS", 0)])
    def test_flasks_limits_of_forms_apply(self, client: Any, setting: str, limit: int) -> None:
        """According to Werkzeug's manual, they are for multipart alone."""
        client.application.config[setting] = limit
        answer = client.post("/pets/form", data={"name": "x" * 200}, content_type="multipart/form-data")
        assert (answer.status_code, answer.json["code"]) == (413, "BODY_TOO_LARGE")
        assert f"at most {limit}" in answer.json["detail"] or f"and {limit} parts" in answer.json["detail"]

    def test_a_malformed_form_is_400_and_not_an_empty_one(self, client: Any) -> None:
        for content_type in ("multipart/form-data", "multipart/form-data; boundary=b"):
            answer = client.post("/pets/form", data=b"nonsense", content_type=content_type)
            assert (answer.status_code, answer.json["code"]) == (400, "MALFORMED_REQUEST")

    def test_one_that_ended_early_is_400(self, client: Any) -> None:
        answer = client.post(
            "/pets/form", data=b"name=Rex", content_type=URLENCODED, environ_overrides={"CONTENT_LENGTH": "99"}
        )
        assert (answer.status_code, answer.json["code"]) == (400, "MALFORMED_REQUEST")


class TestDocument:
    """OpenAPI."""

    def test_forms_list_their_media_types(self, client: Any) -> None:
        paths = document_of(client)["paths"]
        bodies = {path: paths[f"/pets/{path}"]["post"]["requestBody"]["content"] for path in ("form", "files", "both")}
        assert [*bodies["form"]] == [URLENCODED, "multipart/form-data"]
        assert [*bodies["files"]] == [*bodies["both"]] == ["multipart/form-data"]
        assert bodies["both"]["multipart/form-data"]["schema"] == {
            "allOf": [{"$ref": "#/components/schemas/Pet"}, {"$ref": "#/components/schemas/Photo"}]
        }
        operation = paths["/pets/both"]["post"]
        assert "EMPTY_BODY" not in operation["x-errors"]
        assert {"UNSUPPORTED_MEDIA_TYPE", "BODY_TOO_LARGE", "MALFORMED_REQUEST"} <= {*operation["x-errors"]}


def test_the_boundary_of_a_form_does_not_matter_to_an_idempotency_key(
    make_application: Callable[..., Flask], client: Any, bearer: Callable[..., dict[str, str]]
) -> None:
    """C21: the parsed body counts."""
    blp = Blueprint("uploads", __name__, scope="tasks", url_prefix="/uploads")

    @blp.route("/", methods=["POST"])
    @once
    @blp.arguments(PhotoSchema, location="files")
    @blp.response(200)
    def upload(files: Any) -> Any:
        return files["photo"].read().decode()

    application = make_application()
    application.test_client_class = FlaskClient
    api_of(application).register_blueprint(blp)
    sender: Any = application.test_client()
    headers = {**bearer("uploader"), "Idempotency-Key": "upload-1"}
    first = sender.post("/uploads/", data={"photo": photo()}, headers=headers)
    again = sender.post("/uploads/", data={"photo": photo()}, headers=headers)
    other = sender.post("/uploads/", data={"photo": photo(b"others")}, headers=headers)
    assert (first.json, again.json, again.headers.get("Idempotent-Replayed")) == ("pixels", "pixels", "true")
    assert (other.status_code, other.json["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
