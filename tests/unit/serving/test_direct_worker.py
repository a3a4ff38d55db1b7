"""The environment of a plain request is the one that gunicorn creates; the worker steps aside for foreign hooks."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi

from deploy.serving import gunicorn_private
from deploy.serving.connection_state import REJECTED, Framing, Incoming, Memory, Rules, State
from deploy.serving.direct_worker import Connection, DirectWorker
from deploy.serving.gunicorn_logger import Logger
from deploy.serving.polling_worker import PollingWorker
from deploy.serving.request_parser import Request, close_while_draining
from deploy.serving.worker import Worker

TCP = ("127.0.0.1", 8000)
PEER = ("127.0.0.9", 4711)
GET = b"GET /v1/%C3%A4/b%2Fc?a=%20&b HTTP/1.1\r\nHost: x:81\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Type: a/b\r\n\r\n"
REQUESTS = {
    "a query and escapes": GET,
    "a body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "close": b"GET / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n",
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
}
SETTINGS: dict[str, Any] = {"max_requests": 0, "pre_request": close_while_draining}


def config(**settings: Any) -> Config:
    """Return a configuration like that of gunicorn.conf.py."""
    made = Config()
    for name, value in (SETTINGS | settings).items():
        made.set(name, value)
    return made


@pytest.fixture
def made() -> Iterator[Callable[..., Any]]:
    """Return a factory of workers that have no process."""
    workers: list[Worker] = []

    def make(kind: type[Worker], **settings: Any) -> Any:
        cfg = config(**settings)
        workers.append(kind(1, 1, [], None, 1.0, cfg, Logger(cfg)))
        return workers[-1]

    yield make
    for each in workers:
        each.tmp.close()


@pytest.fixture
def worker(made: Callable[..., Any]) -> DirectWorker:
    found: DirectWorker = made(DirectWorker)
    return found


@pytest.mark.parametrize(("server", "client"), [(TCP, PEER), ("/run/a.sock", ""), ("name:99", "")])
def test_the_environment_is_that_of_gunicorn(worker: DirectWorker, server: object, client: object) -> None:
    """Also on a kept connection, whose requests share a part of it."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        base = SimpleNamespace(sock=ours, client=client, server=server)
        conn = Connection(base, Incoming(Rules(worker._examine, 8190, 100), Memory()))
        for data in [*REQUESTS.values(), *REQUESTS.values()]:
            assert conn.incoming.feed(data) is State.COMPLETE
            assert conn.incoming.plain is not None
            found = worker._environ(conn, conn.incoming.plain)
            conn.incoming.drop()
            strict = Request(worker.cfg, gunicorn_private.ReceivedBytes(data), client)
            _, expected = wsgi.create(strict, ours, client, server, worker.cfg)
            assert found.pop("wsgi.input").read() == expected.pop("wsgi.input").read()
            assert found.pop("wsgi.errors").streams == expected.pop("wsgi.errors").streams
            assert callable(expected.pop("wsgi.early_hints")), "the reply sets it"
            assert found.pop("wsgi.multithread")
            assert expected.pop("wsgi.multithread") is not None
            assert found == expected


@pytest.mark.parametrize(
    ("data", "framing"),
    [
        (GET + b"rest", Framing(len(GET), 0)),
        (b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhe", Framing(38, 5)),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0", Framing(56, None)),
        (b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", Framing(69, 5, True)),
        (b"GET", None),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", None),
        (b"GET / HTTP/1.1\n", REJECTED),
        (b"GARBAGE\r\n", REJECTED),
        (b"GET /" + b"a" * 9000, REJECTED),
        (b"GET / HTTP/1.1\r\n\r\n", REJECTED),
    ],
)
def test_gunicorns_parser_decides_about_the_framing(worker: DirectWorker, data: bytes, framing: Framing | None) -> None:
    assert worker._examine(data) == framing


class TestStepsAside:
    """Configurations for which requests are processed by gunicorn's own code."""

    def test_plain_heads_are_plain_by_default(self, worker: DirectWorker) -> None:
        assert worker._max_octets() == 4094, "gunicorn's default limit of the first line"

    @pytest.mark.parametrize(
        "settings",
        [
            {"pre_request": lambda _worker, _request: None},
            {"post_request": lambda _worker, _request, _environ, _: None},
        ],
        ids=["pre_request", "post_request"],
    )
    def test_hooks_of_a_fork_get_gunicorns_objects(self, made: Callable[..., Any], settings: dict[str, Any]) -> None:
        assert made(DirectWorker, **settings)._max_octets() == 0

    def test_another_logger_gets_gunicorns_objects(self, worker: DirectWorker) -> None:
        class Other(Logger):
            def access(self, *_: Any) -> None:
                pass

        worker.log = Other(worker.cfg)
        assert worker._max_octets() == 0

    def test_a_script_name_of_the_server_is_gunicorns(
        self, worker: DirectWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SCRIPT_NAME", "/a")
        assert worker._max_octets() == 0

    @pytest.mark.parametrize(
        "settings",
        [{"certfile": __file__}, {"proxy_protocol": "auto"}, {"protocol": "uwsgi"}, {"http_protocols": "h2,h1"}],
        ids=["TLS", "PROXY", "uwsgi", "HTTP/2"],
    )
    def test_other_protocols_are_served_by_the_threaded_worker(
        self, made: Callable[..., Any], settings: dict[str, Any]
    ) -> None:
        assert type(made(PollingWorker, **settings)) is Worker

    def test_http_in_clear_text_is_served_by_the_polling_worker(self, made: Callable[..., Any]) -> None:
        assert type(made(PollingWorker)) is PollingWorker
