"""Exporter of the counters of all workers on ``GET /metrics``: `python -m deploy.metering.exporter FOLDER`.

The listening socket is standard input. It needs no worker and has no secret; it ends with the process that
started it.
"""

import os
import socket
import sys

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from app.observability import logs
from app.observability.metrics_endpoint import MetricsServer


class Exporter(MetricsServer):
    """Adds up the values in the files of a folder."""

    def __init__(self, listener: socket.socket, folder: str) -> None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
        super().__init__(listener, registry)
        self._parent = os.getppid()

    def service_actions(self) -> None:
        """End when the parent has ended; only necessary where the kernel cannot signal that."""
        if os.getppid() != self._parent:
            sys.exit(0)


def main(folder: str) -> None:
    """Serve until the process is ended."""
    logs.configure("WARNING")
    Exporter(socket.socket(fileno=os.dup(0)), folder).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
