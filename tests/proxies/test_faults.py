"""Failures of instances and of clients behind a proxy: nothing is lost, nothing is done twice, every error is a problem
document with a request ID.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final

import pytest

from app.config import Settings
from tests.proxies.programs import NAME, RunningProxy
from tests.proxies.results import Results
from tests.stack.checkout import wait_until
from tests.stack.conftest import ORIGIN
from tests.stack.deployment import SCALE, Deployment, is_ready, repeat_for
from tests.stack.test_hostile_clients import SLOW, dawdling, is_open, ordinary
from tests.stack.test_replacement import assert_acknowledged_is_stored, assert_nothing_is_lost, empty
from tests.stack.traffic import Ledger, traffic

Bearer = Callable[..., dict[str, str]]
ID: Final = "proxies-test-1"
CUT_WITHIN: Final = 30.0
BEFORE_TIMEOUT: Final = 9.0
READER_TIMEOUT: Final = {"caddy": 62.0, "traefik": 75.0}.get(NAME, 12.0)
STALLS: Final = NAME == "caddy"
"""True for a proxy that does not disconnect a client whose body stalls: Caddy does not, while it buffers the body."""
REPEATS: Final = NAME != "apache"
"""True for a proxy that sends a request to another instance after the first one failed."""
CLOSED: Final = 0
"""The status without a response in a ledger: Apache closes a kept connection whose request an instance lost."""
DOCUMENTS: Final = NAME != "traefik"
"""True for a proxy that can send problem documents. Traefik sends a plain text."""
LOST: Final = {"apache": {502, CLOSED}, "traefik": {502, 503}}.get(NAME, {503})
"""The statuses of a request that was sent once, to an instance that failed."""
LATE: Final = (504, "DEADLINE_EXCEEDED") if REPEATS else (502, "SERVICE_UNAVAILABLE")
UNREAD: Final = 64 << 20
"""Bytes: more than buffers hold, and less than the responses to all requests of a client that does not read."""


@pytest.fixture(autouse=True)
def empty_tables(settings: Settings) -> Iterator[None]:
    """Begin without data of earlier tests in this process, and leave no data behind."""
    empty(settings)
    yield
    empty(settings)


@dataclass(frozen=True)
class Response:
    """A response, and its duration in seconds."""

    status: int
    fields: dict[str, str]
    body: bytes
    seconds: float


def send(proxy: RunningProxy, method: str, path: str, fields: dict[str, str], body: object = None) -> Response:
    """Send one request on its own connection."""
    began = time.monotonic()
    with closing(HTTPConnection("127.0.0.1", proxy.port, timeout=30)) as connection:
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, {"Content-Type": "application/json", "X-Request-Id": ID, **fields})
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, received, answer.read(), time.monotonic() - began)


def assert_is_document(response: Response, status: int, code: str) -> dict[str, Any]:
    """Assert that a response is a problem document with the header fields of every error (C1, C4, C16, C24).

    Without documents, it must be a short text, and the returned document is empty.
    """
    if not DOCUMENTS:
        assert response.status in (status, 502), response
        assert response.body
        assert b"<" not in response.body
        return {}
    assert response.status == status, response
    document: dict[str, Any] = json.loads(response.body)
    assert response.fields["content-type"] == "application/problem+json"
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == response.fields["x-request-id"] == response.fields["request-id"] == ID
    assert response.fields["cache-control"] == "no-store"
    assert response.fields["x-content-type-options"] == "nosniff"
    assert response.fields.get("access-control-allow-origin") == ORIGIN
    assert {"type", "title", "detail", "kind", "timestamp", "retryable"} <= document.keys()
    if status == 503:
        assert response.fields["retry-after"] == str(document["retry_after"]) == "1"
    return document


def assert_only_documents(ledger: Ledger) -> None:
    """Assert that every failed request got a problem document: no HTML, no empty body, no closed connection."""
    texts = ("b'{\"", *(() if DOCUMENTS else ("b'Bad Gateway'", "b'no available server")))
    closed = {" 0 "} if CLOSED in LOST else set()
    strange = [each for each in ledger.failures if not any(known in each for known in (*texts, *closed))]
    assert strange == []


def summary(ledger: Ledger) -> str:
    """Return the counts of a load."""
    reads = sum(ledger.count(kind) for kind in ("get", "list"))
    lost = sum(sum(ledger.unlike(kind, status).values()) for kind, status in (("get", 200), ("list", 200)))
    changes = {"unkeyed": 201, "patch": 200, "delete": 200}
    unavailable = sum(sum(ledger.unlike(kind, status).values()) for kind, status in changes.items())
    statuses = " or ".join(str(each) for each in sorted(LOST - {CLOSED}))
    closed = sum(ledger.count(kind, CLOSED) for kind in {kind for kind, _ in ledger.answers})
    return (
        f"{ledger.total} requests. Failed reads: {lost} of {reads}. Creations with a key that failed at the end: "
        f"{ledger.count('keyed for good')} of {len(ledger.keyed)}. Other changes with {statuses}: "
        f"{unavailable}. {f'Of all these, closed without a response: {closed}. ' if CLOSED in LOST else ''}Lost: 0, "
        "applied twice: 0"
    )


def test_killed_workers_cost_no_read_and_no_keyed_write(
    proxy: RunningProxy, fronted: Deployment, bearer: Bearer, settings: Settings, results: Results
) -> None:
    """A request that was sent once and lost gets 503, and is not sent again."""

    def kill_one() -> None:
        os.kill(fronted.workers[0], signal.SIGKILL)

    with traffic(proxy.port, bearer) as ledger:
        kills = repeat_for(3 * SCALE, kill_one, every=0.6)
    assert_settled(ledger, settings, most=kills * 16)
    results.observed["workers killed"] = f"{kills} workers: {summary(ledger)}"


@pytest.mark.nightly
def test_a_killed_instance_costs_no_read_and_no_keyed_write(
    proxy: RunningProxy, fronted: Deployment, bearer: Bearer, settings: Settings, results: Results
) -> None:
    with traffic(proxy.port, bearer) as ledger:
        time.sleep(1)
        for pid in (fronted.masters[0], *(fronted.workers[:2])):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(fronted.masters) == 2 and all(map(is_ready, fronted.sockets)), 40)
        time.sleep(1)
    assert_settled(ledger, settings, most=64)
    results.observed["instance killed"] = summary(ledger)


@pytest.mark.nightly
def test_replacing_one_instance_after_the_other_loses_nothing(
    proxy: RunningProxy, fronted: Deployment, bearer: Bearer, settings: Settings, results: Results
) -> None:
    with traffic(proxy.port, bearer) as ledger:
        fronted.replace_all()
    assert_nothing_is_lost(ledger, settings)
    results.observed["instances replaced"] = summary(ledger)


def assert_settled(ledger: Ledger, settings: Settings, *, most: int) -> None:
    """Assert that only changes that were sent once have failed, with a document, and that the database matches."""
    assert ledger.total > 100
    assert_only_documents(ledger)
    for kind in ("get", "list"):
        assert set(ledger.unlike(kind, 200)) <= (set() if REPEATS and DOCUMENTS else LOST), ledger.failures
        assert sum(ledger.unlike(kind, 200).values()) <= most
    assert set(ledger.unlike("keyed", 201)) <= {409, *(set() if REPEATS and DOCUMENTS else LOST)}, ledger.failures
    assert ledger.count("keyed for good") == 0
    for kind, status in (("unkeyed", 201), ("patch", 200), ("delete", 200)):
        assert set(ledger.unlike(kind, status)) <= LOST, ledger.failures
        assert sum(ledger.unlike(kind, status).values()) <= most
    assert_acknowledged_is_stored(ledger, settings)


def test_without_an_instance_every_response_is_a_problem_document(
    proxy: RunningProxy, fronted: Deployment, bearer: Bearer, results: Results
) -> None:
    """Nothing was sent, therefore every request can be repeated."""
    token, title = bearer(), {"task": {"title": "while down"}}
    path = send(proxy, "POST", "/v1/tasks", token, {"task": {"title": "before"}}).fields["location"]
    requests: list[tuple[str, str, dict[str, str], object]] = [
        ("GET", "/v1/tasks", {}, None),
        ("GET", "/healthz", {}, None),
        ("POST", "/v1/tasks", {}, title),
        ("POST", "/v1/tasks", {"Idempotency-Key": "while-down"}, title),
        ("PATCH", path, {}, {"description": "x"}),
        ("DELETE", path, {}, None),
    ]
    with without_instances(fronted):
        for method, target, fields, body in requests * 3:
            response = send(proxy, method, target, {**token, **fields, "Origin": ORIGIN}, body)
            document = assert_is_document(response, 503, "SERVICE_UNAVAILABLE")
            assert document.get("retryable", True) is True, (method, target)
            assert "may have applied" not in document.get("detail", "")
            assert response.seconds < 5
    wait_until(lambda: send(proxy, "GET", "/v1/tasks", token).status == 200, 10)
    results.observed["both instances down"] = (
        "503 with a problem document, `Retry-After` and request ID, for every request"
        if DOCUMENTS
        else f"{response.status} with the text `{response.body.decode().strip()}`"
    )


@contextmanager
def without_instances(deployment: Deployment) -> Iterator[None]:
    """Kill both instances, and prevent that they are started again."""
    deployment.process.send_signal(signal.SIGSTOP)
    try:
        killed = [*deployment.masters, *deployment.workers]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_ready, deployment.sockets)), 10)
        yield
    finally:
        deployment.process.send_signal(signal.SIGCONT)
        wait_until(lambda: len(deployment.masters) == 2 and all(map(is_ready, deployment.sockets)), 60)


@pytest.mark.nightly
def test_a_service_that_does_not_respond_is_504(
    proxy: RunningProxy, fronted: Deployment, bearer: Bearer, results: Results
) -> None:
    """The request was sent, therefore a change may have been made. It is not sent to another instance."""
    stopped = fronted.workers
    token = {**bearer(), "Origin": ORIGIN}
    with ThreadPoolExecutor(3) as pool:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            sent = [
                pool.submit(send, proxy, "GET", "/v1/tasks", token),
                pool.submit(send, proxy, "POST", "/v1/tasks", token, {"task": {"title": "late"}}),
                pool.submit(
                    send,
                    proxy,
                    "POST",
                    "/v1/tasks",
                    {**token, "Idempotency-Key": "late"},
                    {"task": {"title": "late 2"}},
                ),
            ]
            read, once, keyed = (each.result() for each in sent)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
    documents = [assert_is_document(each, *LATE) for each in (read, keyed, once)]
    if DOCUMENTS:
        assert [each["retryable"] for each in documents] == [True, True, False]
        assert "may have applied the change" in documents[-1]["detail"]
    assert all(BEFORE_TIMEOUT < each.seconds < 15 for each in (read, once, keyed))
    wait_until(lambda: send(proxy, "GET", "/v1/tasks", token).status == 200, 30)
    results.observed["workers stopped"] = (
        f"{once.status} with {'a problem document' if DOCUMENTS else 'a text'} after {once.seconds:.1f} s"
    )


def ends(connection: socket.socket) -> bool:
    """Return True if the peer has closed: the kernel delivers the bytes that were sent before, and then the end."""
    connection.settimeout(5)
    received = 0
    with suppress(ConnectionError):
        while received < UNREAD:
            chunk = len(connection.recv(1 << 20))
            received += chunk
            if not chunk:
                return True
        return False
    return True


@pytest.mark.nightly
def test_slow_clients_are_disconnected_while_others_are_served(
    proxy: RunningProxy, fronted: Deployment, results: Results
) -> None:
    baseline, workers = ordinary(proxy.port, 200), set(fronted.workers)
    with dawdling(proxy.port) as dawdlers:
        beside = ordinary(proxy.port, 200)
        assert beside[-20] < max(2 * baseline[-20], 1.0)
        assert dawdlers.alive > SLOW

        def senders_are_cut() -> bool:
            dawdlers.drip()
            time.sleep(0.2)
            return not any(map(is_open, [*dawdlers.heads, *([] if STALLS else dawdlers.bodies)]))

        wait_until(senders_are_cut, CUT_WITHIN)
        after = time.monotonic() - dawdlers.began
        time.sleep(max(0.0, READER_TIMEOUT - after))
        assert all(map(ends, dawdlers.readers))
    assert set(fronted.workers) == workers
    stalled = 0 if STALLS else len(dawdlers.bodies)
    results.observed["slow clients"] = (
        f"{len(dawdlers.heads)} slow heads, {stalled} stalled bodies, {len(dawdlers.readers)} readers that stop: "
        f"disconnected within {max(after, READER_TIMEOUT):.0f} s. 95 % of other requests took at most "
        f"{beside[-10] * 1000:.0f} ms, before {baseline[-10] * 1000:.0f} ms"
    )
