"""A bounded load of every kind of request, in which every response is accounted for.

A title is taken at most once per owner, so a write that was silently sent twice shows as 409 to its client.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

RETRIES: Final = 40
PAUSE: Final = 0.1
Headers = dict[str, str]


@dataclass
class Ledger:
    """The requests and their outcomes: counts of (kind, status), and the names of acknowledged resources."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    created: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    keyed: set[str] = field(default_factory=set)
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, kind: str, status: int, seconds: float, body_text: bytes = b"") -> None:
        """Record one response; status 0 is a request without a response."""
        with self.lock:
            self.answers[kind, status] += 1
            self.slowest = max(self.slowest, seconds)
            if status == 0 or status >= 400:
                self.failures.append(f"{kind} {status} {body_text[:300]!r}")

    def count(self, kind: str, *statuses: int) -> int:
        """Return the number of requests of a kind with this status, or with any status when none is given."""
        return sum(n for (k, status), n in self.answers.items() if k == kind and (not statuses or status in statuses))

    def unlike(self, kind: str, *statuses: int) -> dict[int, int]:
        """Return the counts of the answers of a kind that had another status."""
        return {status: n for (k, status), n in self.answers.items() if k == kind and status not in statuses}

    @property
    def total(self) -> int:
        """Return the number of all requests."""
        return sum(self.answers.values())


class Client:
    """One caller on a kept-alive connection (or on a new one each time), which sends every kind of request."""

    def __init__(self, port: int, bearer: Headers, ledger: Ledger, stop: threading.Event, seed: int) -> None:
        self._ledger, self._stop, self._seed = ledger, stop, seed
        self._headers = {**bearer, "Content-Type": "application/json"}
        self._random = random.Random(seed)
        self._closes = seed % 4 == 0
        self._port = port
        self._connection: HTTPConnection | None = None
        self._mine: list[str] = []
        self._number = 0

    def run(self) -> None:
        """Send requests until stopped."""
        acts: list[Callable[[], None]] = [self._get, self._get, self._list, self._keyed, self._keyed, self._unkeyed]
        acts += [self._patch, self._delete]
        self._keyed()
        while not self._stop.is_set():
            self._random.choice(acts)()
        self._disconnect()

    def _get(self) -> None:
        self._send("get", "GET", self._random.choice(self._mine or ["/v1/tasks?page_size=1"]))

    def _list(self) -> None:
        self._send("list", "GET", "/v1/tasks?page_size=5")

    def _keyed(self) -> None:
        """Create with a key, and repeat a failed request as the contract specifies."""
        title = self._title()
        for _ in range(RETRIES):
            status, body = self._send("keyed", "POST", "/v1/tasks", {"task": {"title": title}}, key=title)
            if status == 201:
                self._acknowledge(title, body)
                with self._ledger.lock:
                    self._ledger.keyed.add(title)
                return
            time.sleep(PAUSE)
        self._ledger.enter("keyed for good", status, 0.0)

    def _unkeyed(self) -> None:
        title = self._title()
        status, body = self._send("unkeyed", "POST", "/v1/tasks", {"task": {"title": title}})
        if status == 201:
            self._acknowledge(title, body)

    def _patch(self) -> None:
        if self._mine:
            self._send("patch", "PATCH", self._random.choice(self._mine), {"description": "touched"})

    def _delete(self) -> None:
        if len(self._mine) > 3:
            path = self._mine.pop(self._random.randrange(len(self._mine)))
            status, _ = self._send("delete", "DELETE", path)
            with self._ledger.lock:
                (self._ledger.deleted if status == 200 else self._ledger.doubtful).add(path)

    def _title(self) -> str:
        self._number += 1
        return f"client-{self._seed}-{self._number}"

    def _acknowledge(self, title: str, body: dict[str, Any]) -> None:
        path = f"/v1/{body['name']}"
        self._mine.append(path)
        with self._ledger.lock:
            self._ledger.created[title] = path

    def _send(
        self, kind: str, method: str, path: str, body: object = None, key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, and repeat it when it is rejected for overload, before it had an effect; each is recorded.

        An overload response of the service has the path; a response of nginx has none.
        """
        for _ in range(RETRIES):
            status, body_text, seconds = self._exchange(method, path, body, key)
            is_refused = status == HTTPStatus.SERVICE_UNAVAILABLE and b'"instance":' in body_text
            self._ledger.enter("refused" if is_refused else kind, status, seconds, body_text)
            if not is_refused:
                break
            time.sleep(PAUSE)
        with suppress(ValueError):
            return status, json.loads(body_text) if status == HTTPStatus.CREATED else {}
        return status, {}

    def _exchange(self, method: str, path: str, body: object, key: str | None) -> tuple[int, bytes, float]:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        headers |= {"Connection": "close"} if self._closes else {}
        began, status, body_text = time.monotonic(), 0, b""
        try:
            if self._connection is None:
                self._connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
            self._connection.request(method, path, json.dumps(body).encode() if body is not None else None, headers)
            answer = self._connection.getresponse()
            body_text, status = answer.read(), answer.status
            if answer.will_close:
                self._disconnect()
        except (OSError, HTTPException) as fault:
            body_text, status = repr(fault).encode(), 0
            self._disconnect()
        return status, body_text, time.monotonic() - began

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def traffic(port: int, bearer: Callable[..., Headers], *, clients: int = 8) -> Iterator[Ledger]:
    """Send requests of all kinds from several clients until the block ends."""
    ledger, stop = Ledger(), threading.Event()
    callers = [Client(port, bearer(f"owner-{n % 2}"), ledger, stop, n) for n in range(clients)]
    crowd = [threading.Thread(target=caller.run, daemon=True) for caller in callers]
    for client in crowd:
        client.start()
    try:
        yield ledger
    finally:
        stop.set()
        for client in crowd:
            client.join(60)
    assert not any(client.is_alive() for client in crowd), "a client hangs"
