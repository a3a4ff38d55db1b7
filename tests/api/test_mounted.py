"""A service below a path prefix: every path in a response includes it, however the proxy passes paths on."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.response_checks import CheckedClient

pytestmark = pytest.mark.slow

PUBLIC = "https://api.example.com/candor"
ROOT = "http://candor.test/"
"""The base URL of requests, without a path prefix."""


@pytest.fixture(params=["removed", "passed on"])
def sent(request: pytest.FixtureRequest) -> Callable[[str], dict[str, str]]:
    """Return the function that turns a path, as clients know it, into the request that arrives behind the proxy."""
    before = "" if request.param == "removed" else "/candor"
    return lambda path: {"path": before + path, "base_url": ROOT}


@pytest.fixture
def mounted(
    make_application: Callable[..., Flask], sent: Callable[[str], dict[str, str]], client: FlaskClient
) -> FlaskClient:
    """Return a client of the service below a prefix; ``client`` empties the tables afterwards."""
    script_name = "" if sent("")["path"] == "" else "/candor"
    return CheckedClient(make_application(public_url=PUBLIC, script_name=script_name))


Sent = Callable[[str], dict[str, Any]]


def test_location_leads_to_the_created_resource(
    mounted: FlaskClient, sent: Sent, bearer: Callable[..., dict[str, str]]
) -> None:
    made = mounted.post(**sent("/v1/tasks"), json={"task": {"title": "Buy milk"}}, headers=bearer())
    assert made.status_code == 201
    assert made.headers["Location"].startswith("/candor/v1/tasks/")
    place = made.headers["Location"].removeprefix("/candor")
    assert mounted.get(**sent(place), headers=bearer()).status_code == 200
    assert mounted.delete(**sent(place), headers=bearer()).status_code == 200


def test_a_replayed_creation_has_the_same_location(
    mounted: FlaskClient, sent: Sent, bearer: Callable[..., dict[str, str]]
) -> None:
    key = {"Idempotency-Key": "a-key-of-the-test"}
    first, again = (
        mounted.post(**sent("/v1/tasks"), json={"task": {"title": "Buy oats"}}, headers=bearer() | key)
        for _ in range(2)
    )
    assert first.headers["Location"] == again.headers["Location"]
    assert (
        mounted.delete(**sent(first.headers["Location"].removeprefix("/candor")), headers=bearer()).status_code == 200
    )


def test_instance_and_type_of_a_problem(mounted: FlaskClient, sent: Sent) -> None:
    problem = mounted.get(**sent("/v1/taks")).get_json(force=True)
    assert problem["instance"] == "/candor/v1/taks"
    assert problem["type"] == f"{PUBLIC}/errors/route-not-found"
    page = problem["type"].removeprefix(PUBLIC)
    assert mounted.get(**sent(page), headers={"Accept": "application/json"}).status_code == 200


def test_every_link_of_every_page_works(mounted: FlaskClient, sent: Sent) -> None:
    todo, seen = ["/", "/docs", "/errors", "/errors/validation-failed"], set[str]()
    while todo:
        page = todo.pop()
        answer = mounted.get(**sent(page), headers={"Accept": "text/html"})
        assert answer.status_code == 200, page
        for link in re.findall(r'(?:href|src|data-openapi)="(/[^"#]*)', answer.text):
            assert link.startswith("/candor/"), f"{page} links to {link}"
            if link not in seen:
                seen.add(link)
                with mounted.get(**sent(link.removeprefix("/candor")), headers={"Accept": "*/*"}) as found:
                    assert found.status_code == 200, link
    assert any("/assets/" in link for link in seen)


def test_links_of_the_front_page_and_servers_of_openapi(mounted: FlaskClient, sent: Sent) -> None:
    links = mounted.get(**sent("/"), headers={"Accept": "application/json"}).get_json()["links"]
    assert all(link.startswith("/candor/") for link in links.values())
    document = mounted.get(**sent("/openapi.json")).get_json()
    assert document["servers"] == [{"url": PUBLIC}]
    examples = re.findall(r'"instance": ?"([^"]*)"', mounted.get(**sent("/openapi.json")).text)
    assert examples
    assert all(each.startswith("/candor/") for each in examples)


def test_a_local_health_check_needs_no_prefix(mounted: FlaskClient) -> None:
    assert mounted.get("/healthz", base_url=ROOT).status_code == 200


def test_a_path_that_only_begins_with_the_letters_of_the_prefix_is_404(mounted: FlaskClient) -> None:
    assert mounted.get("/candorous/v1/tasks", base_url=ROOT).status_code == 404


def test_an_application_that_the_server_mounts_is_unchanged(
    mounted: FlaskClient, bearer: Callable[..., dict[str, str]]
) -> None:
    made = mounted.get("/v1/taks", base_url="http://candor.test/candor/", headers=bearer())
    assert made.get_json(force=True)["instance"] == "/candor/v1/taks"
