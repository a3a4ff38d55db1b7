"""Arguments as in flask-smorest's manual: every location, stacked, by name and by keyword."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask
from webargs import fields as webargs_fields

from app.rest.blueprint import Blueprint
from app.wire import fields
from app.wire.schemas.base import QuerySchema
from app.wire.schemas.base import Schema as OwnSchema
from tests.api.smorest.conftest import PetSchema, Serve, api_of

COUNTER = itertools.count()


class PageSchema(ma.Schema):
    """A required parameter, a default, a list."""

    q = ma.fields.String(required=True)
    size = ma.fields.Integer(load_default=10)
    tag = ma.fields.List(ma.fields.String())


class OwnQuerySchema(QuerySchema):
    """The same with a compiled decoder."""

    q = fields.Text(required=True)


class CountedSchema(QuerySchema):
    """A default that differs for each request."""

    number = fields.Text(load_default=lambda: next(COUNTER))


class HeaderSchema(ma.Schema):
    """A header field."""

    token = ma.fields.String(data_key="X-Pet-Token", required=True)


def violations(response: Any) -> list[tuple[str, str]]:
    """Return the location and the field of each violation."""
    assert response.status_code == 400, response.get_data(as_text=True)
    assert response.json["code"] == "VALIDATION_FAILED"
    places = ("parameter", "header", "pointer")
    return [(next(place for place in places if place in each), each["field"]) for each in response.json["errors"]]


def codes(response: Any) -> list[str]:
    """Return the codes of the violations."""
    return [each["code"] for each in response.json["errors"]]


class TestQuery:
    """``location="query"``."""

    @pytest.fixture
    def client(self, blp: Blueprint, serve: Serve) -> Any:
        @blp.route("/")
        @blp.arguments(PageSchema, location="query")
        @blp.response(200)
        def search(args: Any) -> Any:
            return args

        @blp.route("/own")
        @blp.arguments(OwnQuerySchema, location="querystring")
        @blp.response(200)
        def search_own(args: Any) -> Any:
            return args

        @blp.route("/counted")
        @blp.arguments(CountedSchema, location="query")
        @blp.response(200)
        def count(args: Any) -> Any:
            return args

        return serve(blp)

    @pytest.mark.parametrize("path", ["/pets/", "/pets/?", "/pets/own", "/pets/own?"])
    def test_a_missing_required_parameter_is_a_violation_also_with_an_empty_query(self, client: Any, path: str) -> None:
        answer = client.get(path)
        assert violations(answer) == [("parameter", "q")]
        assert codes(answer) == ["REQUIRED_FIELD"]

    def test_values_are_deserialized(self, client: Any) -> None:
        assert client.get("/pets/?q=a&size=3").json == {"q": "a", "size": 3}
        assert client.get("/pets/?q=a").json == {"q": "a", "size": 10}

    def test_a_list_may_be_repeated(self, client: Any) -> None:
        assert client.get("/pets/?q=a&tag=x&tag=y").json["tag"] == ["x", "y"]
        assert client.get("/pets/?q=a&tag=x").json["tag"] == ["x"]

    def test_another_parameter_must_be_given_once(self, client: Any) -> None:
        answer = client.get("/pets/?q=a&q=b")
        assert (violations(answer), codes(answer)) == ([("parameter", "q")], ["INVALID_VALUE"])

    def test_an_unknown_parameter_is_a_violation(self, client: Any) -> None:
        answer = client.get("/pets/?q=a&colour=red")
        assert (violations(answer), codes(answer)) == ([("parameter", "colour")], ["UNKNOWN_PARAMETER"])

    def test_invalid_utf_8_is_one_violation(self, client: Any) -> None:
        for path in ("/pets/?q=%00", "/pets/own?q=%ff"):
            answer = client.get(path)
            assert (violations(answer), codes(answer)) == ([("parameter", "q")], ["INVALID_FORMAT"])

    def test_a_default_is_called_for_each_request(self, client: Any) -> None:
        first, second = (client.get("/pets/counted").json["number"] for _ in range(2))
        assert second == first + 1

    def test_a_handler_may_modify_its_arguments(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        @blp.arguments(QuerySchema.from_dict({"q": fields.Text()}), location="query")
        @blp.response(200)
        def search(args: dict[str, Any]) -> Any:
            args["seen"] = len(args)
            return args

        client = serve(blp)
        assert [client.get("/pets/").json for _ in range(2)] == [{"seen": 0}, {"seen": 0}]

    def test_webargs_delimited_list_works(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        @blp.arguments({"ids": webargs_fields.DelimitedList(ma.fields.Integer())}, location="query")
        @blp.response(200)
        def search(args: Any) -> Any:
            return args

        assert serve(blp).get("/pets/?ids=1,2").json == {"ids": [1, 2]}

    def test_a_schema_that_excludes_unknown_parameters_decides(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        @blp.arguments(PetSchema(unknown=ma.EXCLUDE, partial=True), location="query")
        @blp.response(200)
        def search(args: Any) -> Any:
            return args

        assert serve(blp).get("/pets/?name=Rex&colour=red").json == {"name": "Rex"}

    def test_two_schemas_share_the_query(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        @blp.arguments(ma.Schema.from_dict({"a": ma.fields.Integer()}), location="query")
        @blp.arguments(QuerySchema.from_dict({"b": fields.Text()}), location="query")
        @blp.response(200)
        def search(first: Any, second: Any) -> Any:
            return [first, second]

        client = serve(blp)
        assert client.get("/pets/?a=1&b=2").json == [{"a": 1}, {"b": "2"}]
        assert violations(client.get("/pets/?a=x&c=2")) == [("parameter", "a"), ("parameter", "c")]


class TestLocations:
    """Header fields, cookies, path; and all violations together."""

    def test_header_fields(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        @blp.arguments(HeaderSchema, location="headers")
        @blp.response(200)
        def look(headers: Any) -> Any:
            return headers

        client = serve(blp)
        assert client.get("/pets/", headers={"x-pet-token": "t"}).json == {"token": "t"}
        assert violations(client.get("/pets/")) == [("header", "X-Pet-Token")]

    def test_cookies(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        @blp.arguments({"session": ma.fields.Integer(required=True)}, location="cookies")
        @blp.response(200)
        def look(cookies: Any) -> Any:
            return cookies

        client = serve(blp)
        assert [each for _, each in violations(client.get("/pets/"))] == ["session"]
        client.set_cookie("session", "7")
        client.set_cookie("other", "8")
        assert client.get("/pets/").json == {"session": 7}

    @pytest.mark.parametrize("location", ["path", "view_args"])
    def test_path(self, blp: Blueprint, serve: Serve, location: str) -> None:
        @blp.route("/<pet_id>")
        @blp.arguments({"pet_id": ma.fields.Integer(validate=ma.validate.Range(max=9))}, location=location)
        @blp.response(200)
        def look(args: Any, pet_id: str) -> Any:
            return [args, pet_id]

        client = serve(blp)
        assert client.get("/pets/7").json == [{"pet_id": 7}, "7"]
        assert violations(client.get("/pets/12")) == [("parameter", "pet_id")]

    def test_violations_of_all_locations_are_reported_together(self, blp: Blueprint, serve: Serve) -> None:
        """C9a: path, query, header fields, body."""

        @blp.route("/<pet_id>", methods=["PUT"])
        @blp.arguments(PetSchema)
        @blp.arguments(HeaderSchema, location="headers")
        @blp.arguments(PageSchema, location="query")
        @blp.arguments({"pet_id": ma.fields.Integer()}, location="path")
        @blp.response(200)
        def replace(*_: Any, **__: Any) -> Any:
            pytest.fail("the handler ran")

        assert violations(serve(blp).put("/pets/x", json={"age": "old"})) == [
            ("parameter", "pet_id"),
            ("parameter", "q"),
            ("header", "X-Pet-Token"),
            ("pointer", "name"),
            ("pointer", "age"),
        ]


class TestBody:
    """``location="json"``."""

    def test_required_false_takes_no_body_for_an_empty_object(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/", methods=["POST"])
        @blp.arguments({"age": ma.fields.Integer(load_default=1)}, required=False)
        @blp.response(200)
        def create(args: Any) -> Any:
            return args

        client = serve(blp)
        assert client.post("/pets/").json == {"age": 1}
        assert client.post("/pets/", json={"age": 2}).json == {"age": 2}
        assert client.post("/pets/", data="{", content_type="application/json").status_code == 400

    def test_a_custom_media_type(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/", methods=["POST"])
        @blp.arguments(PetSchema, content_type="application/vnd.pet+json")
        @blp.response(200)
        def create(args: Any) -> Any:
            return args

        client = serve(blp)
        assert client.post("/pets/", data='{"name": "Rex"}', content_type="application/vnd.pet+json").status_code == 200
        rejected = client.post("/pets/", json={"name": "Rex"})
        assert (rejected.status_code, rejected.headers["Accept-Post"]) == (415, "application/vnd.pet+json")

    def test_a_list_of_objects(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/", methods=["POST"])
        @blp.arguments(PetSchema(many=True))
        @blp.response(200)
        def create(args: Any) -> Any:
            return args

        client = serve(blp)
        assert client.post("/pets/", json=[{"name": "Rex"}]).json == [{"name": "Rex", "age": 1}]
        assert violations(client.post("/pets/", json=[{}])) == [("pointer", "[0].name")]

    def test_flasks_own_get_json_still_has_the_body(self, blp: Blueprint, serve: Serve) -> None:
        from flask import request

        @blp.route("/", methods=["POST"])
        @blp.arguments(PetSchema)
        @blp.response(200)
        def create(_: Any) -> Any:
            return [request.get_json(), request.get_data(as_text=True)]

        assert serve(blp).post("/pets/", data='{"name":"Rex"}', content_type="application/json").json == [
            {"name": "Rex"},
            '{"name":"Rex"}',
        ]

    def test_hooks_of_a_schema_are_called(self, blp: Blueprint, serve: Serve) -> None:
        class Hooked(PetSchema):
            @ma.validates_schema
            def no_cats(self, data: Mapping[str, Any], **_: Any) -> None:
                if data.get("name") == "Tom":
                    raise ma.ValidationError("no cats", "name")

            @ma.post_load
            def make(self, data: dict[str, Any], **_: Any) -> Any:
                return {"made": data}

        @blp.route("/", methods=["POST"])
        @blp.response(200)
        @blp.arguments(Hooked)
        def create(args: Any) -> Any:
            return args

        client = serve(blp)
        assert client.post("/pets/", json={"name": "Rex"}).json == {"made": {"name": "Rex", "age": 1}}
        assert violations(client.post("/pets/", json={"name": "Tom"})) == [("pointer", "name")]


class TestPassing:
    """How a handler receives its arguments."""

    def test_the_topmost_decorator_gives_the_first_argument(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/<int:pet_id>", methods=["PUT"])
        @blp.arguments(PetSchema)
        @blp.arguments({"q": ma.fields.String()}, location="query")
        @blp.response(200)
        def replace(body: Any, query: Any, pet_id: int) -> Any:
            return [body, query, pet_id]

        assert serve(blp).put("/pets/7?q=a", json={"name": "Rex"}).json == [{"name": "Rex", "age": 1}, {"q": "a"}, 7]

    def test_as_kwargs(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/<int:pet_id>")
        @blp.arguments({"q": ma.fields.String(required=True)}, location="query", as_kwargs=True)
        @blp.response(200)
        def look(pet_id: int, q: str) -> Any:
            return [pet_id, q]

        client = serve(blp)
        assert client.get("/pets/7?q=a").json == [7, "a"]
        assert violations(client.get("/pets/7")) == [("parameter", "q")]

    def test_arg_name(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/", methods=["PUT"])
        @blp.arguments(PetSchema, arg_name="pet")
        @blp.arguments({"q": ma.fields.String()}, location="query", arg_name="args")
        @blp.response(200)
        def look(*, args: Any, pet: Any) -> Any:
            return [args, pet["name"]]

        assert serve(blp).put("/pets/?q=a", json={"name": "Rex"}).json == [{"q": "a"}, "Rex"]

    @pytest.mark.parametrize("is_above", [True, False])
    def test_response_may_be_above_or_below(self, blp: Blueprint, serve: Serve, is_above: bool) -> None:
        arguments, response = blp.arguments(PetSchema), blp.response(200, PetSchema)
        order = (arguments, response) if is_above else (response, arguments)

        def create(args: Any) -> Any:
            return args

        view: Any = create
        for decorate in order:
            view = decorate(view)
        blp.route("/", methods=["POST"])(view)
        client = serve(blp)
        assert client.post("/pets/", json={"name": "Rex"}).json == {"name": "Rex", "age": 1}
        assert violations(client.post("/pets/", json={})) == [("pointer", "name")]

    def test_a_function_may_be_decorated_twice(self, blp: Blueprint, serve: Serve) -> None:
        def pet() -> Any:
            return {"id": 1, "name": "Rex"}

        blp.route("/a", endpoint="a")(blp.response(200, PetSchema)(pet))
        blp.route("/b", endpoint="b")(blp.response(201, PetSchema(only=["id"]))(pet))
        blp.route("/c", endpoint="c")(
            blp.arguments({"q": ma.fields.String()}, location="query", arg_name="q")(lambda q: q)
        )
        client = serve(blp)
        assert [client.get(f"/pets/{each}").json for each in "ab"] == [{"id": 1, "name": "Rex"}, {"id": 1}]
        assert client.get("/pets/a?q=x").status_code == 400
        assert client.get("/pets/c?q=x").json == {"q": "x"}

    def test_own_schemas_work_alongside_stock_ones(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/", methods=["POST"])
        @blp.arguments(OwnSchema.from_dict({"name": fields.Text(required=True)}))
        @blp.response(200, PetSchema)
        def create(args: Any) -> Any:
            return args

        assert serve(blp).post("/pets/", json={"name": "Rex"}).json == {"name": "Rex"}


def test_a_page_may_send_the_header_fields_of_a_schema(blp: Blueprint, make_application: Callable[..., Flask]) -> None:
    """The preflight names them: https://fetch.spec.whatwg.org/#http-access-control-allow-headers."""

    @blp.route("/")
    @blp.arguments(HeaderSchema, location="headers")
    @blp.response(204)
    def get_pets(_fields: Mapping[str, Any]) -> None:
        """Return nothing."""

    application = make_application(cors_origins=("https://good.com",))
    api_of(application).register_blueprint(blp)
    sent = {"Origin": "https://good.com", "Access-Control-Request-Method": "GET"}
    names: str = application.test_client().options("/pets/", headers=sent).headers["Access-Control-Allow-Headers"]
    assert "X-Pet-Token" in names.split(", ")
