"""One of two instances behind nginx loses the database: requests that may be sent only once go to the other one."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from sqlalchemy import make_url

from app.config import Settings
from app.rest import failover
from tests import response_checks
from tests.replication import Balancer
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving
from tests.stack.deployment import needs_nginx, reverse_proxy

pytestmark = needs_nginx
Bearer = Callable[..., dict[str, str]]
NOWHERE: Final = ("127.0.0.1", 1)
LARGE: Final = 100
"""Tasks of a batch whose body nginx keeps in a file."""
_NUMBERS: Final = count()


@dataclass
class Answer:
    """A response: each header field with the number of its lines."""

    status: int
    fields: Counter[str]
    headers: dict[str, str]
    document: dict[str, Any]


@dataclass
class Pair:
    """nginx in front of two instances, each of which reaches the database through its own balancer."""

    port: int
    instances: list[Served]
    databases: list[Balancer]
    place: tuple[str, int]

    def send(
        self, method: str, path: str, headers: dict[str, str], body: object = None, *, port: int | None = None
    ) -> Answer:
        """Send a request to nginx or to one instance, and return the response."""
        with closing(HTTPConnection("127.0.0.1", port or self.port, timeout=30)) as connection:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            fields = Counter(name.title() for name, _ in answer.getheaders())
            return Answer(answer.status, fields, dict(answer.getheaders()), response_checks.strict(answer.read()))

    def create(self, headers: dict[str, str], *, at: int | None = None) -> Answer:
        """Create a task without a key."""
        return self.send("POST", "/v1/tasks", headers, {"task": {"title": f"failover {next(_NUMBERS)}"}}, port=at)

    def logged(self, request_id: str) -> list[int]:
        """Return the statuses with which the instances logged a request."""
        lines = [json.loads(line) for each in self.instances for line in each.log.read_text().splitlines() if line]
        return sorted(
            line["status"] for line in lines if line.get("request_id") == request_id and "duration_ms" in line
        )


@pytest.fixture(scope="module")
def instances(settings: Settings) -> Iterator[Pair]:
    """Return nginx in front of two instances."""
    url = make_url(settings.database_url)
    place = (url.host or "", url.port or 5432)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="failover-")))
        folder.chmod(0o755)  # for the account of nginx, which keeps large bodies in it
        databases = [stack.enter_context(closing(Balancer(place))) for _ in range(2)]
        serve = [
            serving(
                settings,
                folder / f"{number}.log",
                DATABASE_URL=url.set(host="127.0.0.1", port=each.port).render_as_string(hide_password=False),
                METRICS_PORT="0",
                TRUSTED_PROXIES="127.0.0.1",
                WEB_CONCURRENCY="1",
            )
            for number, each in enumerate(databases)
        ]
        served = [stack.enter_context(each) for each in serve]
        addresses = f"127.0.0.1:{served[0].port}", f"127.0.0.1:{served[1].port}"
        port = stack.enter_context(reverse_proxy(folder, settings, addresses))
        yield Pair(port, served, databases, place)


@pytest.fixture
def pair(instances: Pair, bearer: Bearer) -> Iterator[Pair]:
    """Return the instances with their databases, and connect them again after the test."""
    yield instances
    for database in instances.databases:
        database.target = instances.place

    def is_whole() -> bool:
        ports = [served.port for served in instances.instances] * 4
        return all(instances.create(bearer(), at=port).status == 201 for port in ports)

    wait_until(is_whole, within=20)


def test_changes_without_a_key_go_to_the_other_instance(pair: Pair, bearer: Bearer) -> None:
    """Each is done once: a creation, an update, and a deletion."""
    pair.databases[0].cut(NOWHERE)
    for _ in range(20):
        created = pair.create(bearer())
        assert created.status == 201, created.document
        name = created.document["name"]
        updated = pair.send("PATCH", f"/v1/{name}", bearer(), {"description": "changed"})
        assert (updated.status, updated.document["description"]) == (200, "changed")
        assert pair.send("DELETE", f"/v1/{name}", bearer()).status == 200
        assert pair.send("GET", f"/v1/{name}", bearer()).status == 404


def test_a_passed_on_response_is_like_any_other(pair: Pair, bearer: Bearer) -> None:
    """No header field is sent twice, and none of those between nginx and the instances is sent."""
    usual = pair.create(bearer())
    pair.databases[1].cut(NOWHERE)
    for number in range(8):
        answer = pair.create(bearer() | {"X-Request-Id": f"failover-{number}"})
        assert answer.fields == usual.fields
        assert not {failover.FIELD, failover.REQUESTED} & answer.fields.keys()
        assert answer.headers["Cache-Control"] == usual.headers["Cache-Control"]
    found = [pair.logged(f"failover-{number}") for number in range(8)]
    assert {tuple(each) for each in found} == {(201,), (201, 503)}  # half of them reached the lost one first


def test_the_whole_body_is_passed_on(pair: Pair, bearer: Bearer) -> None:
    pair.databases[0].cut(NOWHERE)
    for _ in range(4):
        marks = [f"failover {next(_NUMBERS)}" for _ in range(LARGE)]
        tasks = [{"task": {"title": mark, "description": mark * 50}} for mark in marks]
        answer = pair.send("POST", "/v1/tasks:batchCreate", bearer(), {"requests": tasks})
        assert answer.status == 200, answer.document
        assert [each["description"] for each in answer.document["tasks"]] == [mark * 50 for mark in marks]


def test_without_any_database_the_response_is_503_at_once(pair: Pair, bearer: Bearer) -> None:
    """The second instance does not pass the request on; nothing was changed, therefore a retry is safe."""
    for each in pair.databases:
        each.cut(NOWHERE)
    for number in range(6):
        answer = pair.create(bearer() | {"X-Request-Id": f"failover-none-{number}"})
        assert (answer.status, answer.document["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert answer.document["retryable"] is True
        assert {"Retry-After", "X-Request-Id", "Cache-Control"} <= answer.fields.keys()
        assert answer.fields["Cache-Control"] == 1
        assert failover.FIELD not in answer.fields
        assert pair.logged(f"failover-none-{number}") == [503, 503]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_client_cannot_request_it(pair: Pair, bearer: Bearer, method: str) -> None:
    """nginx removes the field; a GET is repeated by nginx itself."""
    for each in pair.databases:
        each.cut(NOWHERE)
    body = {"task": {"title": "x"}} if method == "POST" else None
    answer = pair.send(method, "/v1/tasks", bearer() | {failover.REQUESTED: "/.problem"}, body)
    assert answer.status == 503
    assert failover.FIELD not in answer.fields
    assert answer.document["instance"] == "/v1/tasks"
