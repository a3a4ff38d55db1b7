"""A burst of logins, activations or new passwords leaves at least half of the work slots to other requests."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from argon2 import PasswordHasher
from flask import Flask

from app.rest import operations
from tests.api.accounts import ACTIVATE, PASSWORD, TOKENS, an_address, join, logged_in, mails, register
from tests.api.caller import Caller, answered

BURST: Final = 12
RESET: Final = "/v1/users:resetPassword"
CHANGE: Final = "/v1/users/me/password"
HASHING: Final = {f"POST {TOKENS}", f"POST {ACTIVATE}", f"POST {RESET}", f"PUT {CHANGE}", "DELETE /v1/users/me"}
NEW: Final = "battery staple"


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> "Hashes":
    """Make every hash wait until the test releases it."""
    waiting = Hashes()
    for name in ("hash", "verify"):
        monkeypatch.setattr(PasswordHasher, name, waiting.around(getattr(PasswordHasher, name)))
    return waiting


class Hashes:
    """The number of passwords being hashed."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.go_on = threading.Event()
        self._lock = threading.Lock()
        self.go_on.set()

    def around(self, function: Any) -> Any:
        """Return a function that counts, and waits."""

        def counted(*args: Any) -> Any:
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            self.go_on.wait(20)
            try:
                return function(*args)
            finally:
                with self._lock:
                    self.now -= 1

        return counted


def test_these_operations_hash(app: Flask) -> None:
    """Any other operation that hashes must declare it, because otherwise hashing fails (``HashingShare.check``)."""
    assert {each.name for each in operations.table(app).values() if each.hashes} == HASHING


@pytest.mark.parametrize("operation", sorted(HASHING))
def test_reads_continue(unauthenticated: Caller, app: Flask, hashes: Hashes, operation: str) -> None:
    """Of four slots, two hash; requests that wait for the share hold no slot."""
    method, path = operation.split()
    email = join(unauthenticated, app, an_address())["email"]
    me, _ = logged_in(unauthenticated, email)
    if path == ACTIVATE:
        register(unauthenticated, other := an_address())
        body = {"token": mails(app, other)[-1]["token"], "password": NEW}
    elif path == RESET:
        answered(unauthenticated.post("/v1/users:requestPasswordReset", json={"email": email}), 202)
        body = {"token": mails(app, email)[-1]["token"], "password": NEW}
    elif method == "DELETE":
        body = {"current_password": PASSWORD}
    elif path == CHANGE:
        body = {"current_password": PASSWORD, "password": NEW}
    else:
        body = {"email": email, "password": PASSWORD}
    hashes.go_on.clear()

    def send(_: int) -> int:
        return (
            Caller(app.test_client(), me.credentials if "/me" in path else {}).send(method, path, json=body).status_code
        )

    with ThreadPoolExecutor(BURST) as pool:
        burst = [pool.submit(send, number) for number in range(BURST)]
        until = time.monotonic() + 10
        while hashes.now < 2 and time.monotonic() < until:
            time.sleep(0.01)
        try:
            reads = [me.get("/v1/users/me").status_code for _ in range(20)]
        finally:
            hashes.go_on.set()
        statuses = [each.result() for each in burst]
    assert reads == [200] * 20
    assert hashes.most == 2
    assert statuses.count(503) >= BURST - 8
    assert statuses.count(200) >= 1
