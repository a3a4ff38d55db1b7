"""Tests of the ports for servers on 127.0.0.1."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.free_ports import free_port, is_free


def test_a_server_can_listen() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert not is_free(server.getsockname()[1])


def test_no_two_are_the_same() -> None:
    assert len({free_port() for _ in range(200)}) == 200


def test_the_next_ones_are_free_too_and_not_given_again() -> None:
    port = free_port(followed_by=2)
    with ExitStack() as stack:
        for each in range(port, port + 3):
            stack.enter_context(socket.create_server(("127.0.0.1", each)))
    assert free_port() not in range(port, port + 3)


@pytest.mark.skipif(not Path("/proc/sys/net").exists(), reason="Linux")
def test_an_outgoing_connection_gets_none_of_them() -> None:
    lowest, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert all(free_port() < lowest for _ in range(200))
