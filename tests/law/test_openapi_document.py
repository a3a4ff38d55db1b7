"""Requirements of client generators on the OpenAPI document; schemas of a fork meet them without extra work."""

from collections.abc import Iterator
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask
from flask.views import MethodView
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.rest.blueprint import Blueprint
from app.rest.openapi_completion import ERRORS, SCHEMAS, finished
from tests.documents import PREFIX, inlined

pytestmark = pytest.mark.slow

GENERIC = {"Schema", "Error", "Object", "Request", "Response", "Model"}
"""Names that collide with those of generators, languages or their libraries."""


class PetSchema(ma.Schema):
    """A pet as a Flask user would describe it: sent and returned, with features that are difficult for generators."""

    id = ma.fields.Integer(dump_only=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(load_default="cat", validate=ma.validate.OneOf(["cat", "dog"]))
    mood = ma.fields.String(allow_none=True, metadata={"enum": ["good", "bad", None]})


class FindSchema(ma.Schema):
    """A query with parameters that default to None."""

    kind = ma.fields.String(load_default=None, validate=ma.validate.OneOf(["cat", "dog"]))
    age = ma.fields.Integer(load_default=None)


class OwnerSchema(ma.Schema):
    """An owner, which is only returned."""

    name = ma.fields.String()
    secret = ma.fields.String(metadata={"writeOnly": True})
    pets = ma.fields.List(ma.fields.Nested(PetSchema(only=("id", "name"))))


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    """Return the document of the service."""
    return inlined(app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict())


@pytest.fixture(scope="module")
def forked(make_application: Any) -> dict[str, Any]:
    """Return the document of a fork with pets."""
    blp = Blueprint("pet-owners", __name__, url_prefix="/v1")

    @blp.route("/pets")
    class Pets(MethodView):
        @blp.arguments(PetSchema)
        @blp.response(201, PetSchema)
        def post(self, new: Any) -> Any:
            """Add a pet. It gets an ID."""
            return new

    @blp.route("/owners")
    @blp.arguments(FindSchema, location="query")
    @blp.response(200, OwnerSchema(many=True))
    def list_owners(_query: Any) -> Any:
        """List owners."""
        return []

    application = make_application()
    api = application.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    api.register_blueprint(blp)
    return inlined(api.spec.to_dict())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def schemas(node: Any, *, is_schema: bool = False) -> Iterator[dict[str, Any]]:
    """Yield every schema of a document, at any depth."""
    if isinstance(node, list):
        for each in node:
            yield from schemas(each, is_schema=is_schema)
    elif isinstance(node, dict) and is_schema:
        yield node
        for name in ("items", "additionalProperties", "anyOf", "oneOf", "allOf"):
            yield from schemas(node.get(name), is_schema=True)
        yield from schemas([*node.get("properties", {}).values()], is_schema=True)
    elif isinstance(node, dict):
        for name, each in node.items():
            if name == "schemas":
                yield from schemas([*each.values()], is_schema=True)
            elif name not in {"example", "examples"}:
                yield from schemas(each, is_schema=name == "schema")


def reached(document: dict[str, Any], start: Any) -> set[str]:
    """Return the names of the schemas that are referenced, directly or indirectly."""
    found: set[str] = set()
    pending = [start]
    while pending:
        node = pending.pop()
        pending += [*node.values()] if isinstance(node, dict) else node if isinstance(node, list) else []
        name = node.get("$ref", "") if isinstance(node, dict) else ""
        if isinstance(name, str) and name.startswith(SCHEMAS) and name.removeprefix(SCHEMAS) not in found:
            found.add(name.removeprefix(SCHEMAS))
            pending.append(document["components"]["schemas"][name.removeprefix(SCHEMAS)])
    return found


@pytest.fixture(params=["document", "forked"])
def each_document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return both documents."""
    found: dict[str, Any] = request.getfixturevalue(request.param)
    return found


class TestSchemas:
    def test_generators_agree_on_each_schema(self, each_document: dict[str, Any]) -> None:
        seen, parameters = 0, [each for _, one in operations(each_document) for each in one["parameters"]]
        free = [each["schema"] for each in parameters if "schema" in each and "maximum" not in each["schema"]]
        for schema in schemas(each_document):
            seen += 1
            assert "default" not in schema, schema
            assert "const" not in schema, schema
            assert None not in schema.get("enum", ()), schema
            assert "enum" not in schema or "type" in schema, schema
            kinds = schema.get("type", ())
            is_free = any(schema is each for each in free)
            assert is_free or "integer" not in kinds or schema["format"] in {"int32", "int64"}, schema
            assert not isinstance(kinds, list) or "null" in kinds, schema
            assert "allOf" not in schema, schema
            is_object = schema.get("type") == "object"
            assert not is_object or schema.get("properties") or "additionalProperties" in schema, schema
        assert seen > 500

    def test_parameters_are_never_null(self, each_document: dict[str, Any]) -> None:
        seen = 0
        for name, operation in operations(each_document):
            for schema in schemas([each.get("schema") for each in operation["parameters"]], is_schema=True):
                assert "null" not in str(schema.get("type")), name
                seen += 1
        assert seen > 5

    def test_a_response_is_complete_and_open(self, document: dict[str, Any]) -> None:
        returned = reached(
            document, [r for _, each in operations(document) for s, r in each["responses"].items() if s < "3"]
        )
        assert {"Task", "TaskList", "User", "Tokens"} <= returned
        for name in returned - ERRORS:
            schema = document["components"]["schemas"][name]
            assert schema.get("required", []) == [*schema.get("properties", {})], name
            assert schema.get("additionalProperties") is not False, name

    def test_a_request_is_closed_and_requires_the_same_members(self, document: dict[str, Any]) -> None:
        sent = reached(document, [each.get("requestBody") for _, each in operations(document)])
        assert {"TaskCreate", "TaskUpdate"} <= sent
        assert {name for name in sent if document["components"]["schemas"][name]["additionalProperties"]} == set()
        assert document["components"]["schemas"]["TaskCreate"]["required"] == ["title"]
        assert "required" not in document["components"]["schemas"]["TaskUpdate"]

    def test_no_schema_is_used_for_both(self, document: dict[str, Any]) -> None:
        sent = reached(document, [each.get("requestBody") for _, each in operations(document)])
        returned = reached(document, [each["responses"] for _, each in operations(document)])
        assert sent & returned == set()

    def test_names_do_not_collide(self, document: dict[str, Any]) -> None:
        names = set(document["components"]["schemas"])
        assert names & GENERIC == set()
        assert {name for name in names if name.startswith("New") or name[-1].isdigit()} == set()
        assert len({name.lower() for name in names}) == len(names)

    def test_each_schema_is_used(self, document: dict[str, Any]) -> None:
        used = reached(document, document["paths"])
        assert set(document["components"]["schemas"]) - used <= {"Problem", "Violation"}

    def test_each_property_is_described(self, document: dict[str, Any]) -> None:
        plain = {
            f"{name}.{member}"
            for name, schema in document["components"]["schemas"].items()
            for member, each in schema.get("properties", {}).items()
            if not each.get("description") and "$ref" not in each
        }
        assert plain == set()


class TestErrors:
    def test_an_error_inside_a_response_is_typed(self, document: dict[str, Any]) -> None:
        all_schemas = document["components"]["schemas"]
        failure = all_schemas["BatchFailure"]["properties"]["problem"]
        assert failure == {"$ref": f"{SCHEMAS}ItemProblem", "description": "The problem document of the item."}
        body = all_schemas["ErrorExample"]["properties"]["body"]
        assert body["anyOf"] == [{"$ref": f"{SCHEMAS}Problem"}, {"type": "null"}]
        assert all_schemas["Violation"]["required"] == ["field", "code", "message"]
        assert "errors" not in all_schemas["Problem"]["required"]
        required = {each: set(all_schemas[each]["required"]) for each in ("Problem", "ItemProblem")}
        assert required["Problem"] ^ required["ItemProblem"] == {"request_id", "instance"}

    def test_each_error_is_complete_and_identified_by_its_code(self, document: dict[str, Any]) -> None:
        all_schemas, seen = document["components"]["schemas"], 0
        for name, operation in operations(document):
            for status, response in operation["responses"].items():
                content = response.get("content", {}).get("application/problem+json")
                if content is None:
                    continue
                references = [each["$ref"] for each in content["schema"].get("oneOf", [content["schema"]])]
                codes = {}
                for reference in references:
                    schema = all_schemas[reference.removeprefix(SCHEMAS)]
                    assert "allOf" not in schema
                    assert {"type", "title", "status", "code", "kind", "retryable"} <= {*schema["required"]}
                    assert "enum" not in schema["properties"]["title"]
                    (code,) = schema["properties"]["code"]["enum"]
                    codes[code] = reference
                if len(codes) > 1:
                    assert content["schema"]["discriminator"] == {"propertyName": "code", "mapping": codes}, name
                seen += status >= "400"
        assert seen > 200

    def test_errors_of_one_status_have_unique_titles(self, document: dict[str, Any]) -> None:
        """A generated type has the title as its name, whatever other operations exist."""
        seen = [
            (f"{operation['operationId'].replace('_', '')}{status}response", media["schema"]["title"])
            for _, operation in operations(document)
            for status, response in operation["responses"].items()
            for media in response.get("content", {}).values()
            if "oneOf" in media["schema"]
        ]
        assert len(seen) > 10
        assert [title.lower() for _, title in seen] == [expected for expected, _ in seen]
        assert {title for _, title in seen}.isdisjoint(document["components"]["schemas"])


class TestSharedErrors:
    """Responses of several operations are components."""

    def test_no_error_is_repeated(self, app: Flask) -> None:
        document = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
        shared, inline, referred = document["components"]["responses"], list[Any](), list[str]()
        for _, operation in operations(document):
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    referred.append(response["$ref"].removeprefix(PREFIX))
                elif status >= "400":
                    inline.append(response)
        assert len(referred) > 200
        assert {*referred} == {*shared}
        assert all(referred.count(name) > 1 for name in shared)
        assert [each for each in inline if inline.count(each) > 1 or each in shared.values()] == []

    def test_a_forks_document_is_valid_with_its_own_components(self, make_application: Any) -> None:
        """``alt_response`` by name refers to a component of flask-smorest; a status such as "default" is one too."""
        blp = Blueprint("pets", __name__, url_prefix="/v1")
        for name in ("a", "b"):

            @blp.route(f"/{name}", endpoint=name)
            @blp.response(200, PetSchema)
            @blp.alt_response("default", schema=OwnerSchema, description="Something else")
            @blp.alt_response(404, "NOT_FOUND")
            def get() -> Any:
                """Return a pet."""

        api = make_application().extensions["flask-smorest"]["apis"][""]["ext_obj"]
        api.register_blueprint(blp)
        document = api.spec.to_dict()
        OpenAPIV31SpecValidator(document).validate()
        first, second = (document["paths"][f"/v1/{name}"]["get"]["responses"] for name in ("a", "b"))
        assert first["404"] == {"$ref": f"{PREFIX}NOT_FOUND"}
        assert first["default"] == second["default"] == {"$ref": f"{PREFIX}ErrorDefault"}
        assert document["components"]["responses"]["ErrorDefault"]["description"] == "Something else"


class TestOperations:
    def test_each_operation_is_described(self, document: dict[str, Any]) -> None:
        for name, operation in operations(document):
            assert operation["summary"].endswith("."), name
            assert ". " not in operation["summary"], name
            assert operation["description"], name
            assert operation["security"] is not None
            for parameter in operation["parameters"]:
                assert "$ref" in parameter or parameter["description"], name

    def test_path_parameters_have_a_description_and_an_example(self, document: dict[str, Any]) -> None:
        found = [each for item in document["paths"].values() for each in item.get("parameters", ())]
        assert len(found) > 5
        for each in found:
            assert each["description"]
            assert "example" in each or "example" in each["schema"], each

    def test_tags_are_defined_headings(self, each_document: dict[str, Any]) -> None:
        tags = {each["name"] for each in each_document["tags"]}
        assert {tag for _, each in operations(each_document) for tag in each["tags"]} <= tags
        assert all(tag[0].isupper() and "-" not in tag for tag in tags)

    def test_the_document_has_the_version_of_the_service_and_a_contact(self, document: dict[str, Any]) -> None:
        assert document["info"]["version"].count(".") == 2
        assert document["info"]["contact"]["url"] == "http://candor.test"


class TestFork:
    def test_a_schema_for_both_directions_requires_no_more_of_a_request(self, forked: dict[str, Any]) -> None:
        pet = forked["components"]["schemas"]["Pet"]
        assert pet["required"] == ["id", "name"], "a read-only property is required in responses only"
        kind = {"type": "string", "enum": ["cat", "dog"], "description": "Default: cat.", "x-default": "cat"}
        assert pet["properties"]["kind"] == kind
        assert pet["properties"]["mood"]["anyOf"] == [{"type": "string", "enum": ["good", "bad"]}, {"type": "null"}]

    def test_a_response_schema_requires_all_but_secrets(self, forked: dict[str, Any]) -> None:
        owner = forked["components"]["schemas"]["Owner"]
        assert owner["required"] == ["name", "pets"]

    def test_docstrings_and_names_become_readable_text(self, forked: dict[str, Any]) -> None:
        operation = forked["paths"]["/v1/pets"]["post"]
        assert (operation["summary"], operation["description"]) == ("Add a pet.", "Add a pet. It gets an ID.")
        assert operation["tags"] == ["Pet owners"]

    def test_it_is_valid(self, forked: dict[str, Any]) -> None:
        OpenAPIV31SpecValidator(forked).validate()


def test_the_document_of_apispec_is_unchanged() -> None:
    held = {"paths": {}, "components": {"schemas": {"A": {"properties": {"b": {"const": 1, "default": 2}}}}}}
    member = {"type": "integer", "format": "int64", "enum": [1], "description": "Default: 2.", "x-default": 2}
    assert finished(held)["components"]["schemas"]["A"] == {"properties": {"b": member}}
    assert held["components"]["schemas"]["A"] == {"properties": {"b": {"const": 1, "default": 2}}}
