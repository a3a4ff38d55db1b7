"""The private names of gunicorn still exist, with the meaning that the workers need."""

import inspect
import socket
from contextlib import closing

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from deploy.serving import gunicorn_private
from deploy.serving.gunicorn_private import Incomplete, ReceivedBytes
from deploy.serving.request_parser import Request

OVERRIDDEN = (
    "_cap_keepalive", "accept", "enqueue_req", "finish_request", "handle", "handle_error", "handle_quit",
    "handle_request", "init_process", "is_parent_alive", "load_wsgi", "murder_keepalived", "notify",
    "on_client_socket_readable", "run", "set_accept_enabled", "wait_for_and_dispatch_events",
)  # fmt: skip
USED_IN_RUN = (
    "self.set_accept_enabled", "self.wait_for_and_dispatch_events", "self.murder_keepalived()",
    "self._cap_keepalive(", "self.nr_conns > 0", "self.murder_keepalived(force=True)", "self.is_parent_alive()",
)  # fmt: skip


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_a_method_that_a_worker_overrides_or_calls_exists(name: str) -> None:
    assert callable(getattr(ThreadWorker, name))


@pytest.mark.parametrize("call", USED_IN_RUN)
def test_the_main_loop_calls_the_overridden_methods(call: str) -> None:
    assert call in inspect.getsource(ThreadWorker.run)


def test_a_new_connection_is_accepted_into_enqueue_req() -> None:
    source = inspect.getsource(ThreadWorker.accept)
    assert "self.nr_conns += 1" in source
    assert "self.enqueue_req(conn)" in source


def test_a_connection_can_get_a_new_parser() -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        conn = gunicorn_private.TConn(Config(), ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nrest")
        request = next(conn.parser)
        assert request.path == "/"
        assert conn.parser.unreader.take_buffered() == b"rest"
        first, conn.parser, conn.initialized = conn.parser, None, False
        conn.init()
        assert conn.parser is not first


def test_the_parser_reads_from_received_bytes_and_stops_where_they_end() -> None:
    source = ReceivedBytes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nrest")
    assert Request(Config(), source, ("", 0)).body.reader.length == 0
    assert source.left == len("rest")
    with pytest.raises(Incomplete):
        Request(Config(), ReceivedBytes(b"GET / HTTP/1.1\r\nHost"), ("", 0))


def test_the_default_hook_after_a_request_is_the_known_one() -> None:
    assert Config().post_request is gunicorn_private.NO_POST_REQUEST
