"""A stock flask-smorest blueprint, registered through the API of this service."""

from collections.abc import Callable
from typing import Any

import flask_smorest
import marshmallow as ma
import pytest
from flask import Flask
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from app.errs.requests import MalformedJson, ValidationFailed
from app.rest import webargs_errors
from app.rest.blueprint import Blueprint
from app.rest.openapi import Api
from tests.api.smorest.conftest import PetSchema, Serve, api_of, document_of

Bearer = Callable[..., dict[str, str]]


def caught(app: Flask, schema: Any, **request: Any) -> HTTPException:
    """Return the exception that webargs raises."""
    location = request.pop("location", "json")
    with app.test_request_context("/", method="POST", **request), pytest.raises(HTTPException) as found:
        FlaskParser().parse(schema, location=location)
    return found.value


class TestBlueprint:
    """Stock decorators of smorest work."""

    @pytest.fixture
    def stock(self) -> Any:
        blp: Any = flask_smorest.Blueprint("stock", __name__, url_prefix="/stock", description="Stock")

        @blp.route("/", methods=["POST"])  # type: ignore[untyped-decorator]  # smorest is untyped
        @blp.arguments(PetSchema)  # type: ignore[untyped-decorator]  # as above
        @blp.response(201, PetSchema)  # type: ignore[untyped-decorator]  # as above
        def create(pet: Any) -> Any:
            return {"id": 1, **pet}

        return blp

    def test_its_operation_works(self, stock: Any, serve: Serve, bearer: Bearer) -> None:
        answer = serve(stock).post("/stock/", json={"name": "Rex"}, headers=bearer())
        assert (answer.status_code, answer.json) == (201, {"id": 1, "name": "Rex", "age": 1})

    def test_its_document_has_the_errors_of_this_service(self, stock: Any, serve: Serve) -> None:
        operation = document_of(serve(stock))["paths"]["/stock/"]["post"]
        assert operation["responses"].keys() == {"201", "400"}
        assert operation["responses"]["400"] == {"$ref": "#/components/responses/BAD_REQUEST"}
        assert operation["security"] == [{"bearer": []}]


class TestErrors:
    """Exceptions of webargs and flask-smorest."""

    def test_every_violation_is_listed(self, app: Flask) -> None:
        error = webargs_errors.rejected(caught(app, PetSchema, json={"age": "old", "colour": "red"}))
        assert isinstance(error, ValidationFailed)
        assert {(each.pointer, each.code) for each in error.violations} >= {
            ("#/name", "REQUIRED_FIELD"),
            ("#/colour", "UNKNOWN_FIELD"),
        }
        assert len(error.violations) == 3

    def test_a_violation_may_be_of_a_parameter(self, app: Flask) -> None:
        error = webargs_errors.rejected(caught(app, {"q": ma.fields.Integer()}, location="query", query_string="q=x"))
        assert error is not None
        assert [(each.parameter, each.field) for each in error.violations] == [("q", "q")]

    def test_malformed_json_has_its_position(self, app: Flask) -> None:
        error = webargs_errors.rejected(caught(app, PetSchema, data='{"name": }', content_type="application/json"))
        assert isinstance(error, MalformedJson)
        assert error.facts["position"] == 10

    def test_the_message_of_abort_is_returned(self) -> None:
        with pytest.raises(HTTPException) as found:
            flask_smorest.abort(
                409, message="There is one.", errors={"json": {"name": ["taken"]}}, headers={"X-Pet": "1"}
            )
        result = webargs_errors.details(found.value)
        assert (result.message, result.headers) == ("There is one.", {"X-Pet": "1"})
        assert [(each.pointer, each.message) for each in result.violations] == [("#/name", "taken")]
        assert webargs_errors.rejected(found.value) is None

    def test_the_message_of_other_exceptions_is_hidden(self) -> None:
        with pytest.raises(HTTPException) as found:
            flask_smorest.abort(404)
        assert webargs_errors.details(found.value) == webargs_errors.Details()


class TestApi:
    """``Api``'s own methods and settings."""

    def test_a_custom_field(self, make_application: Callable[..., Flask], blp: Blueprint) -> None:
        class Colour(ma.fields.Field[Any]):
            pass

        app = make_application()
        api_of(app).register_field(Colour, "string", "colour")

        @blp.route("/")
        @blp.response(200, ma.Schema.from_dict({"colour": Colour()}, name="PaintSchema"))
        def get_paint() -> Any:
            return {}

        api_of(app).register_blueprint(blp)
        paint = api_of(app).spec.to_dict()["components"]["schemas"]["Paint"]
        assert paint["properties"]["colour"] == {"type": "string", "format": "colour"}

    def test_settings_describe_the_document(self, make_application: Callable[..., Flask]) -> None:
        app = make_application()
        app.config.update(API_TITLE="Pets", API_VERSION="v7", OPENAPI_VERSION="3.0.2")
        api = Api(app, spec_kwargs={"title": "x", "version": "x", "openapi_version": "3.1.0"})
        document = api.spec.to_dict()
        assert (document["info"]["title"], document["info"]["version"]) == ("Pets", "v7")
        assert document["openapi"] == "3.0.2"
        app.config["OPENAPI_VERSION"] = "2.0"
        with pytest.raises(ValueError, match=r"OPENAPI_VERSION 2.0 is not supported: use 3.1.0"):
            Api(app, spec_kwargs={"title": "x", "version": "x"})

    @pytest.mark.parametrize("arguments", [[], ["--format", "yaml"]])
    def test_the_document_is_printed(self, make_application: Callable[..., Flask], arguments: list[str]) -> None:
        result = make_application().test_cli_runner().invoke(args=["openapi", "print", *arguments])
        assert result.exit_code == 0
        assert "/openapi.json" in result.output
