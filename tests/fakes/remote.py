"""An external server with programmable behavior for each request."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

Behaviour = Callable[["Remote", socket.socket], None]
"""A function that runs once the head of a request has been read; then the connection is closed."""
CRLF: Final = b"\r\n"


class Remote:
    """Listens on loopback; remembers the heads of requests, and counts connections."""

    def __init__(self, behave: Behaviour, *, tls: Path | None = None) -> None:
        """Serve with this behavior; with a certificate and its key, encrypted."""
        self.behave = behave
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
        if self._tls and tls:
            self._tls.load_cert_chain(tls)
        self.heads: list[str] = []
        self.head_of: dict[socket.socket, bytes] = {}
        self.connections = 0
        self.ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def fields(self, number: int = -1) -> dict[str, str]:
        """Return the header fields of a request."""
        lines = self.heads[number].split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def close(self) -> None:
        """End every connection."""
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        head = b""
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while CRLF * 2 not in head:
                if not (received := connection.recv(65536)):
                    return
                head += received
            self.heads.append(head.decode("latin-1").rstrip())
            self.head_of[connection] = head
            self.behave(self, connection)
        except OSError:
            pass  # the other side has disconnected
        finally:
            connection.close()


def answers(document: object, status: int = 200, media_type: str = "application/json", **fields: str) -> Behaviour:
    """Answer with JSON, or with a text in place of it."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {"Content-Type": media_type, "Content-Length": str(len(body)), "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in fields.items()}
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in named.items())
    return sends(head.encode() + CRLF + body)


def sends(answer: bytes) -> Behaviour:
    """Send these bytes."""
    return lambda _, connection: connection.sendall(answer)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Answer each request with the next behavior, and all further ones with the last."""
    left = list(behaviours)

    def behave(remote: Remote, connection: socket.socket) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(remote, connection)

    return behave


def is_silent(remote: Remote, _connection: socket.socket) -> None:
    """Send nothing, and keep the connection."""
    remote.ended.wait()


def resets(_remote: Remote, connection: socket.socket) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def disconnects(_remote: Remote, _connection: socket.socket) -> None:
    """Close the connection without an answer."""


def drips(answer: bytes, *, at_once: int = 0, pause: float = 0.02) -> Behaviour:
    """Send the first bytes immediately, and then repeat the others endlessly, each after a pause."""

    def behave(remote: Remote, connection: socket.socket) -> None:
        connection.sendall(answer[:at_once])
        rest = answer[at_once:]
        while not remote.ended.is_set():
            for byte in rest:
                if remote.ended.wait(pause):
                    return
                connection.sendall(bytes([byte]))

    return behave


def carries(port: int, send: Callable[["Remote", socket.socket, bytes], None] | None = None) -> Behaviour:
    """Forward requests to the server on this port, and optionally change the answer."""

    def behave(remote: Remote, connection: socket.socket) -> None:
        head = remote.head_of[connection].replace(CRLF, CRLF + b"Connection: close" + CRLF, 1)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as server:
            server.sendall(head)
            answer = b"".join(iter(lambda: server.recv(65536), b""))
        if send is None:
            connection.sendall(answer)
        else:
            send(remote, connection, answer)

    return behave


def late(seconds: float) -> Callable[[Remote, socket.socket, bytes], None]:
    """Send an answer after so many seconds."""

    def send(remote: Remote, connection: socket.socket, answer: bytes) -> None:
        remote.ended.wait(seconds)
        connection.sendall(answer)

    return send


def byte_by_byte(remote: Remote, connection: socket.socket, answer: bytes) -> None:
    """Send an answer at fifty bytes a second."""
    for byte in answer:
        if remote.ended.wait(0.02):
            return
        connection.sendall(bytes([byte]))


def half(_remote: Remote, connection: socket.socket, answer: bytes) -> None:
    """Send half of an answer, then half-close the connection, and wait for the other side to do the same."""
    connection.sendall(answer[: len(answer) // 2])
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)


def as_html(_remote: Remote, connection: socket.socket, answer: bytes) -> None:
    """Send an answer with another media type."""
    connection.sendall(answer.replace(b"application/json", b"text/html"))
