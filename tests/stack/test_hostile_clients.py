"""Slow clients and invalid bytes: other clients are served as usual, and no worker dies."""

import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from typing import Final

from tests.stack.checkout import descendants, wait_until
from tests.stack.conftest import Served
from tests.stack.deployment import SCALE, Deployment, is_established, needs_nginx, received

SLOW: Final = 60
"""Slow clients of each kind."""
CUT_WITHIN: Final = 15.0
MUTATED: Final = 1000
SEED: Final = 20261121
PATIENCE: Final = 0.3

BODY: Final = b'{"task": {"title": "x"}}'
CORPUS: Final = (
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/tasks?page_size=2&filter=status%20%3D%20PENDING HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n",
    b'HEAD /openapi.json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br;q=0.5\r\nIf-None-Match: "a", W/"b"\r\n\r\n',
    b"OPTIONS /v1/tasks HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
    b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (len(BODY), BODY),
    b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%s\r\n0\r\nTrailer: y\r\n\r\n" % (len(BODY), BODY),
    b'PATCH /v1/tasks/%s HTTP/1.1\r\nHost: x\r\nIf-Match: "1-2"\r\nContent-Length: 2\r\n\r\n{}' % (b"0" * 32),
    b"DELETE /v1/tasks/0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\nRequest-Timeout: 0.5\r\n\r\n",
    b"GET http://x/errors HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nRequest-Id: abcdefg\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nTraceparent: 00-%s-%s-01\r\nX-Forwarded-For: ::1\r\n\r\n"
    % (b"1" * 32, b"2" * 16),
)
SPICE: Final = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b"%",
    b"/../",
    b"\xff",
    b"\x80",
    b"0",
    b"-1",
    b"chunked",
    b"\x0b",
)


def mutated(chance: random.Random) -> bytes:
    """Return a request with a few bytes changed, dropped, doubled or inserted."""
    data = bytearray(chance.choice(CORPUS))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case 2:
                data[at:at] = chance.choice(SPICE)
            case 3:
                data[at:at] = data[at : at + chance.randint(1, 40)]
            case 4:
                data[at] ^= 1 << chance.randrange(8)
        if not data:
            return b"\r\n"
    return bytes(data)


def bombard(port: int, count: int) -> Counter[int]:
    """Send mutated requests, each on its own connection; return how often each status was received."""
    chance = random.Random(SEED)
    requests = [mutated(chance) for _ in range(count)]

    def send(data: bytes) -> list[int]:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as connection, suppress(OSError):
            connection.sendall(data)
            answer = received(connection)
            return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]
        return []

    with ThreadPoolExecutor(48) as pool:
        return Counter(status for found in pool.map(send, requests) for status in found)


def assert_well(statuses: Counter[int]) -> None:
    """Check that all statuses are in the contract: no 500, nothing undefined."""
    assert sum(statuses.values()) > MUTATED / 4
    heard_of = {100, 200, 204, 304, 400, 401, 403, 404, 405, 406, 413, 414, 415, 431, 501}
    assert set(statuses) <= heard_of, statuses


def test_mutated_requests_kill_no_worker_of_gunicorn(served: Served) -> None:
    wait_until(lambda: len(descendants(served.pid)) == 3, 10)
    before = descendants(served.pid)
    assert_well(bombard(served.port, round(MUTATED * SCALE)))
    assert descendants(served.pid) == before
    ordinary(served.port, 64)


class Dawdlers:
    """Slow connections: half a head, half a body, responses that are not read."""

    def __init__(self, port: int) -> None:
        self._port = port
        half_head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: "
        half_body = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
        unread = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400
        self.heads = [self._open(half_head) for _ in range(SLOW)]
        self.bodies = [self._open(half_body) for _ in range(SLOW)]
        self.readers = [self._open(unread, narrow=True) for _ in range(SLOW // 4)]
        self.began = time.monotonic()

    def _open(self, data: bytes, *, narrow: bool = False) -> socket.socket:
        connection = socket.socket()
        if narrow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(1)
        connection.connect(("127.0.0.1", self._port))
        with suppress(TimeoutError):
            connection.sendall(data)
        connection.setblocking(False)
        return connection

    def drip(self) -> None:
        """Send one more byte of each head."""
        for connection in self.heads:
            with suppress(OSError):
                connection.send(b"a")

    @property
    def alive(self) -> int:
        """Return the number of connections that are still open."""
        return sum(map(is_open, [*self.heads, *self.bodies])) + sum(map(is_established, self.readers))

    def close(self) -> None:
        """Close all connections."""
        for connection in (*self.heads, *self.bodies, *self.readers):
            connection.close()


def is_open(connection: socket.socket) -> bool:
    """Return True if the peer has not closed, after reading all received bytes."""
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def dawdling(port: int) -> Iterator[Dawdlers]:
    """Keep slow clients connected."""
    dawdlers = Dawdlers(port)
    try:
        yield dawdlers
    finally:
        dawdlers.close()


def ordinary(port: int, count: int) -> list[float]:
    """Return the seconds that ordinary requests take, each on its own connection."""

    def seconds_of(_: int) -> float:
        began = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
        return time.monotonic() - began

    with ThreadPoolExecutor(8) as pool:
        return sorted(pool.map(seconds_of, range(count)))


@needs_nginx
def test_dawdlers_are_cut_off_while_others_are_served_and_mutated_requests_kill_no_worker(fronted: Deployment) -> None:
    baseline, workers = ordinary(fronted.port, 200), set(fronted.workers)
    with dawdling(fronted.port) as dawdlers:
        beside = ordinary(fronted.port, 200)
        assert beside[-20] < max(2 * baseline[-20], 1.0)
        assert dawdlers.alive == 2 * SLOW + SLOW // 4
        assert_well(bombard(fronted.port, round(MUTATED * SCALE)))

        def all_cut() -> bool:
            dawdlers.drip()
            time.sleep(0.2)
            return dawdlers.alive == 0

        wait_until(all_cut, max(CUT_WITHIN - (time.monotonic() - dawdlers.began), 5.0))
    assert set(fronted.workers) == workers
    ordinary(fronted.port, 64)
