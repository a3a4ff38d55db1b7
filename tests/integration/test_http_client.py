"""HTTP calls to dependencies: bounded in time and bytes, retried where that helps, and without exposing their texts."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import errs, request_context
from app.clients.http import HttpClient
from app.errs import Error, Kind
from app.observability import request_timing
from app.resilience import deadline
from app.resilience.breaker import State
from app.resilience.breaker_counts import Counts
from app.rest import error_examples
from app.rest.errors import ProblemContext, problem
from tests.fakes import remote as fake
from tests.fakes.remote import Behaviour, Remote, answers
from tests.integration.mail_server import certificate

pytestmark = pytest.mark.slow

OK = {"answer": 42}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
SECRET = "their-secret-words"
Make = Callable[..., HttpClient]


@pytest.fixture
def remote() -> Iterator[Remote]:
    """Return a server that answers successfully until a test changes its behavior."""
    server = Remote(answers(OK))
    yield server
    server.close()


@pytest.fixture
def make(remote: Remote) -> Iterator[Make]:
    """Return a factory of its clients."""
    made = []

    def make(url: str = remote.url, *, milliseconds: int = 5000, **more: Any) -> HttpClient:
        made.append(HttpClient("others", url, timeout=timedelta(milliseconds=milliseconds), **more))
        made[-1]._retry._sleep = lambda _: None
        return made[-1]

    yield make
    for client in made:
        client.close()


def failed(client: HttpClient, path: str = "/thing") -> Error:
    """Return the error of a call."""
    with pytest.raises(Error) as caught:
        client.get(path)
    return caught.value


class TestCalls:
    def test_ok(self, remote: Remote, make: Make) -> None:
        assert make().get("/thing", params={"of": "a b&c"}, headers={"Authorization": "Bearer x"}) == OK
        assert remote.heads[0].startswith("GET /thing?of=a+b%26c HTTP/1.1\r\n")
        sent = remote.fields()
        assert (sent["authorization"], sent["accept"], sent["accept-encoding"]) == (
            "Bearer x",
            "application/json",
            "identity",
        )

    def test_a_path_of_the_url_is_kept(self, remote: Remote, make: Make) -> None:
        make(f"{remote.url}/behind/").get("/thing")
        assert remote.heads[0].startswith("GET /behind/thing ")

    def test_request_id_trace_and_time_left_go_along(self, remote: Remote, make: Make) -> None:
        """C16, C23."""
        parent = f"00-{'a' * 32}-{'b' * 16}-01"
        tokens = request_context.request_id.set("request-1234"), request_context.traceparent.set(parent)
        try:
            with deadline.within(timedelta(seconds=2)):
                make().get("/thing")
        finally:
            request_context.request_id.reset(tokens[0])
            request_context.traceparent.reset(tokens[1])
        sent = remote.fields()
        assert (sent["x-request-id"], sent["traceparent"]) == ("request-1234", parent)
        assert 0.05 <= float(sent["request-timeout"]) <= 2

    def test_the_time_spent_is_recorded(self, make: Make) -> None:
        spent = request_timing.begin()
        make().get("/thing")
        assert spent.spent["others"] > 0
        request_timing.current.set(None)

    def test_no_cookie_is_kept(self, remote: Remote, make: Make) -> None:
        remote.behave = answers(OK, Set_Cookie="session=theirs; Path=/")
        client = make()
        client.get("/thing")
        client.get("/thing")
        assert "cookie" not in remote.fields()

    def test_no_proxy_of_the_environment_is_heeded(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        assert make().get("/thing") == OK

    def test_a_forked_child_uses_its_own_connections(self, remote: Remote, make: Make) -> None:
        keeps = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

        def behave(_: Remote, connection: Any) -> None:
            connection.sendall(keeps)
            while b"\r\n\r\n" in connection.recv(65536):
                connection.sendall(keeps)

        remote.behave = behave
        client = make()
        client.get("/thing")
        client.get("/thing")
        assert remote.connections == 1, "it is kept"
        child = os.fork()
        if not child:
            os._exit(client.get("/thing") != {})
        assert os.waitpid(child, 0)[1] == 0
        assert remote.connections == 2


NONSENSE = {
    "html": answers(f"<h1>{SECRET}</h1>".encode(), media_type="text/html"),
    "an html error": answers(f"<h1>{SECRET}</h1>".encode(), 503, "text/html"),
    "no json": answers(b'{"answer": ', 200),
    "not utf-8": answers(b'{"answer": "\xff"}', 200),
    "no type": answers(OK, media_type=""),
    "a redirect": answers(OK, 302, Location="http://127.0.0.1:9/"),
    "no content": answers(b"", 204),
    "an invalid problem": answers(["a", SECRET], 500, "application/problem+json"),
    "a problem of another service": answers({"title": SECRET, "kind": "theirs"}, 500, "application/problem+json"),
    "compressed": answers(b"\x1f\x8b\x08", Content_Encoding="gzip"),
    "not http": fake.sends(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "garbage": fake.sends(bytes(range(256)) * 8),
    "cut short": fake.sends(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"),
    "no answer": fake.disconnects,
    "too large": answers(b'"' + b"x" * 300_000 + b'"'),
    "a head too large": fake.sends(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"x" * 200_000 + b"\r\n\r\n"),
    "without an end": fake.sends(
        HEAD + b"10000\r\n" + b" " * 0x10000 + b"\r\n" + (b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 8
    ),
}


class TestNonsense:
    """An error status or an invalid response of a dependency is 502, and its text is not in the response."""

    @pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
    def test_it_is_an_external_error(self, remote: Remote, make: Make, answer: Behaviour) -> None:
        remote.behave = answer
        error = failed(make())
        assert (error.kind, errs.definition(error).code) == (Kind.EXTERNAL, "EXTERNAL_SERVICE_ERROR")
        assert SECRET not in str(shown(error))
        assert errs.ops(error) == ["others.get"]
        assert error.facts["service"] == "others"


def shown(error: Error) -> dict[str, Any]:
    """Return the problem document of an error."""
    return problem(error, ProblemContext(public_url="http://candor.test", instance="/", timestamp="", request_id=None))


class TestProblems:
    @pytest.mark.parametrize(
        "code", ["TASK_NOT_FOUND", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED", "VALIDATION_FAILED"]
    )
    def test_a_known_kind_is_kept(self, remote: Remote, make: Make, code: str) -> None:
        named = errs.named_errors()[code]
        document = error_examples.document(named, public_url="http://other.test")
        assert document is not None
        document["param"] = document["title"] = document["detail"] = SECRET
        remote.behave = answers(document, document["status"], "application/problem+json")
        error = failed(make())
        assert (error.kind, error.code) == (named.kind, named.code)
        assert error.facts["remote_status"] == document["status"]
        assert SECRET not in str(shown(error))
        assert [link.detail for link in errs.causes(error) if isinstance(link, Error)][-1] == SECRET, "it is logged"

    def test_an_internal_error_of_a_dependency_is_an_external_error(self, remote: Remote, make: Make) -> None:
        document = error_examples.document(errs.platform.InternalError, public_url="http://other.test")
        remote.behave = answers(document, 500, "application/problem+json")
        error = failed(make())
        assert error.kind is Kind.EXTERNAL
        assert error.facts["remote_kind"] == "internal_error"

    def test_retry_after_is_passed_on_where_it_is_meaningful(self, remote: Remote, make: Make) -> None:
        problem_of_theirs = {"kind": "service_unavailable", "retry_after": 7}
        remote.behave = answers(problem_of_theirs, 503, "application/problem+json")
        assert failed(make()).retry_after == 7
        remote.behave = answers({**problem_of_theirs, "kind": "theirs"}, 503, "application/problem+json")
        assert failed(make()).retry_after is None

    def test_a_rejection_without_a_document_logs_its_status(self, remote: Remote, make: Make) -> None:
        remote.behave = answers(b"", 403, "")
        error = failed(make())
        assert (error.kind, error.facts["remote_status"]) == (Kind.EXTERNAL, 403)


class TestTime:
    """C23: HTTP clients do not bound the whole call; the service's client does."""

    @pytest.mark.parametrize(
        "behaviour",
        [
            fake.is_silent,
            fake.drips(HEAD + b"1\r\n \r\n" * 1000),
            fake.drips(HEAD + b"1\r\n \r\n" * 1000, at_once=len(HEAD)),
            fake.drips(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0),
        ],
        ids=["black hole", "dripping head", "dripping body", "continue, continue"],
    )
    def test_the_whole_is_bounded(self, remote: Remote, make: Make, behaviour: Behaviour) -> None:
        remote.behave = behaviour
        client, began = make(milliseconds=300), time.monotonic()
        error = failed(client)
        assert time.monotonic() - began < 3
        assert (error.kind, shown(error)["spent_in"], shown(error)["budget_ms"]) == (Kind.DEADLINE, "others", 300)
        assert client.breaker.counts.total_failures == 1

    def test_a_deadline_that_the_caller_shortened_does_not_count_as_a_failure(self, remote: Remote, make: Make) -> None:
        remote.behave = fake.is_silent
        client = make()
        token = deadline.current.set(deadline.Deadline.after(timedelta(milliseconds=100), is_shortened=True))
        try:
            assert failed(client).kind is Kind.DEADLINE
        finally:
            deadline.current.reset(token)
        assert client.breaker.counts == Counts()

    def test_a_name_that_is_not_resolved(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        over = threading.Event()
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: over.wait(10) and [])
        began = time.monotonic()
        assert failed(make("http://others.test", milliseconds=200)).kind is Kind.DEADLINE
        assert time.monotonic() - began < 3
        over.set()

    def test_no_more_connections_than_allowed(self, remote: Remote, make: Make) -> None:
        is_asked, over = threading.Event(), threading.Event()

        def keep(_remote: Remote, _connection: socket.socket) -> None:
            is_asked.set()
            over.wait(30)

        remote.behave = keep
        client = make(milliseconds=30_000, max_connections=1)
        other = threading.Thread(target=lambda: failed(client))
        other.start()
        assert is_asked.wait(10)
        with deadline.within(timedelta(milliseconds=200)):
            assert failed(client).kind is Kind.DEADLINE
        assert remote.connections == 1
        over.set()
        other.join()


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate with openssl")
class TestEncrypted:
    @pytest.fixture
    def encrypted(self, tmp_path: Path) -> Iterator[tuple[Remote, Path]]:
        """Return a server with a certificate, and the certificate."""
        pem = certificate(tmp_path)
        server = Remote(answers(OK), tls=pem)
        yield server, pem
        server.close()

    def test_ok(self, encrypted: tuple[Remote, Path], make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", f"{encrypted[1]}.crt")
        assert make(encrypted[0].url).get("/thing") == OK

    def test_an_untrusted_certificate(self, encrypted: tuple[Remote, Path], make: Make) -> None:
        """Nothing is sent, in particular no token of the service."""
        assert failed(make(encrypted[0].url)).kind is Kind.UNAVAILABLE
        assert encrypted[0].heads == []

    def test_a_handshake_that_never_ends(self, remote: Remote, make: Make) -> None:
        """C23."""
        remote.behave = fake.is_silent
        assert failed(make(remote.url.replace("http:", "https:"), milliseconds=200)).kind is Kind.DEADLINE


class TestRetries:
    @pytest.mark.parametrize("first", [fake.resets, fake.disconnects, answers(b"", 502, "text/html")])
    def test_transient_failures_are_retried(self, remote: Remote, make: Make, first: Behaviour) -> None:
        remote.behave = fake.in_turn(first, first, answers(OK))
        spent = request_timing.begin()
        assert make().get("/thing") == OK
        assert spent.retries == {"others": 2}
        request_timing.current.set(None)

    def test_three_times_at_most(self, remote: Remote, make: Make) -> None:
        remote.behave = answers(b"", 503, "text/html")
        error = failed(make())
        assert (len(remote.heads), error.facts["attempts"], error.facts["retryable"]) == (3, 3, True)

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_a_rejection_is_not_retried(self, remote: Remote, make: Make, status: int) -> None:
        remote.behave = answers({"error": "invalid_token"}, status)
        client = make()
        error = failed(client)
        assert (len(remote.heads), error.facts["retryable"]) == (1, False)
        assert client.breaker.counts.total_failures == 0, "the breaker counts no error of the caller"

    def test_a_port_without_a_listener(self, make: Make) -> None:
        client = make("http://127.0.0.1:9")
        error = failed(client)
        assert (error.kind, error.retry_after) == (Kind.UNAVAILABLE, 1)
        assert client.breaker.counts.total_failures == 3


class TestChanges:
    """POST, PUT and DELETE: as GET, and repeated only if a repetition changes nothing."""

    def test_the_body_and_the_key_are_sent(self, remote: Remote, make: Make) -> None:
        remote.behave = answers({"id": 7}, 201)
        assert make().post("/charges", {"amount": "9.80"}, key="job-7", headers={"X-A": "1"}) == {"id": 7}
        assert remote.heads[0].startswith("POST /charges HTTP/1.1\r\n")
        fields = remote.fields()
        assert (fields["idempotency-key"], fields["content-type"], fields["x-a"]) == ("job-7", "application/json", "1")
        assert (fields["content-length"], "request-timeout" in fields) == ("17", True)

    @pytest.mark.parametrize("status", [200, 202, 204])
    def test_a_response_without_a_body_returns_none(self, remote: Remote, make: Make, status: int) -> None:
        remote.behave = answers(b"", status)
        client = make()
        assert (client.post("/a", {}), client.put("/a", {}), client.delete("/a")) == (None, None, None)
        assert [head.partition(" ")[0] for head in remote.heads] == ["POST", "PUT", "DELETE"]

    @pytest.mark.parametrize("first", [fake.resets, fake.disconnects, answers(b"", 502, "text/html")])
    def test_a_repeatable_change_is_retried(self, remote: Remote, make: Make, first: Behaviour) -> None:
        calls: list[Callable[[HttpClient], object]] = [
            lambda client: client.post("/a", {}, key="one"),
            lambda client: client.put("/a", {}),
            lambda client: client.delete("/a"),
        ]
        for call in calls:
            remote.heads.clear()
            remote.behave = fake.in_turn(first, first, answers(OK))
            assert call(make()) == OK
            assert len({remote.fields(number).get("idempotency-key") for number in range(3)}) == 1

    @pytest.mark.parametrize("first", [fake.resets, fake.disconnects, answers(b"", 503, "text/html")])
    def test_a_post_without_a_key_is_sent_once(self, remote: Remote, make: Make, first: Behaviour) -> None:
        """The first one may have been applied."""
        remote.behave = fake.in_turn(first, answers(OK))
        client = make()
        with pytest.raises(Error) as caught:
            client.post("/charges", {})
        assert (len(remote.heads), caught.value.facts["retryable"]) == (1, False)
        assert client.breaker.counts.total_failures == 1

    @pytest.mark.parametrize(("key", "may_have_changed"), [("one", None), (None, True)])
    def test_after_a_post_without_a_key_the_request_may_have_made_a_change(
        self, remote: Remote, make: Make, key: str | None, may_have_changed: bool | None
    ) -> None:
        """If it then fails, it is neither retryable nor sent to another instance."""
        remote.behave = answers(OK)
        token = request_context.changing.set(None)
        make().post("/charges", {}, key=key)
        assert request_context.changing.get() is may_have_changed
        request_context.changing.reset(token)

    def test_an_open_breaker_sends_nothing(self, remote: Remote, make: Make) -> None:
        remote.behave = fake.resets
        client = make()
        for _ in range(12):
            with pytest.raises(Error):
                client.put("/a", {})
        assert client.breaker.state() is State.OPEN
        before = remote.connections
        with pytest.raises(Error) as caught:
            client.post("/a", {}, key="one")
        assert (caught.value.kind, remote.connections) == (Kind.UNAVAILABLE, before)

    def test_the_whole_is_bounded(self, remote: Remote, make: Make) -> None:
        remote.behave = fake.is_silent
        began = time.monotonic()
        with pytest.raises(Error) as caught:
            make(milliseconds=300).post("/a", {"text": "x" * 1_000_000}, key="one")
        assert (caught.value.kind, time.monotonic() - began < 2) == (Kind.DEADLINE, True)

    def test_a_rejection_keeps_its_kind(self, remote: Remote, make: Make) -> None:
        """And is not retried."""
        remote.behave = answers({"error": "no"}, 422)
        with pytest.raises(Error) as caught:
            make().put("/a", {})
        assert (len(remote.heads), caught.value.kind, caught.value.facts["remote_status"]) == (1, Kind.EXTERNAL, 422)

    @pytest.mark.parametrize("key", ["", "a b", 'a"', "a,b", "ä", "k" * 256, "a\r\nX: 1"])
    def test_an_invalid_key_is_rejected(self, remote: Remote, make: Make, key: str) -> None:
        with pytest.raises(ValueError, match="an idempotency key has"):
            make().post("/a", {}, key=key)
        assert remote.connections == 0


class TestBreaker:
    def test_a_dead_dependency_is_not_called(self, remote: Remote, make: Make) -> None:
        remote.behave = fake.resets
        client = make()
        for _ in range(12):
            failed(client)
        assert client.breaker.state() is State.OPEN
        asked = remote.connections
        assert asked == 20
        error = failed(client)
        assert (error.kind, remote.connections) == (Kind.UNAVAILABLE, asked)
        assert error.retry_after is not None
        assert 1 < error.retry_after <= 30
        assert error.facts["breaker"] == "others"
