"""flask-smorest, as in its quick start and its manual, on a blueprint of this project."""

from typing import Any

import flask_smorest
import marshmallow as ma
import pytest
from flask.views import MethodView

from app.rest.public_routes import public
from tests.idioms.kit import INVALID, Blueprint, candor_only, problem
from tests.idioms.pets import PetQueryArgsSchema, PetSchema


def operation(api: Any, path: str, method: str) -> dict[str, Any]:
    """Return an operation of the OpenAPI document."""
    document = api.spec.to_dict()
    found: dict[str, Any] = document["paths"][path][method]
    return found


def test_the_quick_start(blp, register) -> None:
    pets = {1: {"id": 1, "name": "Max"}}

    @blp.route("/")
    class Pets(MethodView):
        @blp.arguments(PetQueryArgsSchema, location="query")
        @blp.response(200, PetSchema(many=True))
        def get(self, args):
            """List pets"""
            return [pet for pet in pets.values() if args.get("name", pet["name"]) == pet["name"]]

        @blp.arguments(PetSchema)
        @blp.response(201, PetSchema)
        def post(self, new_data):
            """Add a new pet"""
            pets[2] = {"id": 2, **new_data}
            return pets[2]

    @blp.route("/<int:pet_id>")
    class PetsById(MethodView):
        @blp.response(200, PetSchema)
        def get(self, pet_id):
            """Get pet by ID"""
            if pet_id not in pets:
                flask_smorest.abort(404, message="Item not found.")
            return pets[pet_id]

        @blp.arguments(PetSchema)
        @blp.response(200, PetSchema)
        def put(self, update_data, pet_id):
            """Update existing pet"""
            pets[pet_id].update(update_data)
            return pets[pet_id]

        @blp.response(204)
        def delete(self, pet_id):
            """Delete pet"""
            del pets[pet_id]

    client = register(blp)
    assert client.get("/pets/").json == [{"id": 1, "name": "Max"}]
    assert client.get("/pets/?name=Moritz").json == []
    created = client.post("/pets/", json={"name": "Moritz"})
    assert (created.status_code, created.json) == (201, {"id": 2, "name": "Moritz"})
    assert client.put("/pets/2", json={"name": "Maja"}).json["name"] == "Maja"
    assert (client.delete("/pets/2").status_code, client.get("/pets/1").json["id"]) == (204, 1)


def test_functions_as_resources(blp, register) -> None:
    @blp.route("/", methods=["GET"])
    @blp.response(200, PetSchema)
    def get_pet():
        return {"id": 1, "name": "Max"}

    assert register(blp).get("/pets/").json == {"id": 1, "name": "Max"}


def test_responses_are_dumped(blp, register) -> None:
    class Pet:
        id, name, secret = 1, "Max", "x"

    @blp.route("/")
    @blp.response(200, PetSchema)
    def get_pet():
        return Pet(), 200, {"X-Own": "yes"}

    response = register(blp).get("/pets/")
    assert (response.json, response.headers["X-Own"]) == ({"id": 1, "name": "Max"}, "yes")


def test_a_response_without_a_schema(blp, register) -> None:
    @blp.route("/")
    @blp.response(200)
    def get_pet():
        return {"any": "thing"}

    assert register(blp).get("/pets/").json == {"any": "thing"}


def test_dump_hooks(blp, register) -> None:
    class Enveloped(PetSchema):
        @ma.post_dump(pass_collection=True)
        def wrap(self, data, many, **kwargs):
            return {"pets": data} if many else data

        @ma.pre_dump
        def upper(self, pet, **kwargs):
            return {**pet, "name": pet["name"].upper()}

    @blp.route("/")
    @blp.response(200, Enveloped(many=True))
    def get_pets():
        return [{"id": 1, "name": "Max"}]

    assert register(blp).get("/pets/").json == {"pets": [{"id": 1, "name": "MAX"}]}


def test_alternative_responses_are_documented(api, blp, register) -> None:
    @blp.route("/", methods=["POST"])
    @blp.arguments(PetSchema, description="The pet.", example={"name": "Max"})
    @blp.response(201, PetSchema, description="Created.", example={"id": 1, "name": "Max"})
    @blp.alt_response(202, schema=PetSchema, description="Later.", success=True)
    def create(pet):
        """Create a pet.

        At length.
        """
        return {"id": 1, **pet}, 202

    assert register(blp).post("/pets/", json={"name": "Max"}).status_code == 202
    documented = operation(api, "/pets/", "post")
    assert documented["summary"] == "Create a pet."
    assert {"201", "202"} <= {str(status) for status in documented["responses"]}
    media = documented["requestBody"]["content"]["application/json"]
    assert media["example"] == {"name": "Max"}


def test_doc_extends_the_document(api, blp, register) -> None:
    @blp.route("/")
    @blp.doc(description="Return pets based on ID", tags=["special"], deprecated=True)
    @blp.response(200, PetSchema)
    def get():
        return {}

    register(blp)
    documented = operation(api, "/pets/", "get")
    assert documented["description"] == "Return pets based on ID"
    assert documented["deprecated"] is True


@candor_only
@pytest.mark.parametrize("feature", ["paginate", "etag"])
def test_an_unsupported_use_is_rejected_with_the_alternative(blp, feature: str) -> None:
    with pytest.raises(TypeError, match=r"^[^.]+[.]?$") as caught:
        getattr(blp, feature)(lambda: None) if feature == "etag" else blp.paginate()
    assert feature in str(caught.value)


@candor_only
class TestRegistration:
    def test_an_unsupported_location(self, blp) -> None:
        with pytest.raises((TypeError, ValueError), match="nowhere"):
            blp.arguments(PetSchema, location="nowhere")

    def test_an_object_that_is_not_a_schema(self, blp) -> None:
        with pytest.raises(TypeError):
            blp.arguments(dict)(lambda pet: pet)

    def test_a_token_and_a_scope_are_required(self, register, bearer) -> None:
        blp = Blueprint("cats", __name__, url_prefix="/cats", scope="tasks")

        @blp.route("/")
        class Cats(MethodView):
            @blp.response(200, PetSchema)
            def get(self):
                return {"name": "Tom"}

        client = register(blp)
        problem(client.get("/cats/"), 401)
        problem(client.get("/cats/", headers=bearer("alice", "account")), 403)
        assert client.get("/cats/", headers=bearer("alice", "tasks")).json["name"] == "Tom"


def test_a_stock_blueprint_works_as_in_its_manual(register) -> None:
    """It declares nothing, like a plain route: it requires a token until it is marked as public."""
    blp = public(flask_smorest.Blueprint("dogs", __name__, url_prefix="/dogs"))

    @blp.route("/", methods=["POST"])
    @blp.arguments(PetSchema)
    @blp.response(201, PetSchema)
    def create(pet):
        flask_smorest.abort(409, message="Already there.") if pet["name"] == "Max" else None
        return pet

    client = register(blp)
    assert client.post("/dogs/", json={"name": "Rex"}).json == {"name": "Rex"}
    problem(client.post("/dogs/", json={}), INVALID)
    problem(client.post("/dogs/", json={"name": "Max"}), 409, detail="Already there.")
