"""Known routes are those that Werkzeug finds, and are forgotten when a route is added."""

from uuid import UUID

import pytest
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import MapAdapter, Rule

from app.rest import known_routes
from app.rest.converters import ResourceId
from app.rest.known_routes import RouteMap

ONE, OTHER = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33", "8C1B2C1E-6F4E-4D4C-9D6E-0D9B6A1F2A34"


def bound(*rules: str) -> MapAdapter:
    routes = RouteMap(
        [Rule(each, endpoint=each, methods=["GET"]) for each in rules],
        converters={"id": ResourceId},
        merge_slashes=False,
    )
    return routes.bind("")


def found(adapter: MapAdapter, path: str) -> tuple[str, dict[str, object]] | None:
    """Return the known route of a path; if there is none, let Werkzeug find it, and keep it."""
    routes = known_routes.of(adapter)
    known = routes.find(path, "GET")
    if known is not None:
        return known[0].rule, dict(known[1])
    rule, arguments = adapter.match(path, "GET", return_rule=True)
    routes.learn(path, "GET", rule, arguments)
    return None


def test_routes_without_parameters_and_with_an_id_at_the_end_are_known() -> None:
    adapter = bound("/v1/tasks", "/v1/tasks/<id:task_id>", "/v1/tasks/<id:task_id>:cancel", "/v1/tasks/search")
    for path in ("/v1/tasks", f"/v1/tasks/{ONE}"):
        assert found(adapter, path) is None
    assert found(adapter, "/v1/tasks") == ("/v1/tasks", {})
    assert found(adapter, f"/v1/tasks/{OTHER}") == ("/v1/tasks/<id:task_id>", {"task_id": UUID(OTHER)})
    for path in ("/v1/tasks/none", f"/v1/tasks/{ONE}:cancel", "/v1/tasks/search"):
        assert found(adapter, path) is None
    assert found(adapter, "/v1/tasks/search") == ("/v1/tasks/search", {})
    assert known_routes.of(adapter).find("/v1/tasks", "POST") is None
    with pytest.raises(MethodNotAllowed):
        adapter.match("/v1/tasks", "POST")


@pytest.mark.parametrize("other", ["/v1/tasks/<string(length=36):name>", f"/v1/tasks/{OTHER}", "/v1/tasks/<path:rest>"])
def test_an_id_is_not_known_if_another_route_can_match_one(other: str) -> None:
    adapter = bound("/v1/tasks/<id:task_id>", other)
    assert found(adapter, f"/v1/tasks/{ONE}") is None
    assert found(adapter, f"/v1/tasks/{ONE}") is None


def test_routes_are_forgotten_when_one_is_added() -> None:
    adapter = bound("/v1/<word>", "/v1/tasks/<id:task_id>")
    found(adapter, f"/v1/tasks/{ONE}")
    assert found(adapter, f"/v1/tasks/{ONE}")
    adapter.map.add(Rule(f"/v1/tasks/{ONE}", endpoint="own"))
    adapter.map.update()
    assert found(adapter, f"/v1/tasks/{ONE}") is None
