"""A gRPC server on the application under test, in this process, and clients of it."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.config import Settings
from app.rpc import server
from tests.api.caller import Caller
from tests.api.conftest import Bearer, Log, log
from tests.conftest import TokenMaker
from tests.observed_errors import PROVOKED
from tests.rpc.client import SCOPES, Client

__all__ = ["Log", "log"]
ENDS_WITHIN: Final = 10.0


@contextmanager
def served(app: Flask, settings: Settings, **changes: Any) -> Iterator[int]:
    """Serve an application, and return the port."""
    settings = replace(settings, rpc_port=0, **changes)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="rpc-tests", daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    serving: server.Serving = run(server.start(app, settings))
    try:
        yield serving.port
    finally:
        run(serving.drain(0))
        run(loop.shutdown_default_executor())  # otherwise a last check of readiness would connect later
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="package")
def port(app: Flask, settings: Settings) -> Iterator[int]:
    """Return the port of the application under test."""
    with served(app, settings) as port:
        yield port


@pytest.fixture
def serve(make_application: Callable[..., Flask], settings: Settings) -> Iterator[Callable[..., int]]:
    """Return a factory of servers with other settings; it returns their ports."""
    with ExitStack() as stack:

        def make(**changes: object) -> int:
            changed = replace(settings, **changes)  # type: ignore[arg-type]  # keys are names of settings
            return stack.enter_context(served(make_application(**changes), changed))

        yield make


@pytest.fixture
def alice(client: FlaskClient, port: int, token: TokenMaker) -> Iterator[Client]:
    """Return a client with the scope of tasks; the tables are emptied afterwards."""
    with Client.of(port, token("alice", SCOPES)) as alice:
        yield alice


@pytest.fixture
def bob(client: FlaskClient, port: int, token: TokenMaker) -> Iterator[Client]:
    """Return a second client."""
    with Client.of(port, token("bob", SCOPES)) as bob:
        yield bob


@pytest.fixture
def unauthenticated(port: int) -> Iterator[Client]:
    """Return a client without a token."""
    with Client.of(port, None) as unauthenticated:
        yield unauthenticated


@pytest.fixture
def ended() -> Callable[[str, str], None]:
    """Return a function that waits until the server has recorded a method's outcome, which can follow the response."""

    def wait(method: str, code: str) -> None:
        until = time.monotonic() + ENDS_WITHIN
        while (method, code) not in PROVOKED:
            assert time.monotonic() < until, (method, code)
            time.sleep(0.01)

    return wait


@pytest.fixture
def over_http(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return Alice, with a token over HTTP."""
    return Caller(client, bearer("alice"))
