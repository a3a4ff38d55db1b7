"""With its token, the debug listener shows the state of a worker while all its threads are stuck."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, text

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving

TOKEN: Final = "a-debug-token-of-the-tests"
THREADS: Final = 4


@pytest.fixture(scope="module")
def port() -> int:
    """Return the port of the first worker's listener."""
    return free_port()


@pytest.fixture(scope="module")
def watched(settings: Settings, tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Served]:
    """Serve the application with one worker of a few threads, and a debug listener."""
    environment = {"WEB_CONCURRENCY": "1", "WEB_THREADS": str(THREADS), "DATABASE_POOL_SIZE": str(THREADS + 1)}
    environment |= {"DEBUG_TOKEN": TOKEN, "DEBUG_PORT": str(port)}
    with serving(settings, tmp_path_factory.mktemp("watched") / "log", **environment) as served:
        yield served


def look(port: int, path: str, token: str | None = TOKEN, method: str = "GET") -> tuple[int, HTTPMessage, str]:
    """Return the listener's response."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, headers={} if token is None else {"X-Debug-Token": token})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


@pytest.fixture
def stuck(watched: Served, settings: Settings, bearer: Callable[..., dict[str, str]]) -> Iterator[None]:
    """Make every thread wait for a lock in the database."""
    engine = create_engine(settings.database_url)
    with ExitStack() as stack, engine.connect() as locker:
        locker.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        senders = []
        for number in range(THREADS):
            connection = stack.enter_context(closing(HTTPConnection("127.0.0.1", watched.port, timeout=20)))
            headers = {**bearer(), "X-Request-Id": f"stuck-request-{number}"}
            connection.request("GET", "/v1/tasks?filter=title%3D%22hunter2%22", headers=headers)
            senders.append(threading.Thread(target=connection.getresponse))
            senders[-1].start()
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            wait_until(lambda: watching.execute(waiting).scalar_one() >= THREADS, 5)
        yield
        locker.rollback()
        for each in senders:
            each.join(20)
    engine.dispose()


class TestStuck:
    def test_stacks_name_the_requests(self, watched: Served, stuck: None, port: int) -> None:
        status, _, body = look(port, "/debug/stacks")
        assert status == 200
        for number in range(THREADS):
            assert f"GET /v1/tasks, request stuck-request-{number}, for " in body
        assert body.count("app/rest/handlers/tasks.py") >= THREADS
        assert "hunter2" not in body

    def test_vars_show_full_resources(self, watched: Served, stuck: None, port: int) -> None:
        seen = json.loads(look(port, "/debug/vars")[2])
        assert seen["threads"]["busy"] == seen["slots"]["in_use"] == seen["pool"]["in_use"] == THREADS
        assert seen["breakers"]["database"]["state"] == "closed"
        assert {each["request_id"] for each in seen["requests"]} == {f"stuck-request-{n}" for n in range(THREADS)}
        assert seen["worker"]["number"] == 0

    def test_a_profile_shows_where_they_wait(self, watched: Served, stuck: None, port: int) -> None:
        status, _, body = look(port, "/debug/profile?seconds=1&format=collapsed")
        assert status == 200
        assert "list_tasks (" in body
        status, headers, body = look(port, "/debug/profile?seconds=1")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "list_tasks" in body


class TestAccess:
    @pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()])
    @pytest.mark.parametrize("path", ["/debug/stacks", "/debug/vars", "/debug/profile", "/", "/nothing"])
    def test_without_the_token_the_answer_is_403_and_empty(
        self, watched: Served, port: int, path: str, token: str | None
    ) -> None:
        status, headers, body = look(port, path, token)
        assert (status, body, headers["Content-Length"]) == (403, "", "0")

    @pytest.mark.parametrize("seconds", ["0", "61", "-1", "1.5", "x", "", "١"])
    def test_a_profile_takes_1_to_60_seconds(self, watched: Served, port: int, seconds: str) -> None:
        assert look(port, f"/debug/profile?seconds={quote(seconds)}")[0] == 400

    def test_other_methods_and_paths_are_404(self, watched: Served, port: int) -> None:
        assert look(port, "/debug/profile?format=pprof")[0] == 400
        assert look(port, "/debug/nothing")[0] == 404
        assert look(port, "/debug/stacks", method="POST")[0] == 501

    def test_it_exposes_neither_versions_nor_secrets(self, watched: Served, port: int, settings: Settings) -> None:
        status, headers, body = look(port, "/debug/vars")
        assert (status, headers["Server"]) == (200, "candor")
        for secret in (TOKEN, settings.jwt_secret, settings.database_url, "gunicorn.conf", "PATH"):
            assert secret not in body

    def test_it_is_not_on_the_public_port(self, watched: Served) -> None:
        for path in ("/debug/", "/debug/stacks", "/debug/vars", "/debug/profile"):
            assert look(watched.port, path)[0] == 404


def test_without_a_token_it_is_off_and_a_taken_port_stops_nothing(
    settings: Settings, watched: Served, port: int, tmp_path: Path
) -> None:
    with serving(settings, tmp_path / "none", DEBUG_PORT=str(port)) as served:
        assert "no debug listener" not in served.log.read_text()
    with serving(settings, tmp_path / "taken", DEBUG_PORT=str(port), DEBUG_TOKEN=TOKEN) as served:
        assert look(served.port, "/healthz")[0] == 200
        wait_until(lambda: f"no debug listener on port {port}" in served.log.read_text(), 5)
