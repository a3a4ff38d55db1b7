"""C12: the OpenAPI document lists the input of each operation, and exactly the errors that it can end with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import errs
from app.rest import operations
from app.rest.errors import status_of
from app.rest.operations import Operation
from tests.documents import inlined

pytestmark = pytest.mark.slow


class TestOpenApi:
    """GET /openapi.json."""

    def test_it_is_valid_and_tagged(self, client: FlaskClient) -> None:
        """C12: OpenAPI 3.1."""
        response = client.get("/openapi.json")
        OpenAPIV31SpecValidator(response.get_json()).validate()
        assert response.headers["Cache-Control"] == "no-cache, no-transform"
        again = client.get("/openapi.json", headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.get_data()) == (304, b"")

    def test_it_lists_every_documented_operation_and_no_other(self, client: FlaskClient, app: Flask) -> None:
        """C12."""
        documented = {name for name, each in _declared(app).items() if each.is_documented}
        assert {each["operationId"] for _, _, each in _operations(client)} == documented
        assert {"get_docs", "get_docs_asset", "get_asset"} == _declared(app).keys() - documented

    def test_each_operation_lists_its_callers_and_its_errors(self, client: FlaskClient, app: Flask) -> None:
        """C12: exactly the errors that it declares, each under its status."""
        declared = _declared(app)
        for _, path, each in _operations(client):
            operation = declared[each["operationId"]]
            scopes = [operation.scope] if operation.scope else []
            is_public = operation.scope is operations.PUBLIC
            assert each["security"] == ([] if is_public else [{"bearer": scopes}]), path
            assert each["x-errors"] == sorted(error.code for error in operation.raises)
            assert each["summary"].endswith(".")
            statuses = {status for status in each["responses"] if status >= "400"}
            assert statuses == {str(status_of(error).value) for error in operation.raises}
            for error in operation.raises:
                assert f"[{error.code}]" in each["responses"][str(status_of(error).value)]["description"]

    @pytest.mark.parametrize(
        ("path", "method", "status", "fields"),
        [
            ("/v1/tasks", "post", "201", {"Location", "ETag", "Idempotent-Replayed", "RateLimit", "RateLimit-Policy"}),
            ("/v1/tasks", "post", "401", {"WWW-Authenticate"}),
            ("/v1/tasks", "post", "403", {"WWW-Authenticate"}),
            ("/v1/tasks", "post", "409", {"Retry-After"}),
            ("/v1/tasks", "post", "415", {"Accept-Post", "Accept-Encoding"}),
            ("/v1/tasks", "post", "429", {"Retry-After", "RateLimit", "RateLimit-Policy"}),
            ("/v1/tasks", "get", "503", {"Retry-After"}),
            ("/v1/tasks/{task_id}", "get", "304", {"ETag", "Cache-Control", "Vary", "RateLimit"}),
            ("/v1/tasks/{task_id}", "patch", "415", {"Accept-Patch"}),
            ("/errors", "get", "200", {"Vary", "Content-Security-Policy"}),
        ],
    )
    def test_a_response_lists_its_header_fields(
        self, client: FlaskClient, path: str, method: str, status: str, fields: set[str]
    ) -> None:
        """C12: the test client compares every response of every test with these."""
        document = inlined(client.get("/openapi.json").get_json())
        named = document["paths"][path][method]["responses"][status]["headers"]
        assert fields | {"X-Request-Id", "Request-Id"} <= named.keys()
        for each in named.values():
            assert document["components"]["headers"][each["$ref"].rpartition("/")[2]]["description"]

    def test_only_limited_operations_list_limits(self, client: FlaskClient, app: Flask) -> None:
        """C22: health is exempt."""
        declared = _declared(app)
        for _, path, each in _operations(client):
            listed = {"RateLimit" in response["headers"] for response in each["responses"].values()}
            assert listed == {declared[each["operationId"]].is_limited}, path

    def test_every_example_matches_its_schema(self, client: FlaskClient) -> None:
        """C12: of every error of every operation."""
        document = inlined(client.get("/openapi.json").get_json())
        checked = 0
        for content in _contents(document):
            validator = Draft202012Validator(content["schema"] | {"components": document["components"]})
            for example in content.get("examples", {}).values():
                validator.validate(example["value"])
                checked += 1
        assert checked > len(errs.named_errors())

    @pytest.mark.parametrize(
        ("template", "path"),
        [
            ("/", "/"),
            ("/errors", "/errors"),
            ("/errors/{slug}", "/errors/validation-failed"),
            ("/errors/{slug}", "/errors/insufficient-scope"),
            ("/openapi.json", "/openapi.json"),
            ("/healthz", "/healthz"),
            ("/readyz", "/readyz"),
        ],
    )
    def test_responses_of_public_operations_match_their_schema(
        self, client: FlaskClient, template: str, path: str
    ) -> None:
        """C12: this document too."""
        document = inlined(client.get("/openapi.json").get_json())
        content = document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]
        schema = content["schema"] | {"components": document["components"]}
        Draft202012Validator(schema).validate(client.get(path).get_json())

    def test_the_example_of_a_body_is_accepted_unchanged(
        self, client: FlaskClient, bearer: Callable[..., dict[str, str]]
    ) -> None:
        """The reference fills it in, and a reader can send it."""
        members = client.get("/openapi.json").get_json()["components"]["schemas"]["TaskCreate"]["properties"]
        task = {
            name: each["example"] for name, each in members.items() if "example" in each and not each.get("readOnly")
        }
        assert {"title", "due_date", "tags"} <= task.keys()
        assert client.post("/v1/tasks", json={"task": task}, headers=bearer()).status_code == 201

    def test_the_catalogue_lists_the_same_operations(self, client: FlaskClient, app: Flask) -> None:
        """C12: the same list as OpenAPI."""
        declared = {
            code: {f"{method.upper()} {path}" for method, path, each in _operations(client) if code in each["x-errors"]}
            for code in errs.named_errors()
        }
        for code in errs.named_errors():
            page = client.get(f"/errors/{errs.slug(code)}").get_json()
            assert {f"{each['method']} {each['path']}" for each in page["operations"]} == declared[code], code
            assert page["is_universal"] == (errs.named_errors()[code] in operations.EVERYWHERE)


def _operations(client: FlaskClient) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in inlined(client.get("/openapi.json").get_json())["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield method, path, operation


def _declared(app: Flask) -> dict[str, Operation]:
    return {endpoint.partition(".")[2]: each for (endpoint, _), each in operations.table(app).items()}


def _contents(node: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object that has a schema and examples."""
    if isinstance(node, Mapping):
        if "schema" in node and "examples" in node:
            yield node
        for each in node.values():
            yield from _contents(each)
    elif isinstance(node, list):
        for each in node:
            yield from _contents(each)
