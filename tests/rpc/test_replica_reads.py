"""Calls read from a standby with the state that the caller has seen, otherwise from the primary, as over HTTP."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest
from google.protobuf.message import Message
from grpc import StatusCode
from sqlalchemy import make_url

from app.rpc.gen.todo.v1 import todo_pb2 as pb
from app.rpc.hooks.read_after import NAME
from tests.api.test_replica_reads import CATCHES_UP, balancer, nodes, paused, reads, url
from tests.conftest import TokenMaker
from tests.replication import Balancer
from tests.rpc.client import SCOPES, Client

__all__ = ["balancer", "nodes", "paused", "url"]
pytestmark = pytest.mark.slow
REACHED: Final = Counter({("replica", "reached"): 1})
BEHIND: Final = Counter({("primary", "behind"): 1})


@dataclass
class Service:
    """A gRPC server with a replica, and a client of it."""

    client: Client

    def create(self, title: str, **metadata: str) -> tuple[pb.Task, dict[str, str]]:
        """Create a task, and return it and its metadata."""
        request = pb.CreateTaskRequest(task=pb.Task(title=title))
        found: tuple[pb.Task, dict[str, str]] = self.client.call("CreateTask", request, metadata=metadata)
        return found

    def get(self, task: pb.Task, *positions: str) -> tuple[pb.Task, dict[str, str], Counter[tuple[str, str]]]:
        """Read a task with the positions of earlier responses. Return it, its metadata, and the reads."""
        return self.read("GetTask", pb.GetTaskRequest(name=task.name), *positions)

    def read(
        self, method: str, request: Message, *positions: str
    ) -> tuple[pb.Task, dict[str, str], Counter[tuple[str, str]]]:
        """Call a method with positions. Return the response, its metadata, and the reads."""
        before = reads()
        answer, metadata = self.client.call(method, request, metadata=[(NAME, each) for each in positions])
        return answer, metadata, reads() - before

    def reached(self, task: pb.Task, position: str) -> tuple[pb.Task, str]:
        """Read a task from the replica, once it has reached the position. Return the task and the new position."""
        until = time.monotonic() + CATCHES_UP
        while time.monotonic() < until:
            read, metadata, served = self.get(task, position)
            if served == REACHED:
                return read, metadata[NAME]
            time.sleep(0.05)
        raise AssertionError(f"the replica does not catch up: {reads()}")


@pytest.fixture
def make_service(
    serve: Callable[..., int], url: str, balancer: Balancer, token: TokenMaker
) -> Iterator[Callable[..., Service]]:
    """Return a maker of services."""
    with ExitStack() as stack:

        def make(**changes: object) -> Service:
            replica = make_url(url).set(port=balancer.port).render_as_string(hide_password=False)
            port = serve(**{"database_url": url, "replica_url": replica, **changes})
            return Service(stack.enter_context(Client.of(port, token("alice", SCOPES))))

        yield make


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """Return a service whose callers have to send a position."""
    return make_service()


class TestPositions:
    def test_a_replica_that_has_reached_it_serves_the_read(self, service: Service) -> None:
        made, metadata = service.create("reached")
        read, position = service.reached(made, metadata[NAME])
        assert read == made
        assert service.get(made, position)[2] == REACHED

    @pytest.mark.usefixtures("paused")
    def test_the_primary_serves_a_read_if_the_replica_is_behind(self, service: Service) -> None:
        made, metadata = service.create("behind")
        read, later, served = service.get(made, metadata[NAME])
        assert read == made
        assert served == BEHIND
        assert service.get(made, later[NAME])[0] == made

    @pytest.mark.usefixtures("paused")
    def test_of_several_positions_all_count(self, service: Service) -> None:
        (_, older), (task, newer) = (service.create(title) for title in ("older", "newer"))
        assert service.get(task, newer[NAME], older[NAME])[0] == task

    def test_without_a_position_the_primary_serves_the_read(self, service: Service) -> None:
        read, metadata, served = service.get(service.create("no position")[0])
        assert read.title == "no position"
        assert NAME not in metadata
        assert served == Counter({("primary", "not_permitted"): 1})

    def test_with_an_invalid_position_the_primary_serves_the_read(self, service: Service) -> None:
        assert service.get(service.create("invalid")[0], "x")[2] == BEHIND

    def test_a_repeated_creation_leads_to_the_primary(self, service: Service) -> None:
        (task, _), (_, again) = (service.create("replayed", **{"idempotency-key": "replayed"}) for _ in range(2))
        assert again["idempotent-replayed"] == "true"
        assert ("replica", "reached") not in service.get(task, again[NAME])[2]

    def test_a_failed_write_leads_to_the_primary(self, service: Service) -> None:
        task, _ = service.create("taken")
        failure = service.client.failure("CreateTask", pb.CreateTaskRequest(task=pb.Task(title="taken")))
        assert failure.code is StatusCode.ALREADY_EXISTS
        assert service.get(task, failure.trailing[NAME])[2] == BEHIND

    def test_lists_use_a_replica_too(self, service: Service) -> None:
        task, metadata = service.create("listed")
        service.reached(task, metadata[NAME])
        _, _, served = service.read("ListTasks", pb.ListTasksRequest(), metadata[NAME])
        assert {target for target, _ in served} == {"replica"}


@pytest.mark.usefixtures("paused")
def test_stale_reads_are_a_setting(make_service: Callable[..., Service]) -> None:
    service = make_service(stale_reads=True)
    made, metadata = service.create("not yet there")
    before = reads()
    failure = service.client.failure("GetTask", pb.GetTaskRequest(name=made.name))
    assert failure.code is StatusCode.NOT_FOUND
    assert reads() - before == Counter({("replica", "stale"): 1})
    assert service.get(made, failure.trailing[NAME], metadata[NAME])[0] == made


def test_the_death_of_the_replica(service: Service, balancer: Balancer) -> None:
    task, metadata = service.create("before its death")
    service.reached(task, metadata[NAME])
    balancer.cut(("127.0.0.1", 9))
    for _ in range(10):
        read, _, served = service.get(task, metadata[NAME])
        assert read == task
        assert {target for target, _ in served} == {"primary"}


def test_without_a_replica_nothing_changes(serve: Callable[..., int], url: str, token: TokenMaker) -> None:
    with Client.of(serve(database_url=url), token("alice", SCOPES)) as client:
        task, metadata = client.call("CreateTask", pb.CreateTaskRequest(task=pb.Task(title="alone")))
        assert NAME not in metadata
        _, metadata = client.call("GetTask", pb.GetTaskRequest(name=task.name), metadata=[(NAME, "anything")])
        assert NAME not in metadata
