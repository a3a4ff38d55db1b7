"""Deprecated operations: one argument of a route makes every response announce it (RFC 9745, RFC 8594)."""

from dataclasses import replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import marshmallow as ma
import pytest
from flask import request
from flask.views import MethodView

from app import create_app
from app.errs import E, Kind, fallbacks
from app.rest.blueprint import Blueprint
from app.rest.conditional import conditional, etag
from app.rest.idempotency import once
from app.rest.operations import PUBLIC
from app.wire.deprecation import Deprecation
from tests.conftest import close
from tests.documents import inlined
from tests.idioms.kit import CheckedClient, candor_only

pytestmark = candor_only
SOON = Deprecation(date(2026, 12, 1), sunset=date(2027, 6, 1), page="https://api.example/changes#pets")
FIELDS = {
    "Deprecation": "@1796083200",
    "Sunset": "Tue, 01 Jun 2027 00:00:00 GMT",
    "Link": '<https://api.example/changes#pets>; rel="deprecation"; type="text/html"',
}


class PetSchema(ma.Schema):
    """A pet."""

    name = ma.fields.String(required=True)


def announced(response) -> dict[str, str]:
    return {name: response.headers[name] for name in FIELDS if name in response.headers}


@pytest.fixture
def pets():
    """Return a blueprint of a fork: ``/pets`` is deprecated, ``/animals`` is not."""
    blp = Blueprint("pets", "pets", url_prefix="/pets")

    @blp.route("/<name>", deprecated=SOON)
    @conditional(("name",))
    @blp.response(HTTPStatus.OK, PetSchema, headers=("ETag",))
    @blp.raises(fallbacks.ItemDoesNotExist)
    def get_pet(name, precondition):
        """Return a pet."""
        if name == "none":
            raise E("pets.get", Kind.NOT_EXIST, message="No such pet.")
        if name == "bug":
            raise RuntimeError("unforeseen")
        return {"name": name}, {"ETag": etag(1, ("name",))}

    @blp.route("", methods=["POST"], deprecated=SOON)
    @once
    @blp.arguments(PetSchema)
    @blp.response(HTTPStatus.CREATED, PetSchema)
    def add_pet(new):
        """Add a pet."""
        return new

    @blp.route("", methods=["PATCH"])
    @blp.arguments(PetSchema)
    @blp.response(HTTPStatus.OK, PetSchema)
    def change_pet(new):
        """Change a pet."""
        return new

    @blp.route("/all", deprecated=Deprecation(date(2026, 1, 1)))
    class Pets(MethodView):
        @blp.response(HTTPStatus.OK, PetSchema(many=True))
        def get(self):
            """List pets."""
            return [], {"Link": '</pets?page=2>; rel="next"'}

        @blp.response(HTTPStatus.NO_CONTENT)
        def delete(self):
            """Remove pets."""

    return blp


class TestResponses:
    @pytest.mark.parametrize(
        ("method", "path", "headers", "status"),
        [
            ("GET", "/pets/max", {}, 200),
            ("HEAD", "/pets/max", {}, 200),
            ("GET", "/pets/max", {"If-None-Match": etag(1, ("name",))}, 304),
            ("GET", "/pets/max", {"If-None-Match": "*"}, 304),
            ("GET", "/pets/max", {"Authorization": ""}, 401),
            ("GET", "/pets/none", {}, 404),
            ("GET", "/pets/max", {"Accept": "text/html"}, 406),
            ("GET", "/pets/max?colour=red", {}, 400),
            ("GET", "/pets/bug", {}, 500),
            ("POST", "/pets", {"Content-Type": "text/plain"}, 415),
        ],
    )
    def test_all_responses_announce_it(self, pets, register, bearer, method, path, headers, status) -> None:
        response = register(pets).open(path, method=method, headers=bearer() | headers, data="x" * (method == "POST"))
        assert response.status_code == status
        assert announced(response) == FIELDS

    def test_the_times_are_those_of_the_argument(self) -> None:
        assert datetime.fromisoformat("2026-12-01T00:00:00Z").timestamp() == int(FIELDS["Deprecation"][1:])
        assert parsedate_to_datetime(FIELDS["Sunset"]).isoformat() == "2027-06-01T00:00:00+00:00"

    def test_a_replayed_response_announces_it(self, pets, register, bearer) -> None:
        client, headers = register(pets), bearer() | {"Idempotency-Key": "a-key-of-the-deprecated"}
        first, second = (client.post("/pets", json={"name": "Max"}, headers=headers) for _ in range(2))
        assert second.headers["Idempotent-Replayed"] == "true"
        assert announced(first) == announced(second) == FIELDS

    def test_a_response_of_the_rate_limit_announces_it(self, pets, settings) -> None:
        app = create_app(replace(settings, rate_limit="1 per hour"))
        app.test_client_class = CheckedClient
        app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(pets)
        answers = [app.test_client().get("/pets/max") for _ in range(2)]
        with app.app_context():
            close(app.extensions["sqlalchemy"].engine)
        assert [each.status_code for each in answers] == [401, 429]
        assert [announced(each) for each in answers] == [FIELDS, FIELDS]

    def test_a_response_whose_teardown_fails_announces_it(self, app, pets, register, bearer) -> None:
        def fail(_error):
            if request.path == "/pets/max":
                raise RuntimeError("at the end")

        app.teardown_request(fail)
        response = register(pets).get("/pets/max", headers=bearer())
        app.teardown_request_funcs[None].remove(fail)
        assert (response.status_code, announced(response)) == (500, FIELDS)

    def test_other_operations_of_the_path_do_not_announce_it(self, pets, register, bearer) -> None:
        client = register(pets)
        assert announced(client.patch("/pets", json={"name": "Max"}, headers=bearer())) == {}
        assert announced(client.put("/pets", headers=bearer())) == {}
        assert announced(client.options("/pets")) == {}
        assert announced(client.get("/v1/tasks", headers=bearer())) == {}

    def test_a_class_is_deprecated_as_a_whole_and_its_own_fields_stay(self, pets, register, bearer) -> None:
        client = register(pets)
        listed = client.get("/pets/all", headers=bearer())
        assert (listed.headers["Deprecation"], listed.headers.get("Sunset")) == ("@1767225600", None)
        assert listed.headers.getlist("Link") == ['</pets?page=2>; rel="next"']
        assert client.delete("/pets/all", headers=bearer()).headers["Deprecation"] == "@1767225600"

    def test_a_link_of_the_view_is_kept(self, blp, register) -> None:
        @blp.route("/", deprecated=SOON)
        def get_pets():
            return "", {"Link": '</next>; rel="next"', "Sunset": "Wed, 02 Jun 2027 00:00:00 GMT"}

        response = register(blp).get("/pets/")
        assert response.headers.getlist("Link") == ['</next>; rel="next"', FIELDS["Link"]]
        assert response.headers.getlist("Sunset") == ["Wed, 02 Jun 2027 00:00:00 GMT"]

    def test_a_nested_blueprint_announces_it_too(self, pets, register, bearer) -> None:
        outer = Blueprint("zoo", "zoo", url_prefix="/zoo")
        outer.register_blueprint(pets)
        response = register(outer).get("/zoo/pets/max", headers=bearer())
        assert (response.status_code, announced(response)) == (200, FIELDS)

    def test_pages_of_other_origins_can_read_it(self, make_application, pets) -> None:
        app = make_application(cors_origins=("https://app.example",))
        app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(pets)
        response = app.test_client().get("/pets/max", headers={"Origin": "https://app.example"})
        exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
        assert response.status_code == 401
        assert {"Deprecation", "Sunset"} <= {*exposed}


class TestDocument:
    def test_it_is_marked_and_every_response_has_the_header_fields(self, api, pets, register) -> None:
        register(pets)
        paths = inlined(api.spec.to_dict())["paths"]
        for operation in (paths["/pets/{name}"]["get"], paths["/pets"]["post"]):
            assert operation["deprecated"] is True
            for status, response in operation["responses"].items():
                assert {"Deprecation", "Sunset", "Link"} <= response["headers"].keys(), status
        assert "2027-06-01" in paths["/pets"]["post"]["responses"]["201"]["headers"]["Sunset"]["description"]
        listed = paths["/pets/all"]["get"]["responses"]["200"]["headers"].keys()
        assert listed & FIELDS.keys() == {"Deprecation"}
        assert "deprecated" not in paths["/pets"]["patch"]
        assert paths["/pets"]["patch"]["responses"]["200"]["headers"].keys() & FIELDS.keys() == set()


class TestRegistration:
    def test_a_sunset_before_the_deprecation_is_rejected(self) -> None:
        with pytest.raises(ValueError, match="earlier than the deprecation: sunset=2026-11-30 since=2026-12-01"):
            Deprecation(date(2026, 12, 1), sunset=date(2026, 11, 30))
        assert Deprecation(date(2026, 12, 1), sunset=date(2026, 12, 1)).fields["Sunset"]

    @pytest.mark.parametrize(
        "page", ["/changes", "https://a.example/<x>", 'https://a.example/"', "https://a b", "a\r\nb://"]
    )
    def test_a_page_needs_an_absolute_url(self, page) -> None:
        with pytest.raises(ValueError, match="page is an absolute address"):
            Deprecation(date(2026, 12, 1), page=page)

    @pytest.mark.parametrize("given", ["2026-12-01", datetime(2026, 12, 1, 12, tzinfo=UTC)])
    def test_a_time_is_a_date(self, given) -> None:
        with pytest.raises(TypeError, match="a date, such as"):
            Deprecation(given)

    def test_a_route_accepts_no_other_argument(self) -> None:
        blp = Blueprint("pets", "pets", scope=PUBLIC)
        with pytest.raises(TypeError, match=r"deprecated is a Deprecation"):
            blp.route("/pets", deprecated=True)(lambda: "")
