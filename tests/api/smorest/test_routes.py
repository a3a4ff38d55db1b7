"""Routes as in flask-smorest's manual: functions, classes, several methods, options of rules."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, url_for
from flask.views import MethodView, View

from app.rest import operations, scopes
from app.rest.blueprint import Blueprint
from tests.api.smorest.conftest import PetQueryArgsSchema, PetSchema, Serve, api_of, document_of

Bearer = Callable[..., dict[str, str]]


class TestFunctions:
    """``@blp.route`` on a function."""

    def test_a_route_without_methods_handles_get(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        def list_pets() -> Any:
            return {"pets": []}

        client = serve(blp)
        assert client.get("/pets/").json == {"pets": []}
        assert client.post("/pets/").status_code == 405

    def test_a_function_may_handle_several_methods(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/", methods=["GET", "PUT"])
        def pets() -> Any:
            return {"pets": []}

        client = serve(blp)
        assert [client.get("/pets/").status_code, client.put("/pets/").status_code] == [200, 200]
        assert client.head("/pets/").status_code == 200

    def test_a_function_may_have_several_routes(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/b")
        @blp.route("/a")
        @blp.response(200, PetSchema)
        def get_pet() -> Any:
            return {"id": 1}

        client = serve(blp)
        assert [client.get(f"/pets/{each}").json for each in "ab"] == [{"id": 1}, {"id": 1}]

    def test_options_of_a_rule_pass_through(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/page/<int:page>", endpoint="paged")
        @blp.route("/", endpoint="first", defaults={"page": 1}, strict_slashes=False)
        def pets(page: int) -> Any:
            return {"page": page, "url": url_for("pets.paged", page=7)}

        client = serve(blp)
        assert client.get("/pets").json == {"page": 1, "url": "/pets/page/7"}
        assert client.get("/pets/page/3").json["page"] == 3

    def test_an_unknown_parameter_is_rejected_without_any_decorator(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        def list_pets() -> Any:
            return {}

        answer = serve(blp).get("/pets/?colour=red")
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (400, "UNKNOWN_PARAMETER")

    def test_a_coroutine_function_runs(self, blp: Blueprint, serve: Serve, app: Flask) -> None:
        @blp.route("/plain")
        async def plain() -> Any:
            return {"name": "Rex"}

        @blp.route("/")
        @blp.arguments(PetQueryArgsSchema, location="query")
        @blp.response(200, PetSchema)
        async def pet(args: Any) -> Any:
            return args

        client = serve(blp)
        client.application.ensure_sync = Flask.ensure_sync.__get__(client.application)
        assert client.get("/pets/plain").json == {"name": "Rex"}
        assert client.get("/pets/?name=Rex").json == {"name": "Rex"}


class TestClasses:
    """``@blp.route`` on a ``MethodView``, as in the quick start."""

    @pytest.fixture
    def client(self, blp: Blueprint, serve: Serve) -> Any:
        pets = [{"id": 1, "name": "Rex", "age": 2}]

        @blp.route("/")
        class Pets(MethodView):
            @blp.arguments(PetQueryArgsSchema, location="query")
            @blp.response(200, PetSchema(many=True))
            def get(self, args: Any) -> Any:
                """List pets"""
                return [each for each in pets if args.get("name") in {None, each["name"]}]

            @blp.arguments(PetSchema)
            @blp.response(201, PetSchema)
            def post(self, new_data: Any) -> Any:
                """Add a new pet"""
                return {"id": 2, **new_data}

        @blp.route("/<int:pet_id>")
        class PetsById(MethodView):
            @blp.response(200, PetSchema)
            def get(self, pet_id: int) -> Any:
                return {"id": pet_id, "name": "Rex", "age": 2}

            @blp.response(204)
            def delete(self, pet_id: int) -> None:
                """Delete pet"""

        return serve(blp)

    def test_reading(self, client: Any) -> None:
        assert client.get("/pets/?name=Rex").json == [{"id": 1, "name": "Rex", "age": 2}]
        assert client.get("/pets/?name=Tom").json == []
        assert client.head("/pets/").status_code == 200

    def test_creating(self, client: Any) -> None:
        answer = client.post("/pets/", json={"name": "Tom"})
        assert (answer.status_code, answer.json) == (201, {"id": 2, "name": "Tom", "age": 1})

    def test_violations(self, client: Any) -> None:
        answer = client.post("/pets/", json={"age": "old"})
        assert answer.status_code == 400
        assert {each["pointer"] for each in answer.json["errors"]} == {"#/name", "#/age"}

    def test_deleting(self, client: Any) -> None:
        answer = client.delete("/pets/1")
        assert (answer.status_code, answer.data) == (204, b"")
        assert "Content-Length" not in answer.headers

    def test_other_methods_are_not_allowed(self, client: Any) -> None:
        answer = client.put("/pets/1")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")

    def test_openapi_lists_each_method(self, client: Any) -> None:
        path = document_of(client)["paths"]["/pets/"]
        assert {method: each["operationId"] for method, each in path.items()} == {
            "get": "get_Pets",
            "post": "post_Pets",
        }
        assert path["post"]["summary"] == "Add a new pet"

    def test_a_method_without_decorators_works(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        class Pets(MethodView):
            def get(self) -> Any:
                return {"pets": []}

            @blp.response(200, PetSchema)
            async def put(self) -> Any:
                return {"id": 1}

        client = serve(blp)
        client.application.ensure_sync = Flask.ensure_sync.__get__(client.application)
        assert client.get("/pets/").json == {"pets": []}
        assert client.get("/pets/?a=1").status_code == 400
        assert client.put("/pets/").json == {"id": 1}

    def test_add_url_rule_takes_a_class_or_the_result_of_as_view(self, blp: Blueprint, serve: Serve) -> None:
        class Pets(MethodView):
            def __init__(self, colour: str = "red") -> None:
                self.colour = colour

            @blp.response(200)
            def get(self) -> Any:
                return {"colour": self.colour}

        blp.add_url_rule("/class", "class", Pets)
        blp.add_url_rule("/view", view_func=Pets.as_view("view", "green"))

        client = serve(blp)
        assert [client.get(f"/pets/{each}").json for each in ("class", "view")] == [
            {"colour": "red"},
            {"colour": "green"},
        ]
        assert {("pets.class", "GET"), ("pets.view", "GET")} <= operations.table(client.application).keys()

    def test_flasks_decorators_and_plain_views_work(self, blp: Blueprint, serve: Serve) -> None:
        def shout(view: Any) -> Any:
            return lambda **kwargs: {"loud": view(**kwargs)}

        @blp.route("/")
        class Hello(View):
            decorators = [shout]

            def dispatch_request(self) -> Any:
                return "hello"

        assert serve(blp).get("/pets/").json == {"loud": "hello"}

    def test_only_some_methods_of_a_class(self, blp: Blueprint, serve: Serve) -> None:
        class Pets(MethodView):
            def get(self) -> Any:
                return {}

            def delete(self) -> Any:
                return {}

        blp.add_url_rule("/", view_func=Pets, methods=["GET"])
        assert serve(blp).delete("/pets/").status_code == 405


class TestGuards:
    """The scope of each method; by default every method needs a token."""

    def test_a_blueprint_without_a_scope_needs_a_token(self, serve: Serve, bearer: Bearer) -> None:
        blp = Blueprint("pets", "pets", url_prefix="/pets", description="Operations on pets")

        @blp.route("/")
        class Pets(MethodView):
            @blp.response(200, PetSchema(many=True))
            def get(self) -> Any:
                return []

        client = serve(blp)
        assert client.get("/pets/").status_code == 401
        assert client.get("/pets/", headers=bearer(scopes="")).json == []

    def test_each_method_needs_its_scope(self, serve: Serve, bearer: Bearer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scopes, "SCOPES", {*scopes.SCOPES})
        scopes.add("pets:read", "pets:write")
        blp = Blueprint("pets", "pets", url_prefix="/pets", scope="pets:read", scope_to_write="pets:write")

        @blp.route("/a")
        class Pets(MethodView):
            def get(self) -> Any:
                return {}

            def post(self) -> Any:
                return {}

        @blp.route("/b", methods=["GET", "POST"])
        def pets() -> Any:
            return {}

        client = serve(blp)
        for path in ("/pets/a", "/pets/b"):
            reading, writing = bearer(scopes="pets:read"), bearer(scopes="pets:write")
            assert [client.get(path, headers=each).status_code for each in (reading, writing)] == [200, 403]
            assert [client.post(path, headers=each).status_code for each in (reading, writing)] == [403, 200]


class TestRegistration:
    """``Api.register_blueprint`` and nested blueprints."""

    def test_a_prefix_of_the_registration_is_part_of_the_operation(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/<owner>")
        def list_pets(tenant: str, owner: str) -> Any:
            return {"tenant": tenant, "owner": owner}

        described: dict[str, Any] = {
            "in": "path",
            "name": "tenant",
            "schema": {"type": "string"},
            "required": True,
            "description": "Who",
        }
        client = serve(blp, url_prefix="/t/<tenant>", parameters=[described])
        assert client.get("/t/me/bob").json == {"tenant": "me", "owner": "bob"}
        assert operations.table(client.application)["pets.list_pets", "GET"].name == "GET /t/<tenant>/<owner>"
        path = document_of(client)["paths"]["/t/{tenant}/{owner}"]
        assert described["description"] in str(path)

    def test_a_nested_blueprint_keeps_its_guards(self, serve: Serve, bearer: Bearer) -> None:
        parent = Blueprint("parent", __name__, scope=operations.PUBLIC, url_prefix="/parent")
        child = Blueprint("child", __name__, scope="tasks", url_prefix="/child")

        @child.route("/x")
        @child.response(200, PetSchema)
        def get_pet() -> Any:
            return {"id": 1}

        parent.register_blueprint(child)
        client = serve(parent)
        assert client.get("/parent/child/x").status_code == 401
        assert client.get("/parent/child/x", headers=bearer()).json == {"id": 1}
        operation = operations.table(client.application)["parent.child.get_pet", "GET"]
        assert operation.name == "GET /parent/child/x"
        assert "/parent/child/x" in document_of(client)["paths"]

    def test_plain_registration_with_flask_works(
        self, blp: Blueprint, make_application: Callable[..., Flask], bearer: Bearer
    ) -> None:
        @blp.route("/")
        def list_pets() -> Any:
            return {}

        app = make_application()
        app.register_blueprint(blp, name="others", url_prefix="/others")
        assert app.test_client().get("/others/").status_code == 200
        assert ("others.list_pets", "GET") in operations.table(app)

    def test_two_applications_have_separate_operations(self, blp: Blueprint, serve: Serve) -> None:
        @blp.route("/")
        def list_pets() -> Any:
            return {}

        first, second = serve(blp, url_prefix="/a"), serve(blp, url_prefix="/b")
        assert first.get("/a/").status_code == second.get("/b/").status_code == 200
        tables = [operations.table(each.application) for each in (first, second)]
        assert [each["pets.list_pets", "GET"].name for each in tables] == ["GET /a/", "GET /b/"]

    def test_a_limit_names_a_setting_of_the_application(
        self, blp: Blueprint, make_application: Callable[..., Flask]
    ) -> None:
        @blp.route("/", limit="PET_RATE_LIMIT")
        def list_pets() -> Any:
            return {}

        app = make_application()
        with pytest.raises(TypeError, match=r"has limit='PET_RATE_LIMIT', and app.config has no such setting"):
            api_of(app).register_blueprint(blp)
        app = make_application()
        app.config["PET_RATE_LIMIT"] = "often"
        with pytest.raises(TypeError, match="is not a limit such as '5 per minute'"):
            api_of(app).register_blueprint(blp)
        app = make_application()
        app.config["PET_RATE_LIMIT"] = "1 per hour"
        api_of(app).register_blueprint(blp)
        client = app.test_client()
        assert [client.get("/pets/").status_code for _ in range(2)] == [200, 429]
