"""``flask rpc serve``: the gRPC server, a separate process next to the HTTP server."""

import asyncio
import os
import signal
from datetime import timedelta
from importlib.util import find_spec
from typing import Final

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app import product
from app.cli.terminal import Failed
from app.config import Settings, authority
from app.extensions import db
from app.observability import logs, metrics, metrics_endpoint, startup
from app.repositories import engine
from app.resilience import cpu_pinning, draining
from app.wiring import Services, failure_recorder, sentry_reporter

LOG_FLUSH_SECONDS: Final = 1.0
"""Seconds to store the remaining failures, and as many for events and for traces."""
WARM_WITHIN: Final = timedelta(seconds=1)
"""How long the server waits for its database connections before it serves with or without them."""

_LOG: Final = product.logger("rpc")

group = click.Group("rpc", help="The gRPC server.")


@group.command("serve")
@with_appcontext
def serve() -> None:
    """Serve gRPC until SIGTERM or Ctrl-C; calls in flight are finished."""
    settings = Settings.from_env()
    if not settings.rpc_port:
        raise Failed("RPC_PORT is 0: gRPC is disabled")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # the service reports errors itself
    if find_spec("grpc") is None:
        raise Failed("gRPC needs the packages of requirements/grpc.lock")
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 -- for other threads
    pinning = cpu_pinning.plan(settings.pin_workers, workers=1)
    cpu_pinning.claim(pinning)
    _prepare(app, settings)
    failures = failure_recorder(settings) if settings.failures_kept else None
    if failures:
        failures.start()
    exceptions = sentry_reporter(settings)
    if exceptions:
        exceptions.start()
    asyncio.run(_serve(app, settings, pinning=pinning.reason))
    logs.end()
    if failures:
        failures.stop(LOG_FLUSH_SECONDS)
    if exceptions:
        exceptions.stop(LOG_FLUSH_SECONDS)
    if settings.tracing:
        app.extensions["app-tracing"].stop(LOG_FLUSH_SECONDS)


def _prepare(app: Flask, settings: Settings) -> None:
    """Start the metrics endpoint, the database connections, the pollers and tracing."""
    services: Services = app.extensions["app-services"]
    metrics.describe(pool=settings.database_pool_size, slots=services.bulkhead.size)
    metrics_endpoint.serve(settings.metrics_host, settings.rpc_metrics_port, setting="RPC_METRICS_PORT")
    engine.warm(db.engine, within=WARM_WITHIN)
    for poller in app.extensions["app-pollers"]:
        poller.start()
    if settings.tracing:
        app.extensions["app-tracing"].start()


async def _serve(app: Flask, settings: Settings, *, pinning: str) -> None:
    """Serve until a signal arrives; a second one ends the process immediately."""
    from app.rpc import server  # noqa: PLC0415 -- gRPC is loaded only by the process that serves it

    stopping = asyncio.Event()

    def handle(signum: int) -> None:
        if stopping.is_set():
            logs.end()
            os._exit(128 + signum)
        draining.begin()
        stopping.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, handle, signum)
    try:
        serving = await server.start(app, settings)
    except server.CannotServe as fault:
        raise Failed(str(fault)) from fault
    _LOG.info("gRPC server ready", extra={"fields": {"host": settings.rpc_host, "port": serving.port}})
    scheme = "grpcs" if settings.rpc_certificate else "grpc"
    place = f"{scheme}://{authority(settings.rpc_host, serving.port)}"
    startup.announce(settings, [place], metrics_port=settings.rpc_metrics_port, more={"pinning": pinning})
    await stopping.wait()
    _LOG.info("gRPC server shutting down", extra={"fields": {"drain_seconds": settings.drain_seconds}})
    await serving.drain(settings.drain_seconds)
