"""The health check of the image connects to the listener of the container's command."""

import http.client
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import UnixStreamServer
from threading import Thread

import pytest

from deploy.containers.health_check import UnixConnection, connection_for, failure

WEB = ["/opt/candor/.venv/bin/python", "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app", ""]


@pytest.mark.parametrize(
    ("command", "environ", "address"),
    [
        (WEB, {"HOST": "0.0.0.0"}, ("127.0.0.1", 8000)),
        (WEB, {"HOST": "10.1.2.3", "PORT": "80"}, ("10.1.2.3", 80)),
        (
            ["/sbin/docker-init", "--", "/opt/candor/deploy/containers/entrypoint.sh", "web", ""],
            {},
            ("127.0.0.1", 8000),
        ),
        (["python", "flask", "worker", ""], {"METRICS_HOST": "::"}, ("::1", 9094)),
        (["python", "flask", "rpc", "serve", ""], {"RPC_METRICS_PORT": "7"}, ("127.0.0.1", 7)),
    ],
)
def test_the_address(command: list[str], environ: dict[str, str], address: tuple[str, int]) -> None:
    connection = connection_for(command, environ)
    assert connection
    assert (connection.host, connection.port) == address


@pytest.mark.parametrize(
    ("command", "environ"),
    [(["python", "flask", "db", "upgrade", ""], {}), (["python", "flask", "worker", ""], {"WORKER_METRICS_PORT": "0"})],
)
def test_a_command_without_listener_has_no_check(command: list[str], environ: dict[str, str]) -> None:
    assert connection_for(command, environ) is None


class Unready(BaseHTTPRequestHandler):
    """Serves one path."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


def test_the_status_decides(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with UnixStreamServer(str(path), Unready) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        connection = connection_for(WEB, {"BIND": f"unix:{path}"})
        assert isinstance(connection, UnixConnection)
        assert failure(connection, "/healthz") == ""
        assert failure(UnixConnection(str(path)), "/readyz") == "/readyz: 503"
        server.shutdown()


def test_no_listener_is_a_failure() -> None:
    with HTTPServer(("127.0.0.1", 0), Unready) as server:
        port = server.server_port
    assert "refused" in failure(http.client.HTTPConnection("127.0.0.1", port, timeout=1), "/healthz")
