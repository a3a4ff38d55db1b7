"""TLS with HTTP/2 at a proxy, with the certificate that ``flask edge --certificate`` names."""

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from tests.conformance import report
from tests.conformance.http2 import Http2Server
from tests.conformance.profile import Profile
from tests.conformance.rule import Result
from tests.conformance.run import judge
from tests.proxies.programs import NAME, RunningProxy, proxied
from tests.proxies.results import Results
from tests.proxies.test_conformance import described
from tests.proxies.test_faults import DOCUMENTS, ID, Response, assert_is_document, without_instances
from tests.stack.conftest import ORIGIN
from tests.stack.deployment import Deployment, received

Bearer = Callable[..., dict[str, str]]
HSTS: Final = "max-age=63072000"
RULES: Final = (
    *("M01", "M05", "P01", "P05", "N01", "A01", "J01", "W03", "W12"),
    *("C1", "C4", "C9a", "C16", "C17", "C20", "C21", "C24"),
)
"""Rules that depend on a proxy: entity tags, limits, request IDs."""
INEXPRESSIBLE: Final = {
    "caddy": (
        "W12",
        "C9a",
    ),  # Caddy ends the connection with its 413: the client of the suite reads nothing after GOAWAY
    "traefik": ("W12", "C9a"),  # the same
    "envoy": ("C16",),  # Envoy resets a stream with a control character in a field, as RFC 9113, section 8.2.1, allows
}


@dataclass(frozen=True)
class Secure:
    """A proxy with TLS, and the certificate that its clients trust."""

    proxy: RunningProxy
    certificate: Path

    def send(self, method: str, path: str, fields: dict[str, str], body: str = "", *, version: str = "2") -> Response:
        """Send a request with curl; the version of HTTP in the response must be that of the request."""
        headers = (
            word for name, value in {"X-Request-Id": ID, **fields}.items() for word in ("-H", f"{name}: {value}")
        )
        done = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--include", "--max-time", "30", "--cacert", self.certificate),
                *(f"--http{version}", "--request", method, *headers, *(["--data-binary", "@-"] if body else [])),
                f"https://localhost:{self.proxy.port}{path}",
            ],
            input=body,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        head, _, content = done.stdout.partition("\n\n")
        first, *lines = head.splitlines()
        found = re.match(rf"HTTP/{re.escape(version)} (\d+)", first)
        assert found, first
        received_fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Response(int(found[1]), received_fields, content.encode(), 0.0)


@pytest.fixture(scope="module")
def secure(fronted: Deployment, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """Run the proxy with the self-signed certificate of the deployment."""
    home = Path(tmp_path_factory.mktemp("secure"))
    certificate = Path(shutil.copy(fronted.certificate, home / "site.crt"))
    shutil.copy(fronted.certificate.with_suffix(".key"), home / "site.crt.key")
    with proxied(NAME, fronted, settings, home, certificate=certificate) as running:
        yield Secure(running, certificate)


@pytest.mark.parametrize("version", ["2", "1.1"])
def test_a_resource_is_created_and_read(secure: Secure, bearer: Bearer, version: str) -> None:
    fields = {**bearer(f"tls-{version}"), "Content-Type": "application/json"}
    created = secure.send("POST", "/v1/tasks", fields, '{"task": {"title": "over TLS"}}', version=version)
    assert created.status == 201
    assert created.fields["x-request-id"] == created.fields["request-id"] == ID
    assert created.fields["strict-transport-security"] == HSTS
    read = secure.send("GET", created.fields["location"], fields, version=version)
    assert (read.status, read.fields["etag"]) == (200, created.fields["etag"])
    assert secure.send("DELETE", created.fields["location"], fields, version=version).status == 200


def test_rules_of_http_over_http_2(secure: Secure, profile: Profile) -> None:
    """Framing is that of HTTP/2; all other rules are the same."""
    of_tls = replace(profile, ca_file=str(secure.certificate))
    rules = tuple(each for each in RULES if each not in INEXPRESSIBLE.get(NAME, ()))
    verdicts = judge(f"https://127.0.0.1:{secure.proxy.port}", of_tls, rules, server=Http2Server)
    assert described(report.broken(of_tls, verdicts)) == []
    assert sum(each.result is Result.PASSED for each in verdicts) > len(rules)


def test_without_an_instance_the_response_is_a_problem_document(
    secure: Secure, fronted: Deployment, bearer: Bearer, results: Results
) -> None:
    with without_instances(fronted):
        for method in ("GET", "DELETE"):
            response = secure.send(method, "/v1/tasks/x", {**bearer(), "Origin": ORIGIN})
            assert assert_is_document(response, 503, "SERVICE_UNAVAILABLE").get("retryable", True) is True
            assert response.fields["strict-transport-security"] == HSTS
    own = "HSTS and request IDs" if DOCUMENTS else "HSTS"
    results.observed["TLS"] = f"HTTP/2 and HTTP/1.1, TLS 1.2 or newer, {own} on the proxy's own responses too"


def test_an_old_version_of_tls_is_rejected(secure: Secure) -> None:
    old = ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{secure.proxy.port}", *old]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "alert protocol version" in done.stderr


def test_a_request_without_tls_does_not_reach_the_service_and_is_not_redirected(secure: Secure) -> None:
    """A redirect would hide that a token was sent unencrypted."""
    with closing(socket.create_connection(("127.0.0.1", secure.proxy.port), timeout=5)) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = received(plain)
    assert not answer or answer.split(b" ")[1] in (b"400", b"404")
