"""The application factory: it connects settings, logs, extensions, services, HTTP and commands."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from flask import Flask
from sqlalchemy import Engine

from app import cli, library_versions, rest
from app.config import InvalidSettings, Settings
from app.extensions import db
from app.observability import logs, undeclared_errors
from app.repositories import engine
from app.repositories.database_clock import DatabaseClock
from app.resilience import instrumentation
from app.resilience.poller import Poller
from app.rest import scopes
from app.rest.application import Application
from app.rest.path_prefix import prefix_of
from app.wiring import Services, wire
from app.wiring.event_hooks import log_transitions

ROOT: Final = Path(__file__).parent
STATIC: Final = "static"
LOGGER_INTERVAL: Final = timedelta(seconds=2)
"""How often each worker loads the log level; a change is in force in all workers within 5 seconds."""
EXPIRY_INTERVAL: Final = timedelta(minutes=1)
"""How often each process tries to delete expired rows; only one process at a time deletes."""
EXPIRY_TIMEOUT: Final = timedelta(seconds=10)
SOON: Final = timedelta(seconds=1)
KEYS_INTERVAL: Final = timedelta(seconds=1)
"""How often each worker checks if an issuer's keys are due to be fetched."""
KEYS_TIMEOUT: Final = timedelta(seconds=3)
NAMED: Final = {"MAX_CONTENT_LENGTH": "MAX_BODY_BYTES", "SQLALCHEMY_DATABASE_URI": "DATABASE_URL"}
"""Keys of ``app.config`` that an environment variable with another name sets."""
MERGED: Final = "SQLALCHEMY_ENGINE_OPTIONS"
HOOKS: Final = (log_transitions, instrumentation.count_breaker_event)
"""The hooks of the breaker of a database."""
REVOCATIONS_INTERVAL: Final = timedelta(seconds=1)
REVOCATIONS_TIMEOUT: Final = timedelta(seconds=3)
"""Both together are within the 5 seconds after which every worker rejects a revoked token; 500,000 load in time."""
REVOCATIONS_FIRST_TIMEOUT: Final = timedelta(seconds=5)
"""How long a new worker waits for the whole list before it serves; gunicorn waits 15 seconds for a heartbeat."""


def create_app(
    settings: Settings | None = None, *, config: Mapping[str, Any] | None = None, **flask_options: Any
) -> Application:
    """Return the application.

    Args:
        settings: the settings of the service; read from the environment by default.
        config: for ``app.config``, before any extension reads it: ``{"SQLALCHEMY_ECHO": True}``. Variables that begin
            with ``FLASK_`` are added to it, as ``app.config.from_prefixed_env`` reads them.
        flask_options: for the constructor of Flask, such as ``subdomain_matching=True``. The folder ``app/static`` is
            served at ``/static`` if it exists.

    Raises:
        app.config.InvalidSettings: the environment is invalid, or ``config`` contradicts a setting.
    """
    settings = settings or Settings.from_env()
    logs.configure(settings.log_level)
    undeclared_errors.install()
    library_versions.warn()
    app = Application("app", **{"static_folder": STATIC if (ROOT / STATIC).is_dir() else None, **flask_options})
    app.extensions["app-settings"] = settings
    app.config.from_prefixed_env()
    app.config.from_mapping(config or {})
    _configure(app, settings)
    db.init_app(app)
    clock = DatabaseClock()
    with app.app_context():
        engine.prepare(db.engine, hooks=HOOKS, clock=clock, reports_position=bool(settings.replica_url))
    services = app.extensions["app-services"] = wire(settings, db.session, cache(partial(_engine, app)), clock)
    app.extensions["app-pollers"] = [
        Poller("logger", within(app, services.logger.refresh), every=LOGGER_INTERVAL),
        Poller(
            "revocations",
            within(app, services.revocations.refresh_in_steps),
            every=REVOCATIONS_INTERVAL,
            within=REVOCATIONS_TIMEOUT,
            at_first=REVOCATIONS_FIRST_TIMEOUT,
        ),
        Poller(
            "expiry", within(app, services.expiry.clean), every=EXPIRY_INTERVAL, within=EXPIRY_TIMEOUT, at_first=SOON
        ),
        *(
            Poller(f"keys of {issuer}", keys.refresh, every=KEYS_INTERVAL, within=KEYS_TIMEOUT)
            for issuer, keys in services.key_sets.items()
        ),
    ]
    if settings.tracing:
        _trace(app, services)
    rest.register(app, settings)
    if faults := scopes.faults(settings):
        raise InvalidSettings(faults)
    cli.register(app)
    return app


def within(app: Flask, work: Callable[[], object]) -> Callable[[], None]:
    """Return work that runs in a context of the application, which every thread outside of requests needs."""

    def run() -> None:
        with app.app_context():
            work()

    return run


def _trace(app: Flask, services: Services) -> None:
    """Trace requests, use cases, statements and outgoing calls; without tracing, its packages are not loaded."""
    from app.observability.tracing import SpanOfRequest, Tracing  # noqa: PLC0415 -- see above

    tracing = app.extensions["app-tracing"] = Tracing()
    logs.WATCHERS.append(SpanOfRequest())
    tracing.around_use_cases(getattr(services, each.name) for each in fields(services))
    if app.config["REDIS_URL"]:
        tracing.around_calls(services.rate_limits, "increment")
    for client in services.clients:
        tracing.around_calls(client, "get")
    with app.app_context():
        engine.around_statements(db.engine, tracing.around_statement)


def _engine(app: Flask) -> Engine:
    with app.app_context():
        return db.engine


def _configure(app: Flask, settings: Settings) -> None:
    """Complete ``app.config``.

    Raises:
        InvalidSettings: it contradicts a setting of the service.
    """
    decided = _flask_config(settings, app.config.get(MERGED, {}))
    for name, value in decided.items():
        if name != MERGED and app.config.get(name) not in (None, value):
            variable = NAMED.get(name, name)
            description = f"config= and FLASK_{name} cannot set {name}: set the environment variable {variable}"
            raise InvalidSettings([description])
    app.config.from_mapping(decided)
    app.config["DEBUG"] = settings.debug or bool(app.config["DEBUG"])
    if app.config["DEBUG"] and settings.is_production:
        raise InvalidSettings(["DEBUG must be off in production"])
    app.config.setdefault("PUBLIC_ENDPOINTS", [])
    if app.config["APPLICATION_ROOT"] == "/":
        app.config["APPLICATION_ROOT"] = prefix_of(settings.public_url) or "/"


def _flask_config(settings: Settings, engine_options: Mapping[str, object]) -> dict[str, object]:
    """Return the configuration of Flask and its extensions."""
    budget = timedelta(seconds=settings.request_timeout)
    return {
        "ANONYMOUS_SCOPES": settings.anonymous_scopes,
        "APP_ENV": settings.app_env,
        "CORS_ORIGINS": settings.cors_origins,
        "DOCUMENTATION_URL": settings.documentation_url,
        "FAULTS_ON_DEMAND": settings.simulates_errors,
        "LOG_CLIENT": settings.log_client,
        "MAX_BODY_BYTES": settings.max_body_bytes,
        "MAX_CONTENT_LENGTH": settings.max_body_bytes,
        "PUBLIC_URL": settings.public_url,
        "RATE_LIMIT": settings.rate_limit,
        "REDIS_URL": settings.redis_url,
        "REGISTRATION_RATE_LIMIT": settings.registration_rate_limit,
        "REPLICA_URL": settings.replica_url,
        "REQUEST_TIMEOUT": settings.request_timeout,
        "SCRIPT_NAME": settings.script_name,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine.engine_options(
            pool_size=settings.database_pool_size,
            statement_timeout=budget,
            url=settings.database_url,
            more=engine_options,
        ),
        "STALE_READS": settings.stale_reads,
        "TOKEN_RATE_LIMIT": settings.token_rate_limit,
        "TRUSTED_PROXIES": settings.trusted_proxies,
    }
