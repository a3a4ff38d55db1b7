"""Responses as in flask-smorest's manual: schemas, statuses, tuples, and alternative responses."""

from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import marshmallow as ma
import pytest
from flask import Response, redirect
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

from app import errs
from app.rest.blueprint import Blueprint
from tests.api.smorest.conftest import PetSchema, Serve, document_of

PET = {"id": 1, "name": "Rex", "age": 2}


def answering(blp: Blueprint, serve: Serve, value: Any, *decorators: Any) -> Any:
    """Return the response of an operation whose handler returns a value."""

    def get_pet() -> Any:
        return value

    view: Any = get_pet
    for decorate in reversed(decorators):
        view = decorate(view)
    blp.route("/")(view)
    return serve(blp).get("/pets/")


class TestValues:
    """Return values of a handler."""

    @pytest.mark.parametrize(
        ("value", "status", "field"),
        [
            (PET, 200, None),
            ((PET, 202), 202, None),
            ((PET, HTTPStatus.ACCEPTED), 202, None),
            ((PET, "202 FINE"), 202, None),
            ((PET, {"X-Pet": "1"}), 200, "1"),
            ((PET, [("X-Pet", "1")]), 200, "1"),
            ((PET, Headers({"X-Pet": "1"})), 200, "1"),
            ((PET, 202, {"X-Pet": "1"}), 202, "1"),
            ((PET, 202, [("X-Pet", "1")]), 202, "1"),
            ((PET, {"X-Pet": "1"}, HTTPStatus.ACCEPTED), 202, "1"),
        ],
    )
    def test_a_value_with_a_status_and_header_fields(
        self, blp: Blueprint, serve: Serve, value: Any, status: int, field: str | None
    ) -> None:
        answer = answering(blp, serve, value, blp.response(200, PetSchema))
        assert (answer.status_code, answer.json, answer.headers.get("X-Pet")) == (status, PET, field)

    def test_a_list(self, blp: Blueprint, serve: Serve) -> None:
        assert answering(blp, serve, [PET, PET], blp.response(200, PetSchema(many=True))).json == [PET, PET]

    def test_a_list_of_two_is_not_a_tuple(self, blp: Blueprint, serve: Serve) -> None:
        assert answering(blp, serve, [1, {"a": 2}], blp.response(200)).json == [1, {"a": 2}]

    @pytest.mark.parametrize("status", [204, "204", HTTPStatus.NO_CONTENT])
    def test_no_value(self, blp: Blueprint, serve: Serve, status: Any) -> None:
        answer = answering(blp, serve, None, blp.response(status))
        assert (answer.status_code, answer.data, answer.content_type) == (204, b"", None)

    def test_a_status_without_a_body_may_be_chosen(self, blp: Blueprint, serve: Serve) -> None:
        answer = answering(blp, serve, (None, 204), blp.response(200, PetSchema))
        assert (answer.status_code, answer.data) == (204, b"")

    def test_without_a_schema_a_value_is_json_as_it_is(self, blp: Blueprint, serve: Serve) -> None:
        value = {"a": Decimal("1.50"), "b": datetime(2026, 1, 1, tzinfo=UTC), "c": None}
        assert answering(blp, serve, value, blp.response(200)).json == {
            "a": "1.50",
            "b": "2026-01-01T00:00:00Z",
            "c": None,
        }

    @pytest.mark.parametrize("response_class", [Response, WerkzeugResponse])
    def test_a_finished_response(self, blp: Blueprint, serve: Serve, response_class: Any) -> None:
        answer = answering(blp, serve, response_class("raw", mimetype="text/plain"), blp.response(200, PetSchema))
        assert (answer.data, answer.mimetype) == (b"raw", "text/plain")

    def test_a_finished_response_with_a_status_and_header_fields(self, blp: Blueprint, serve: Serve) -> None:
        answer = answering(blp, serve, (Response("raw"), 202, {"X-Pet": "1"}), blp.response(200, PetSchema))
        assert (answer.data, answer.status_code, answer.headers["X-Pet"]) == (b"raw", 202, "1")

    def test_a_redirect(self, blp: Blueprint, serve: Serve) -> None:
        answer = answering(blp, serve, redirect("/elsewhere"), blp.response(302))
        assert (answer.status_code, answer.headers["Location"]) == (302, "/elsewhere")

    def test_hooks_of_a_schema_are_called(self, blp: Blueprint, serve: Serve) -> None:
        class Wrapped(PetSchema):
            @ma.post_dump
            def wrap(self, data: Any, **_: Any) -> Any:
                return {"data": data}

        assert answering(blp, serve, PET, blp.response(200, Wrapped)).json == {"data": PET}

    def test_a_subclass_may_wrap_content(self, serve: Serve) -> None:
        """As the manual shows under "Response Content Formatting"."""

        class Wrapping(Blueprint):
            @staticmethod
            def _prepare_response_content(data: Any) -> Any:
                return None if data is None else {"data": data}

            @staticmethod
            def _make_doc_response_schema(schema: Any) -> Any:
                return schema and type("WrapPet", (ma.Schema,), {"data": ma.fields.Nested(schema)})

        blp = Wrapping("pets", __name__, scope=None, url_prefix="/pets")
        assert answering(blp, serve, PET, blp.response(200, PetSchema)).json == {"data": PET}


class TestDocument:
    """OpenAPI, as in the manual."""

    def of(self, blp: Blueprint, serve: Serve, *decorators: Any) -> dict[str, Any]:
        """Return the operation as documented."""

        def get_pet() -> Any:
            """Find a pet

            By nothing at all.
            ---
            Internal.
            """

        view: Any = get_pet
        for decorate in reversed(decorators):
            view = decorate(view)
        blp.route("/")(view)
        operation: dict[str, Any] = document_of(serve(blp))["paths"]["/pets/"]["get"]
        return operation

    def test_a_response(self, blp: Blueprint, serve: Serve) -> None:
        described = blp.response(
            200,
            PetSchema,
            description="The pet",
            example={"id": 1},
            headers={"X-Total": {"schema": {"type": "integer"}, "description": "How many."}},
        )
        found = self.of(blp, serve, described)["responses"]["200"]
        assert found["description"] == "The pet"
        assert found["content"]["application/json"] == {
            "schema": {"$ref": "#/components/schemas/Pet"},
            "example": {"id": 1},
        }
        assert found["headers"]["X-Total"]["schema"] == {"type": "integer", "format": "int64"}
        assert "X-Request-Id" in found["headers"]

    def test_names_of_header_fields(self, blp: Blueprint, serve: Serve) -> None:
        found = self.of(blp, serve, blp.response(200, PetSchema, headers=("ETag", "X-Own")))["responses"]["200"]
        assert found["headers"]["X-Own"] == {"schema": {"type": "string"}}
        assert found["headers"]["ETag"] == {"$ref": "#/components/headers/ETag"}

    def test_no_content(self, blp: Blueprint, serve: Serve) -> None:
        assert "content" not in self.of(blp, serve, blp.response(204))["responses"]["204"]

    def test_a_media_type_is_documented_and_accepted(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        @blp.response(200, {"format": "binary", "type": "string"}, content_type="text/csv")
        def get_table() -> Any:
            return Response("a,b", mimetype="text/csv")

        client = serve(blp)
        assert client.get("/pets/", headers={"Accept": "text/csv"}).data == b"a,b"
        content = document_of(client)["paths"]["/pets/"]["get"]["responses"]["200"]["content"]
        assert content == {"text/csv": {"schema": {"format": "binary", "type": "string"}}}

    def test_the_docstring(self, blp: Blueprint, serve: Serve) -> None:
        operation = self.of(blp, serve, blp.response(200, PetSchema))
        assert (operation["summary"], operation["description"]) == ("Find a pet", "By nothing at all.")

    def test_additions_by_doc(self, blp: Blueprint, serve: Serve) -> None:
        added = blp.doc(summary="Mine", operationId="findPet", tags=["x"], deprecated=True, security=[])
        operation = self.of(blp, serve, added, blp.response(200, PetSchema))
        assert (operation["summary"], operation["operationId"], operation["tags"]) == ("Mine", "findPet", ["x"])
        assert (operation["deprecated"], operation["security"]) == (True, [])

    def test_tags_and_parameters_of_a_route(self, blp: Blueprint, serve: Serve) -> None:
        described = {"name": "pet_id", "in": "path", "description": "Its number"}

        @blp.route("/<int:pet_id>", tags=["Zoo"], parameters=[described])
        def get_pet(pet_id: int) -> Any:
            return {"id": pet_id}

        path = document_of(serve(blp))["paths"]["/pets/{pet_id}"]
        assert path["get"]["tags"] == ["Zoo"]
        assert path["parameters"][0] | {"schema": None} == {**described, "required": True, "schema": None}

    def test_an_alternative_with_a_schema(self, blp: Blueprint, serve: Serve) -> None:
        class OtherSchema(ma.Schema):
            message = ma.fields.String()

        other = blp.alt_response(409, schema=OtherSchema, description="There is one")
        found = self.of(blp, serve, other, blp.response(200, PetSchema))["responses"]["409"]
        assert found["content"]["application/json"] == {"schema": {"$ref": "#/components/schemas/Other"}}
        assert found["description"] == "There is one"

    def test_an_alternative_by_name(self, blp: Blueprint, serve: Serve) -> None:
        operation = self.of(blp, serve, blp.alt_response(404, "NOT_FOUND"), blp.response(200, PetSchema))
        assert operation["responses"]["404"] == {"$ref": "#/components/responses/NOT_FOUND"}

    def test_alternatives_by_errors(self, blp: Blueprint, serve: Serve) -> None:
        others = blp.alt_response(409, errs.tasks.TaskTitleTaken), blp.raises(errs.tasks.TaskNotFound)
        operation = self.of(blp, serve, *others, blp.response(200, PetSchema))
        assert {"TASK_TITLE_TAKEN", "TASK_NOT_FOUND"} <= {*operation["x-errors"]}
        examples = operation["responses"]["409"]["content"]["application/problem+json"]["examples"]
        assert [*examples] == ["TASK_TITLE_TAKEN"]

    def test_an_alternative_success(self, blp: Blueprint, serve: Serve) -> None:
        operation = self.of(blp, serve, blp.alt_response(202, schema=PetSchema, success=True), blp.response(200))
        assert operation["responses"]["202"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/Pet"
        }
        assert "X-Request-Id" in operation["responses"]["202"]["headers"]

    def test_any_other_status(self, blp: Blueprint, serve: Serve) -> None:
        operation = self.of(blp, serve, blp.alt_response("default", "DEFAULT_ERROR"), blp.response(200, PetSchema))
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/DEFAULT_ERROR"}

    def test_two_blueprints_with_views_of_one_name(self, serve: Serve) -> None:
        made = []
        for name in ("cats", "dogs"):
            blp = Blueprint(name, __name__, scope=None, url_prefix=f"/{name}")

            @blp.route("/")
            def list_all() -> Any:
                return []

            made.append(blp)
        paths = document_of(serve(*made))["paths"]
        assert [paths[f"/{name}/"]["get"]["operationId"] for name in ("cats", "dogs")] == ["list_all", "dogs_list_all"]


class TestErrors:
    """Errors that a handler itself declares."""

    def test_a_declared_error(self, blp: Blueprint, serve: Serve) -> None:
        """The check for undeclared errors passes (C13)."""

        @blp.route("/")
        @blp.response(200, PetSchema)
        @blp.raises(errs.tasks.TaskNotFound)
        def get_pet() -> Any:
            raise errs.tasks.TaskNotFound

        client: Any = serve(blp)
        assert client.get("/pets/").json["code"] == "TASK_NOT_FOUND"
