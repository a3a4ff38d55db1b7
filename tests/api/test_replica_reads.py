"""Reads from a standby with the state that the caller has seen, otherwise from the primary."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Double, literal_column, make_url, select, text
from werkzeug.test import TestResponse

from app import request_context
from app.observability import metrics
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement
from app.repositories.replica_reads import ReplicaReads
from app.request_context import Position
from app.resilience.breaker import State
from app.wire.read_after import FIELD
from tests import replication
from tests.api.caller import Caller, answered, path_of
from tests.api.conftest import Bearer
from tests.replication import Balancer, Pair

pytestmark = pytest.mark.slow

CATCHES_UP = 20.0
GETS = 500
SLOW = CompiledStatement(
    select(literal_column("count(*) + 0 * sum(length(pg_sleep(0.5)::text))", Double)).select_from(
        text("(SELECT FROM tasks LIMIT 4) AS few")
    )
)


@dataclass
class Service:
    """An application with a replica, behind a balancer that can lead elsewhere."""

    nodes: Pair
    balancer: Balancer
    app: Flask
    caller: Caller

    def get(self, path: str, *positions: str) -> TestResponse:
        """Read a task, with the positions of earlier responses."""
        return self.caller.get(path, headers={FIELD: ", ".join(positions)} if positions else {})

    def reached(self, path: str, position: str) -> TestResponse:
        """Read a task from the replica, once it has reached the position."""
        until = time.monotonic() + CATCHES_UP
        while time.monotonic() < until:
            before = reads()
            response = self.get(path, position)
            if reads() - before == {("replica", "reached"): 1}:
                return response
            time.sleep(0.05)
        raise AssertionError(f"the replica does not catch up: {reads()}")

    @property
    def reads(self) -> ReplicaReads:
        """Return the reads of the tasks."""
        found: ReplicaReads = self.app.extensions["app-services"].tasks._reads._reads
        return found


def lag(service: Service) -> float:
    """Return the lag after a check of readiness."""
    assert answered(service.caller.get("/readyz"))["checks"]["replica"] == "ok"
    [family] = metrics.REPLICA_LAG.collect()
    return family.samples[0].value


def reads() -> Counter[tuple[str, str]]:
    """Return the number of reads by target and reason."""
    [family] = metrics.READS.collect()
    return Counter(
        {
            (sample.labels["target"], sample.labels["reason"]): int(sample.value)
            for sample in family.samples
            if sample.name.endswith("_total")
        }
    )


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Return a primary and its standby."""
    with replication.pair(tmp_path_factory.mktemp("replica")) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def url(nodes: Pair) -> str:
    """Return the URL of a migrated database on the primary."""
    return nodes.migrated_url()


@pytest.fixture
def balancer(nodes: Pair) -> Iterator[Balancer]:
    """Return a balancer that leads to the standby."""
    with closing(Balancer(nodes.standby.address)) as balancer:
        yield balancer


@pytest.fixture
def make_service(
    make_application: Callable[..., Flask], nodes: Pair, url: str, balancer: Balancer, bearer: Bearer
) -> Callable[..., Service]:
    """Return a maker of services."""

    def make(**changes: object) -> Service:
        replica = make_url(url).set(port=balancer.port).render_as_string(hide_password=False)
        app = make_application(**{"database_url": url, "replica_url": replica, **changes})
        return Service(nodes, balancer, app, Caller(app.test_client(), bearer("alice")))

    return make


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """Return a service whose callers have to send a position."""
    return make_service()


@pytest.fixture
def paused(nodes: Pair) -> Iterator[None]:
    """Pause the replay of the standby."""
    nodes.standby.run("SELECT pg_wal_replay_pause()")
    yield
    nodes.standby.run("SELECT pg_wal_replay_resume()")


class TestPositions:
    def test_a_replica_that_has_reached_it_serves_the_read(self, service: Service) -> None:
        made = service.caller.create("reached")
        read = service.reached(path_of(answered(made, 201)), made.headers[FIELD])
        assert answered(read)["title"] == "reached"
        assert service.get(path_of(answered(made, 201)), read.headers[FIELD]).status_code == 200

    @pytest.mark.usefixtures("paused")
    def test_the_primary_serves_a_read_if_the_replica_is_behind(self, service: Service) -> None:
        """It does not wait: the replica would be behind until the end of the test."""
        before, made = reads(), service.caller.create("behind")
        read = service.get(path_of(answered(made, 201)), made.headers[FIELD])
        assert answered(read)["title"] == "behind"
        assert reads() - before == {("primary", "behind"): 1}
        assert service.get(path_of(answered(made, 201)), read.headers[FIELD]).status_code == 200

    @pytest.mark.usefixtures("paused")
    def test_of_several_positions_all_count(self, service: Service) -> None:
        older, newer = (service.caller.create(title) for title in ("older", "newer"))
        read = service.get(path_of(answered(newer, 201)), newer.headers[FIELD], older.headers[FIELD])
        assert answered(read)["title"] == "newer"

    def test_without_a_position_the_primary_serves_the_read(self, service: Service) -> None:
        path, before = path_of(service.caller.task("no position")), reads()
        read = service.get(path)
        assert read.status_code == 200
        assert FIELD not in read.headers
        assert reads() - before == {("primary", "not_permitted"): 1}

    @pytest.mark.parametrize("position", ["x", "=", "é", "A" * 38, ",".join(["x"] * 17)])
    def test_with_an_invalid_position_the_primary_serves_the_read(self, service: Service, position: str) -> None:
        path, before = path_of(service.caller.task(f"invalid {position[:20]}")), reads()
        read = service.get(path, position)
        assert read.status_code == 200
        assert reads() - before == {("primary", "behind"): 1}
        service.reached(path, read.headers[FIELD])

    def test_a_repeated_creation_without_a_position_leads_to_the_primary(self, service: Service) -> None:
        body, key = {"task": {"title": "replayed"}}, {"Idempotency-Key": "replayed"}
        first, again = (service.caller.post(json=body, headers=key) for _ in range(2))
        assert again.headers["Idempotent-Replayed"] == "true"
        before = reads()
        assert service.get(path_of(answered(first, 201)), again.headers[FIELD]).status_code == 200
        assert sum(count for (target, _), count in (reads() - before).items() if target == "primary") <= 1

    def test_lists_use_a_replica_too(self, service: Service) -> None:
        made = service.caller.create("listed")
        service.reached(path_of(answered(made, 201)), made.headers[FIELD])
        before = reads()
        listed = service.caller.get("/v1/tasks", headers={FIELD: made.headers[FIELD]})
        assert "listed" in [task["title"] for task in answered(listed)["tasks"]]
        assert all(target == "replica" for target, _ in reads() - before)

    def test_an_entity_tag_of_a_replica_is_good_at_the_primary(self, service: Service) -> None:
        made = service.caller.create("tagged")
        path = path_of(answered(made, 201))
        tag = service.reached(path, made.headers[FIELD]).headers["ETag"]
        assert tag == made.headers["ETag"]
        assert service.caller.patch(path, json={"title": "changed"}, headers={"If-Match": tag}).status_code == 200

    @pytest.mark.usefixtures("paused")
    def test_after_412_the_primary_serves_the_next_read(self, service: Service) -> None:
        """Otherwise the client would read the version again with which it has just failed."""
        made = service.caller.create("changed by another")
        path = path_of(answered(made, 201))
        assert service.caller.patch(path, json={"title": "by another"}).status_code == 200
        failed = service.caller.patch(path, json={"title": "x"}, headers={"If-Match": made.headers["ETag"]})
        assert failed.status_code == 412
        assert answered(service.get(path, failed.headers[FIELD]))["title"] == "by another"

    def test_accounts_always_use_the_primary(self, service: Service) -> None:
        before = reads()
        service.caller.get("/v1/users/me", headers={FIELD: service.caller.create("mine").headers[FIELD]})
        assert not any(target == "replica" for target, _ in reads() - before)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="only Linux reports the CPU time of a process")
def test_the_cpu_time_of_the_primary_falls_to_a_tenth(service: Service) -> None:
    """A read from a replica sends the primary nothing. No poller runs in this process."""
    made = service.caller.create("read often")
    path, position = path_of(answered(made, 201)), made.headers[FIELD]
    service.reached(path, position)

    name = str(make_url(service.app.config["SQLALCHEMY_DATABASE_URI"]).database)

    def spent(*positions: str) -> float:
        service.get(path, *positions)
        before = service.nodes.primary.cpu_seconds(name)
        for _ in range(GETS):
            assert service.get(path, *positions).status_code == 200
        return service.nodes.primary.cpu_seconds(name) - before

    counted, alone, replicated = reads(), spent(), spent(position)
    assert reads() - counted == {("primary", "not_permitted"): GETS + 1, ("replica", "reached"): GETS + 1}
    assert 0 <= replicated < alone / 10, (alone / GETS, replicated / GETS)


@pytest.mark.usefixtures("paused")
def test_stale_reads_are_a_setting(make_service: Callable[..., Service]) -> None:
    service = make_service(stale_reads=True)
    made, before = service.caller.create("not yet there"), reads()
    assert service.get(path_of(answered(made, 201))).status_code == 404
    assert reads() - before == {("replica", "stale"): 1}
    assert service.get(path_of(answered(made, 201)), made.headers[FIELD]).status_code == 200


class TestFailures:
    def test_the_death_of_the_replica(self, service: Service) -> None:
        """No read fails, and readiness reports the replica without becoming 503."""
        made = service.caller.create("before its death")
        path, position = path_of(answered(made, 201)), made.headers[FIELD]
        service.reached(path, position)
        service.balancer.target = ("127.0.0.1", 9)
        service.nodes.standby.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'candor'")
        before = reads()
        began = time.monotonic()
        statuses = Counter(service.get(path, position).status_code for _ in range(50))
        assert statuses == {200: 50}
        assert time.monotonic() - began < 5
        assert (reads() - before)["primary", "failed"] >= 49
        assert answered(service.caller.get("/readyz"))["checks"]["replica"] == "failed"
        service.balancer.target = service.nodes.standby.address
        service.reached(path, position)
        assert service.app.extensions["app-services"].replica.pool.breaker.state() is State.CLOSED

    def test_a_replica_that_comes_back_with_an_older_state(self, service: Service) -> None:
        """The primary served a read meanwhile, whose position the replica has not reached."""
        made = service.caller.create("comes back")
        path, position = path_of(answered(made, 201)), made.headers[FIELD]
        service.reached(path, position)
        service.nodes.standby.run("SELECT pg_wal_replay_pause()")
        try:
            service.balancer.target = ("127.0.0.1", 9)
            service.nodes.standby.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'candor'")
            assert service.caller.patch(path, json={"title": "changed meanwhile"}).status_code == 200
            seen = service.get(path, position)
            assert answered(seen)["title"] == "changed meanwhile"
            service.balancer.target = service.nodes.standby.address
            assert answered(service.reached(path, position))["title"] == "comes back"
            assert answered(service.get(path, seen.headers[FIELD]))["title"] == "changed meanwhile"
        finally:
            service.nodes.standby.run("SELECT pg_wal_replay_resume()")

    def test_a_read_that_conflicts_with_recovery(self, service: Service) -> None:
        """The standby cancels it (40001), and the primary serves it."""
        made = service.caller.create("conflict")
        service.reached(path_of(answered(made, 201)), made.headers[FIELD])
        service.nodes.standby.run("ALTER SYSTEM SET max_standby_streaming_delay = 0")
        service.nodes.standby.run("SELECT pg_reload_conf()")
        before = reads()
        vacuum = threading.Thread(target=self.vacuum, args=[service, path_of(answered(made, 201))])
        vacuum.start()
        request_context.replica_reads.set(request_context.ReplicaReads(Position(1, 0)))
        try:
            assert service.reads.all(SLOW)[0][0] >= 1
        finally:
            request_context.replica_reads.set(None)
            request_context.position.set(None)
            vacuum.join()
        assert reads() - before >= Counter({("primary", "failed"): 1})

    def vacuum(self, service: Service, path: str) -> None:
        time.sleep(0.2)
        assert service.caller.patch(path, json={"title": "conflict 2"}).status_code == 200
        name = make_url(service.app.config["SQLALCHEMY_DATABASE_URI"]).database
        service.nodes.primary.run("VACUUM tasks", database=name)

    def test_a_replica_that_receives_nothing_lags(self, service: Service) -> None:
        """It has replayed everything that it has received."""
        made = service.caller.create("the last one received")
        service.reached(path_of(answered(made, 201)), made.headers[FIELD])
        standby = service.nodes.standby
        settings = standby.folder / "data" / "postgresql.auto.conf"
        before = settings.read_text()
        standby.run("ALTER SYSTEM SET primary_conninfo = ''")
        standby.run("SELECT pg_reload_conf()")
        try:
            time.sleep(1.5)
            assert lag(service) > 1
        finally:
            settings.write_text(before)
            standby.run("SELECT pg_reload_conf()")

    def test_an_unused_replica_has_no_lag(self, service: Service) -> None:
        assert lag(service) < CATCHES_UP


def test_without_a_replica_nothing_changes(make_application: Callable[..., Flask], url: str, bearer: Bearer) -> None:
    app = make_application(database_url=url)
    caller = Caller(app.test_client(), bearer("alice"))
    made = caller.create("alone")
    assert FIELD not in made.headers
    read = caller.get(path_of(answered(made, 201)), headers={FIELD: "anything"})
    assert read.status_code == 200
    assert FIELD not in read.headers
    assert type(app.extensions["app-services"].tasks._reads._reads) is Reads


def test_after_a_failover_the_timeline_counts(make_service: Callable[..., Service], nodes: Pair) -> None:
    """The new primary's position is not reached by a standby of the previous timeline, whatever its LSN."""
    service = make_service()
    made = service.caller.create("on the first timeline")
    path, before = path_of(answered(made, 201)), made.headers[FIELD]
    read = service.reached(path, before)
    positions = service.app.extensions["app-positions"]
    first, later = positions.open(before), positions.open(read.headers[FIELD])
    assert later.includes(first)
    ahead = Position(first.timeline + 1, first.lsn)
    assert not later.includes(ahead)
    counted = reads()
    assert service.get(path, positions.seal(ahead)).status_code == 200
    assert reads() - counted == {("primary", "behind"): 1}
    nodes.switch_over()
    service.balancer.target = nodes.standby.address
    promoted = replicated_url(service, nodes)
    after = make_service(database_url=promoted)
    written = after.caller.create("on the second timeline")
    assert positions.open(written.headers[FIELD]).timeline == first.timeline + 1
    nodes.primary.run("GRANT pg_read_all_stats TO candor")  # a standby shows its timeline without delay
    assert answered(after.reached(path_of(answered(written, 201)), written.headers[FIELD]))["title"]


def replicated_url(service: Service, nodes: Pair) -> str:
    """Return the URL of the service's database on the present primary."""
    url = make_url(service.app.config["SQLALCHEMY_DATABASE_URI"])
    return url.set(port=nodes.primary.address[1]).render_as_string(hide_password=False)
