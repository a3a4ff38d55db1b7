"""Arguments of flask-smorest, in every location of its manual."""

from io import BytesIO

import flask_smorest
import marshmallow as ma
import pytest
from flask.testing import FlaskClient
from marshmallow import fields as mf

from tests.idioms.kit import INVALID, ON_FLASK, candor_only, fields, problem
from tests.idioms.pets import PetQueryArgsSchema, PetSchema


@pytest.fixture
def echo(blp, register):
    """Return a function that registers an operation with arguments of a location and returns a client of it."""

    def make(schema, rule: str = "/", methods=("POST",), **options) -> FlaskClient:
        @blp.route(rule, methods=list(methods))
        @blp.arguments(schema, **options)
        @blp.response(200)
        def view(*args, **kwargs):
            return {"args": args, "kwargs": kwargs}

        return register(blp)

    return make


Number = ma.Schema.from_dict({"number": mf.Int(required=True)}, name="NumberSchema")


@pytest.mark.parametrize("location", ["query", "querystring"])
def test_arguments_in_the_query(echo, location: str) -> None:
    client = echo(Number, methods=["GET"], location=location)
    assert client.get("/pets/?number=3").json["args"] == [{"number": 3}]


def test_a_missing_query_parameter_is_rejected_without_any_query(echo) -> None:
    client = echo(Number, methods=["GET"], location="query")
    for path in ("/pets/", "/pets/?", "/pets/?number=x"):
        response = client.get(path)
        assert response.status_code == INVALID
        if not ON_FLASK:
            assert list(fields(response)) == ["number"]
            assert response.json["errors"][0]["parameter"] == "number"


@candor_only
def test_an_unknown_query_parameter_is_rejected(echo) -> None:
    response = echo(Number, methods=["GET"], location="query").get("/pets/?number=1&other=2")
    problem(response, 400, code="VALIDATION_FAILED")
    assert fields(response) == {"other": ["UNKNOWN_PARAMETER"]}


def test_a_list_in_the_query(echo) -> None:
    schema = ma.Schema.from_dict({"tag": mf.List(mf.Str())}, name="TagsSchema")
    assert echo(schema, methods=["GET"], location="query").get("/pets/?tag=a&tag=b").json["args"] == [
        {"tag": ["a", "b"]}
    ]


def test_arguments_in_header_fields(echo) -> None:
    schema = ma.Schema.from_dict({"number": mf.Int(data_key="X-Number", required=True)}, name="HeadersSchema")
    client = echo(schema, location="headers")
    assert client.post("/pets/", headers={"X-Number": "3"}).json["args"] == [{"number": 3}]
    response = client.post("/pets/")
    assert response.status_code == INVALID
    assert ON_FLASK or response.json["errors"][0]["header"] == "X-Number"


def test_arguments_in_cookies(echo) -> None:
    client = echo(Number, location="cookies")
    assert client.post("/pets/").status_code == INVALID
    client.set_cookie("number", "3")
    assert client.post("/pets/").json["args"] == [{"number": 3}]


def test_arguments_in_a_form(echo) -> None:
    client = echo(Number, location="form")
    assert client.post("/pets/", data={"number": "3"}).json["args"] == [{"number": 3}]
    assert client.post("/pets/", data={"number": "x"}).status_code == INVALID


def test_arguments_in_files(blp, register) -> None:
    schema = ma.Schema.from_dict({"file_1": flask_smorest.fields.Upload()}, name="MultipartFileSchema")

    @blp.route("/", methods=["POST"])
    @blp.arguments(schema, location="files")
    @blp.response(201)
    def upload(files):
        return {"read": files["file_1"].read().decode(), "name": files["file_1"].filename}

    response = register(blp).post("/pets/", data={"file_1": (BytesIO(b"content"), "a.txt")})
    assert (response.status_code, response.json) == (201, {"read": "content", "name": "a.txt"})


def test_arguments_in_the_path(echo) -> None:
    client = echo(Number, rule="/<number>", location="path")
    assert client.post("/pets/3").json["args"][0] == {"number": 3}


def test_several_locations(blp, register) -> None:
    @blp.route("/", methods=["POST"])
    @blp.arguments(PetSchema)
    @blp.arguments(PetQueryArgsSchema, location="query")
    @blp.response(200)
    def view(pet, query):
        return [pet, query]

    assert register(blp).post("/pets/?name=q", json={"name": "b"}).json == [{"name": "b"}, {"name": "q"}]


@candor_only
def test_violations_of_several_locations_are_reported_together(blp, register) -> None:
    @blp.route("/", methods=["POST"])
    @blp.arguments(PetSchema)
    @blp.arguments(Number, location="query")
    @blp.response(200)
    def view(pet, query):
        return {}

    assert set(fields(register(blp).post("/pets/?number=x", json={"name": 3}))) == {"name", "number"}


def test_arguments_as_keywords(echo) -> None:
    client = echo(PetSchema, as_kwargs=True)
    assert client.post("/pets/", json={"name": "Max"}).json == {"args": [], "kwargs": {"name": "Max"}}
