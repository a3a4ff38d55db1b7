"""waitress, uvicorn with a2wsgi, and gunicorn's own workers without ``gunicorn.conf.py``, on real sockets."""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import a2wsgi
import jwt
import pytest
import uvicorn
import waitress

from app.extensions import db
from app.models.sessions import RevokedToken
from deploy.local.free_ports import free_port
from tests.stack.conftest import ROOT


def in_waitress(app, _settings, _path):
    server = waitress.create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    server.close()
    thread.join(10)


def in_uvicorn(app, _settings, _path):
    def wsgi(environ, start_response):
        environ["wsgi.input_terminated"] = True  # a2wsgi does not set it: without it, Flask reads no chunked body
        return app(environ, start_response)

    port = free_port()
    config = uvicorn.Config(a2wsgi.WSGIMiddleware(wsgi), host="127.0.0.1", port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    yield port
    server.should_exit = True
    thread.join(10)


def in_gunicorn(worker):
    def serve(_app, settings, path):
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "-k", worker, "-b", f"127.0.0.1:{port}", "wsgi:app"]
        environ = os.environ | {
            "DATABASE_URL": settings.database_url,
            "JWT_SECRET": settings.jwt_secret,
            "PYTHONPATH": str(ROOT),
            "PUBLIC_URL": "",
        }
        with (path / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=path, env=environ, stdout=log, stderr=log)
        yield port
        process.terminate()
        assert process.wait(30) == 0

    return serve


SERVERS = {
    "waitress": in_waitress,
    "a2wsgi": in_uvicorn,
    "sync": in_gunicorn("sync"),
    "gthread": in_gunicorn("gthread"),
}


@pytest.fixture(params=SERVERS)
def port(request, app, settings, tmp_path):
    serving = SERVERS[request.param](app, settings, tmp_path)
    port, deadline = next(serving), time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            send(port, "GET", "/healthz")
            break
        except OSError:
            time.sleep(0.05)
    yield port
    for poller in app.extensions["app-pollers"]:
        poller.stop()
    next(serving, None)


def send(port, method, path, **options):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, **options)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def test_a_server_answers_requests(port, app, bearer, empty_tables):
    it_serves(port, bearer)
    it_rejects_a_revoked_token(port, app, bearer)


def it_rejects_a_revoked_token(port, app, bearer):
    """The pollers start with the first request on servers without ``gunicorn.conf.py``, which starts them earlier."""
    headers = bearer()
    assert send(port, "GET", "/v1/tasks", headers=headers)[0] == 200
    claims = jwt.decode(headers["Authorization"].removeprefix("Bearer "), options={"verify_signature": False})
    revoked = RevokedToken(id=claims["jti"], expire_time=datetime.now(UTC) + timedelta(hours=1))
    with app.app_context():
        db.session.add(revoked)
        db.session.commit()
    deadline = time.monotonic() + 10
    while (status := send(port, "GET", "/v1/tasks", headers=headers)[0]) == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert status == 401


def it_serves(port, bearer):
    status, headers, _ = send(port, "GET", "/healthz", headers={"X-Request-Id": "from-the-client"})
    assert (status, headers["X-Request-Id"]) == (200, "from-the-client")

    status, headers, body = send(port, "GET", "/nowhere")
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(body)["request_id"] == headers["X-Request-Id"]

    sent = {**bearer(), "Content-Type": "application/json"}
    status, _, body = send(port, "POST", "/v1/tasks", headers=sent, body=json.dumps({"task": {"title": "served"}}))
    assert status == 201, body
    chunks = iter([b'{"task": {"title": ', b'"chunked"}}'])
    status, _, body = send(port, "POST", "/v1/tasks", headers=sent, body=chunks, encode_chunked=True)
    assert status == 201, body

    status, headers, body = send(
        port, "POST", "/v1/tasks", headers=sent, body=(b" " * 65536 for _ in range(20)), encode_chunked=True
    )
    assert (status, headers["Content-Type"]) == (413, "application/problem+json")
    assert json.loads(body)["code"] == "BODY_TOO_LARGE"

    status, _, body = send(port, "HEAD", "/healthz")
    assert (status, body) == (200, b"")
