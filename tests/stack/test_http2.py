"""HTTP/2 and TLS at the edge: valid and invalid frames (RFC 9113), and Mozilla's TLS profile."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from deploy.stack import nginx_listen
from tests import response_checks
from tests.conformance.http2 import Http2Connection, Http2Server
from tests.conformance.rule import NotApplicable
from tests.conformance.wire import Answer
from tests.stack.checkout import wait_until
from tests.stack.deployment import ROOT, Deployment, needs_nginx
from tests.stack.test_nginx import requested

pytestmark = needs_nginx
Bearer = Callable[..., dict[str, str]]
Pairs = list[tuple[bytes, bytes]]

SSLYZE: Final = ROOT / ".local" / "scanners-venv" / "bin" / "sslyze"
STREAMS: Final = 300
"""Streams of a reset storm: far more than nginx allows one connection at a time."""
LARGEST: Final = 1_048_576


@contextmanager
def connected(deployment: Deployment) -> Iterator[Http2Connection]:
    """Yield an HTTP/2 connection to nginx."""
    with Http2Server.at(deployment.url, str(deployment.certificate)).connect() as connection:
        assert isinstance(connection, Http2Connection)
        yield connection


def head(deployment: Deployment, method: str, path: str, **fields: str) -> Pairs:
    """Return the fields of a request."""
    sent = {":method": method, ":scheme": "https", ":path": path, ":authority": f"127.0.0.1:{deployment.tls_port}"}
    sent |= {name.lower().replace("_", "-"): value for name, value in fields.items()}
    return [(name.encode(), value.encode()) for name, value in sent.items()]


def assert_rejected(answer: Answer, status: int, code: str) -> None:
    """Assert that the response is the problem document of this code, over HTTP/2."""
    assert (answer.version, answer.status) == ("HTTP/2", status)
    assert answer.media_type == "application/problem+json"
    document = response_checks.strict(answer.body)
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == answer.get("x-request-id") == answer.get("request-id")
    assert answer.get("strict-transport-security") == "max-age=63072000"


class TestRejections:
    """The service's problem documents, independent of the frames of the request."""

    def test_a_declared_oversize_is_413_before_the_body_is_sent(self, fronted: Deployment) -> None:
        """HTTP/2 checks the length again in the location of the document: it was 500, as HTML."""
        with connected(fronted) as connection:
            connection.open(head(fronted, "POST", "/v1/tasks", content_length=str(LARGEST + 1)), ends=False)
            assert_rejected(connection.receive(), 413, "BODY_TOO_LARGE")

    def test_an_oversize_of_unknown_length_is_413(self, fronted: Deployment) -> None:
        with connected(fronted) as connection:
            number = connection.open(head(fronted, "POST", "/v1/tasks"), ends=False)
            connection.send_body(number, b"x" * (LARGEST + 1))
            assert_rejected(connection.receive(), 413, "BODY_TOO_LARGE")

    @pytest.mark.parametrize("size", [9_000, 30_000])
    def test_long_fields_are_431_and_long_paths_414(self, fronted: Deployment, size: int) -> None:
        """30,000 bytes take a CONTINUATION frame."""
        with connected(fronted) as connection:
            connection.open(head(fronted, "GET", "/healthz", x_long="a" * size))
            assert_rejected(connection.receive(), 431, "HEADER_FIELDS_TOO_LARGE")
            connection.open(head(fronted, "GET", f"/healthz?{'a' * size}"))
            assert_rejected(connection.receive(), 414, "URI_TOO_LONG")
            connection.open(head(fronted, "GET", "/healthz"))
            assert connection.receive().status == 200, "the connection goes on"

    def test_many_fields_are_431(self, fronted: Deployment) -> None:
        with connected(fronted) as connection:
            connection.open(head(fronted, "GET", "/healthz", **{f"x_{n}": "1" for n in range(200)}))
            assert_rejected(connection.receive(), 431, "HEADER_FIELDS_TOO_LARGE")

    def test_a_body_shorter_than_its_declared_length_is_400(self, fronted: Deployment) -> None:
        """RFC 9113, section 8.1.1: malformed."""
        with connected(fronted) as connection:
            number = connection.open(head(fronted, "POST", "/v1/tasks", content_length="10"), ends=False)
            connection.data(number, b"abc", ends=True)
            assert_rejected(connection.receive(), 400, "MALFORMED_REQUEST")

    @pytest.mark.parametrize(
        "name", ["connection", "transfer-encoding", "Upper-Case", "x y"], ids=lambda name: name.lower()
    )
    def test_fields_that_http_2_forbids_do_not_reach_the_service(self, fronted: Deployment, name: str) -> None:
        """RFC 9113, section 8.2: rejected by a stream error or 400; or removed, as ``connection`` is.

        The service rejects this Transfer-Encoding by 400 or 501, therefore 401 proves that nginx 1.30 removes it.
        """
        removed = {"connection": {"401"}, "transfer-encoding": {"401", "400"}}
        with connected(fronted) as connection:
            connection.open([*head(fronted, "GET", "/v1/tasks"), (name.encode(), b"close")])
            try:
                outcome = str(connection.receive().status)
            except NotApplicable as error:
                outcome = "400" if str(error).startswith("rejected by a stream error") else str(error)
            assert outcome in removed.get(name, {"400"})


class TestFrames:
    """Unusual frames change nothing."""

    def test_padding_is_not_part_of_the_body(self, fronted: Deployment, bearer: Bearer) -> None:
        """RFC 9113, section 6.1; each part is padded differently, with up to 255 bytes."""
        body = json.dumps({"task": {"title": "padded", "description": "y" * 500}}).encode()
        fields = {**bearer(), "content_type": "application/json", "content_length": str(len(body))}
        with connected(fronted) as connection:
            number = connection.open(head(fronted, "POST", "/v1/tasks", **fields), ends=False)
            for place in range(0, len(body), 50):
                connection.data(number, body[place : place + 50], padding=(place * 7) % 256)
            connection.data(number, b"", padding=255, ends=True)
            answer = connection.receive()
            assert (answer.status, answer.json()["title"]) == (201, "padded")
            connection.open(head(fronted, "DELETE", str(answer.get("location")), **bearer()))
            assert connection.receive().status == 200

    def test_requests_at_once_are_answered_each_by_its_own(self, fronted: Deployment) -> None:
        """Multiplexing: 30 streams, with interleaved bodies; each response has the id of its request."""
        with connected(fronted) as connection:
            numbers = [
                connection.open(
                    head(fronted, "POST", "/v1/tasks", content_length="2", x_request_id=f"stream-{n:04}"), ends=False
                )
                for n in range(30)
            ]
            for part, ends in ((b"{", False), (b"}", True)):
                for number in reversed(numbers):
                    connection.data(number, part, ends=ends)
            answers = [connection.receive() for _ in numbers]
        assert [answer.get("x-request-id") for answer in answers] == [f"stream-{n:04}" for n in range(30)]
        assert {answer.status for answer in answers} == {401}

    def test_a_storm_of_resets_costs_others_nothing(self, fronted: Deployment) -> None:
        """Streams that are opened and cancelled at once: nginx and the workers live, and other clients are served."""
        before = fronted.workers
        with connected(fronted) as connection:
            for number in range(STREAMS):
                connection.reset(connection.open(head(fronted, "GET", f"/v1/tasks/{number}")))
                if number % 50 == 0:
                    with requested(fronted, "/healthz") as (answer, _):
                        assert answer.status == 200
        with connected(fronted) as connection:
            connection.open(head(fronted, "GET", "/readyz"))
            assert connection.receive().status == 200
        assert fronted.workers == before


def test_a_reload_sends_goaway_and_finishes_open_streams(fronted: Deployment) -> None:
    """RFC 9113, section 6.8: GOAWAY without an error, and the open stream gets its response."""
    found = re.search(r"^  nginx      process (\d+)", (fronted.home / "out").read_text(), re.MULTILINE)
    assert found is not None
    with connected(fronted) as connection:
        number = connection.open(head(fronted, "POST", "/v1/tasks", content_length="2"), ends=False)
        connection.data(number, b"{")
        connection.open(head(fronted, "GET", "/healthz"))
        wait_until(lambda: connection.has_answered(number + 2), 10)
        os.kill(int(found[1]), signal.SIGHUP)
        connection.data(number, b"}", ends=True)
        assert connection.receive().status == 401
        assert connection.goodbye(10) == 0
    with connected(fronted) as connection:
        connection.open(head(fronted, "GET", "/healthz"))
        assert connection.receive().status == 200


class TestTls:
    def test_http_1_1_is_offered_as_well_as_http_2(self, fronted: Deployment) -> None:
        for offered, chosen in ((["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")):
            context = ssl.create_default_context(cafile=str(fronted.certificate))
            context.set_alpn_protocols(offered)
            plain = socket.create_connection(("127.0.0.1", fronted.tls_port), timeout=10)
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                assert tls.selected_alpn_protocol() == chosen

    def test_it_is_mozillas_intermediate_profile(self, fronted: Deployment) -> None:
        """The report of sslyze; the self-signed certificate is its only finding."""
        if not SSLYZE.exists():
            pytest.skip("sslyze is not installed: make edge installs it")
        report = fronted.home / "sslyze.json"
        command = [
            str(SSLYZE),
            "--mozilla_config=intermediate",
            f"--json_out={report}",
            f"localhost:{fronted.tls_port}",
        ]
        printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        found = re.findall(r"^        \* (\w+): ", printed, re.MULTILINE)
        assert found == ["certificate_path_validation"], printed[-3000:]
        scanned = json.loads(report.read_text())["server_scan_results"][0]["scan_result"]
        accepted = scanned["tls_1_2_cipher_suites"]["result"]["accepted_cipher_suites"]
        assert accepted
        assert all("ECDHE" in each["cipher_suite"]["name"] for each in accepted), "forward secrecy"


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        ((1, 22, 1), ["listen 443 ssl http2;", "listen [::]:443 ssl http2;"]),
        ((1, 25, 0), ["listen 443 ssl http2;", "listen [::]:443 ssl http2;"]),
        ((1, 25, 1), ["listen 443 ssl;", "listen [::]:443 ssl;", "http2 on;"]),
        ((1, 26, 3), ["listen 443 ssl;", "listen [::]:443 ssl;", "http2 on;"]),
    ],
)
def test_http_2_is_spelled_as_the_version_has_it(version: tuple[int, ...], lines: list[str]) -> None:
    assert nginx_listen.configuration(["443", "[::]:443"], version).splitlines() == lines


def test_every_port_listens_on_ipv4_and_ipv6() -> None:
    """nginx listens on IPv4 alone where only the port is given."""
    text = (ROOT / "deploy" / "nginx" / "default-server.conf").read_text() + nginx_listen.configuration(
        nginx_listen.ADDRESSES, (1, 26)
    )
    ports = re.findall(r"^\s*listen (\[::\]:)?(\d+)", text, re.MULTILINE)
    assert sorted(ports) == [("", "443"), ("", "443"), ("", "80"), ("[::]:", "443"), ("[::]:", "443"), ("[::]:", "80")]
