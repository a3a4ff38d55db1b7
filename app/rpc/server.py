"""The server: its listener, its limits, and its shutdown."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from flask import Flask
from grpc_health.v1 import health_pb2, health_pb2_grpc

from app.config import Settings
from app.errs import Error
from app.rpc.admission import Admission
from app.rpc.introspection import Health, add_reflection
from app.rpc.services import METHODS, NAMES
from app.wiring import Services

MOST: Final = 1000
"""The maximum number of concurrent calls, including calls in transfer and health watches."""
PING_INTERVAL_MS: Final = 10_000
"""How often a client may ping, with or without calls in progress; after three more frequent pings it gets GOAWAY."""
EVERY: Final = 1.0
"""Seconds between two updates of the health status."""
LAST: Final = 5.0
"""Seconds after the longest budget that calls in flight get at shutdown."""


class CannotServe(Exception):
    """The server cannot bind its address or load its certificate; the text names the setting."""


def options(settings: Settings) -> list[tuple[str, int]]:
    """Return the options of the gRPC server.

    gRPC accepts messages twice as large as the largest limit; the service itself rejects messages over a limit.
    """
    minute = 60_000
    largest = min(settings.max_body_bytes, max(method.max_bytes for method in METHODS.values()))
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", 2 * largest),
        ("grpc.max_metadata_size", 16 * 1024),
        ("grpc.max_concurrent_streams", 100),
        ("grpc.keepalive_time_ms", minute),
        ("grpc.keepalive_timeout_ms", minute // 3),
        ("grpc.keepalive_permit_without_calls", 1),  # otherwise an idle connection may be pinged every two hours
        ("grpc.http2.min_ping_interval_without_data_ms", PING_INTERVAL_MS),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_connection_idle_ms", 5 * minute),
        ("grpc.max_connection_age_ms", 30 * minute),
        ("grpc.max_connection_age_grace_ms", minute // 2),
    ]


@dataclass(frozen=True, slots=True)
class Serving:
    """A running server."""

    server: grpc.aio.Server
    admission: Admission
    health: Health
    watch: asyncio.Task[None]
    port: int
    grace: float

    async def drain(self, drain_seconds: float) -> None:
        """Report NOT_SERVING, keep serving for ``drain_seconds``, then reject new calls and finish those in flight."""
        self.watch.cancel()
        await self.health.enter_graceful_shutdown()
        await asyncio.sleep(drain_seconds)
        await self.server.stop(self.grace)
        await asyncio.to_thread(self.admission.close)


async def start(app: Flask, settings: Settings) -> Serving:
    """Start the server, and return once it accepts calls.

    Raises:
        CannotServe: the address cannot be bound, or the certificate cannot be loaded.
    """
    admission = Admission(app, METHODS, threads=settings.web_threads)
    server = grpc.aio.server(options=options(settings), maximum_concurrent_rpcs=MOST)
    health = Health()
    await _set_health(health, is_ready=False)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    add_reflection(server)
    server.add_generic_rpc_handlers((admission,))
    port = _listen(server, settings)
    await server.start()
    watch = asyncio.create_task(_watch(app, health))
    return Serving(server, admission, health, watch, port, settings.request_timeout + LAST)


def _listen(server: grpc.aio.Server, settings: Settings) -> int:
    """Return the bound port."""
    host = f"[{settings.rpc_host}]" if ":" in settings.rpc_host else settings.rpc_host
    address = f"{host}:{settings.rpc_port}"
    try:
        if not settings.rpc_certificate:
            return int(server.add_insecure_port(address))
        pair = Path(settings.rpc_key).read_bytes(), Path(settings.rpc_certificate).read_bytes()
        return int(server.add_secure_port(address, grpc.ssl_server_credentials([pair])))
    except OSError as fault:
        raise CannotServe(f"RPC_CERTIFICATE or RPC_KEY cannot be read: {fault.strerror}") from fault
    except RuntimeError as fault:
        raise CannotServe(f"RPC_HOST={settings.rpc_host} RPC_PORT={settings.rpc_port} cannot be bound") from fault


async def _watch(app: Flask, health: Health) -> None:
    """Keep the health status equal to the readiness."""
    while True:
        await _set_health(health, is_ready=await asyncio.to_thread(_is_ready, app))
        await asyncio.sleep(EVERY)


def _is_ready(app: Flask) -> bool:
    services: Services = app.extensions["app-services"]
    try:
        with app.app_context():
            services.readiness.report()
    except Error:
        return False
    return True


async def _set_health(health: Health, *, is_ready: bool) -> None:
    status = health_pb2.HealthCheckResponse.SERVING if is_ready else health_pb2.HealthCheckResponse.NOT_SERVING
    for name in ("", *NAMES):
        await health.set(name, status)
