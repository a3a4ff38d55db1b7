"""The bytes that a client does not read are kept within limits; beyond them the thread waits for a limited time."""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from deploy.serving import client_socket
from deploy.serving.client_socket import MAX_UNSENT, ClientSocket
from deploy.serving.connection_state import Memory

LARGE = bytes(range(256)) * 8192
"""More than a socket of the kernel takes."""
Pair = tuple[ClientSocket, socket.socket]


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def pair(memory: Memory) -> Iterator[Pair]:
    """Return the sockets of the server and of the client."""
    ours, theirs = socket.socketpair()
    with closing(ClientSocket(ours, memory)) as sock, closing(theirs):
        sock.setblocking(False)
        theirs.settimeout(10)
        yield sock, theirs


def read(theirs: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += theirs.recv(min(65536, size - len(found)))
    return found


def test_bytes_that_the_client_accepts_at_once_are_not_kept(pair: Pair, memory: Memory) -> None:
    pair[0].sendall(b"abc")
    assert (bytes(pair[0].unsent), memory.used, pair[1].recv(9)) == (b"", 0, b"abc")


def test_the_rest_is_kept_and_counted_until_it_is_sent(pair: Pair, memory: Memory) -> None:
    """In the order of the calls."""
    sock, theirs = pair
    sock.sendall(LARGE)
    sock.sendall(b"abc")
    assert memory.used == len(sock.unsent) > 3
    found = b""
    while not sock.send_more():
        found += theirs.recv(65536)
    assert memory.used == 0
    assert found + read(theirs, len(LARGE) + 3 - len(found)) == LARGE + b"abc"


def test_closing_frees_the_memory(pair: Pair, memory: Memory) -> None:
    pair[0].sendall(LARGE)
    pair[0].close()
    assert memory.used == 0


@pytest.mark.parametrize("limit", [0, 4 * MAX_UNSENT], ids=["no memory", "too much for a connection"])
def test_without_memory_the_thread_waits_until_the_client_has_read(pair: Pair, memory: Memory, limit: int) -> None:
    sock, theirs = pair
    memory._limit = limit
    data = LARGE * (3 if limit else 1)
    sender = threading.Thread(target=sock.sendall, args=(data,), daemon=True)
    sender.start()
    assert read(theirs, len(data) - MAX_UNSENT if limit else len(data)) == data[: -MAX_UNSENT if limit else None]
    sender.join(10)
    assert not sender.is_alive()
    assert memory.used == len(sock.unsent) <= MAX_UNSENT


def test_a_client_that_does_not_read_in_time_is_given_up(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although it reads a little. Its connection is reset: the kernel keeps nothing for it."""
    monkeypatch.setattr(client_socket, "SEND_SECONDS", 0.3)
    server = socket.create_server(("127.0.0.1", 0))
    with closing(server), closing(socket.create_connection(server.getsockname())) as theirs:
        sock = ClientSocket(server.accept()[0])
        began = time.monotonic()
        with pytest.raises(BrokenPipeError) as raised:
            sock.sendall(LARGE * 16)
        assert raised.value.errno == errno.EPIPE
        assert 0.3 <= time.monotonic() - began < 5
        sock.close()
        with pytest.raises(ConnectionResetError):
            _all(theirs.recv)


def _all(recv: Callable[[int], bytes]) -> None:
    while recv(65536):
        pass


def test_a_client_that_has_closed_is_an_error(pair: Pair) -> None:
    sock, theirs = pair
    sock.sendall(LARGE)
    theirs.close()
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        sock.send_more()


def test_the_rest_of_a_response_is_not_copied_with_each_send() -> None:
    """The cost of a response would otherwise grow with the square of its length."""
    here, there = socket.socketpair()
    content = bytes(range(256)) * 12_000
    with ClientSocket(here, Memory(len(content))) as client, there:
        client.sendall(content)
        assert client.unsent.obj is content
        received = bytearray()
        while len(received) < len(content):
            received += there.recv(1 << 16)
            client.send_more()
            assert not client.unsent or client.unsent.obj is content
        assert received == content
