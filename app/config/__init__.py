"""The settings: read once from the environment at start, and rejected with a list of all faults.

Each field is a setting: its upper-case name is the variable, its metadata the description in ``.env.example``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from app import product
from app.config import environment, postgresql_url, readers, redis_url, rules
from app.config.invalid_settings import InvalidSettings as InvalidSettings
from app.config.issuers import Issuer, read_issuers
from app.config.readers import authority as authority
from app.config.setting import setting as _setting

ROOT: Final = Path(__file__).resolve().parents[2]
LOCAL: Final = ROOT / ".local"
VERSION: Final = "0.1.0"
"""The version of the code; other places read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings, with safe defaults for development on loopback."""

    app_env: str = _setting(
        "development",
        readers.one_of("development", "production"),
        "Production rejects weak or missing settings; development generates them in .local/.",
    )
    host: str = _setting(
        "127.0.0.1", readers.host, "The address to listen on. Addresses other than loopback require production."
    )
    port: int = _setting(8000, readers.integer(1, 65535), "The port to listen on.")
    bind: str = _setting(
        "", readers.unix_socket, "A unix socket to listen on instead of HOST and PORT, such as unix:/run/app/1.sock."
    )
    public_url: str = _setting(
        "",
        readers.public_url,
        "Address of this service for clients, the start of every error's type. Default: HOST and PORT.",
    )
    script_name: str = _setting(
        "",
        readers.script_name,
        "The path of PUBLIC_URL, if the proxy sends it to the service. Unset: the proxy removes it.",
    )
    documentation_url: str = _setting(
        "", readers.public_url, "The URL of the built documentation. Error pages and OpenAPI link to it."
    )
    database_url: str = _setting(
        "",
        postgresql_url.database_url,
        "postgresql://user:password@host/name, or another form of libpq. Unset: make run starts a server.",
    )
    database_pool_size: int = _setting(
        5,
        readers.integer(1, 100),
        "Database connections per worker process: one for readiness, the others for requests.",
    )
    replica_url: str = _setting(
        "",
        postgresql_url.replica_url,
        "Read replicas of DATABASE_URL, in the same forms. Unset: all reads use the primary.",
    )
    stale_reads: bool = _setting(
        False,
        readers.boolean,
        "Let requests without Read-After read from a replica, which lags, in operations that permit it.",
    )
    jwt_secret: str = _setting("", str, "The key of HS256 tokens, at least 32 bytes. Development generates one.")
    jwt_keys: tuple[tuple[str, str], ...] = _setting(
        (),
        readers.keys,
        "Keys of the HS256 tokens as name:secret. The first key signs; only these keys are accepted, by kid.",
    )
    page_token_secret: str = _setting("", str, "Key of page tokens, at least 32 bytes. Unset: derived from JWT_SECRET.")
    jwt_audience: str = _setting("", str, "Required value in the aud claim of tokens. Unset: aud is not checked.")
    jwt_issuer: str = _setting("", str, "Required iss claim of tokens. Unset: iss is not checked.")
    issuers: tuple[Issuer, ...] = _setting(
        (), read_issuers, "A TOML file with other issuers of tokens and the scopes of their subjects."
    )
    google_client_id: str = _setting(
        "", str, "Client ID whose Google access tokens are accepted. ISSUERS has the scopes. Unset: none."
    )
    google_url: str = _setting(
        "https://oauth2.googleapis.com", readers.public_url, "Address of Google's token endpoint."
    )
    anonymous_scopes: tuple[str, ...] = _setting(
        (),
        readers.scopes,
        "The scopes of requests without credentials, which then act as the user anonymous. Default: none.",
    )
    rate_limit: str = _setting(
        "100 per second",
        readers.limit,
        "Requests per client address, in Flask-Limiter's notation; several joined by ';'.",
    )
    token_rate_limit: str = _setting("5 per minute", readers.limit, "Login requests per client address.")
    registration_rate_limit: str = _setting(
        "10 per hour",
        readers.limit,
        "Registrations per client address; password resets have the same limit, counted separately.",
    )
    default_scopes: tuple[str, ...] = _setting(
        (
            "tasks",
            "orders",
            "movies:read",
        ),
        readers.scopes,
        "The scopes of new accounts.",
    )
    redis_url: str = _setting(
        "",
        redis_url.redis_url,
        "Redis, several servers of it, or Sentinels, where instances share limits. Unset: each worker counts alone.",
    )
    smtp_url: str = _setting(
        "",
        readers.url("smtp", "smtps"),
        "Mail server: smtp://user:password@host:587 or smtps://. Unset: mail is printed; in production it waits.",
    )
    mail_from: str = _setting(
        f"{product.NAME} <{product.SLUG}@localhost>",
        readers.mail_address,
        "Sender address of emails, optionally with a name.",
    )
    activation_url: str = _setting(
        "",
        readers.token_url,
        "Page to activate accounts, linked in emails, with {token}. Unset: emails contain the token.",
    )
    password_reset_url: str = _setting(
        "",
        readers.token_url,
        "Page to set a new password, linked in emails, with {token}. Unset: emails contain the token.",
    )
    users_url: str = _setting(
        "",
        readers.public_url,
        "Address of another instance that has the users of profiles. Unset: this instance.",
    )
    preferences_url: str = _setting(
        "",
        readers.public_url,
        "Address of another instance that has the preferences of users. Unset: this instance.",
    )
    trusted_proxies: tuple[readers.Network, ...] = _setting(
        (),
        readers.networks,
        "Peers whose X-Forwarded-For is trusted, as addresses or networks. A Unix socket is always trusted.",
    )
    cors_origins: tuple[str, ...] = _setting(
        (), readers.origins, "The exact origins whose pages may call this API (CORS). Default: none."
    )
    request_timeout: float = _setting(
        10.0,
        readers.number(0.05, 60),
        "Time budget of a request in seconds; callers can shorten it with Request-Timeout.",
    )
    max_body_bytes: int = _setting(
        1048576,
        readers.integer(1024, 64 * 1048576),
        "Largest request body in bytes; most operations have a smaller limit.",
    )
    log_level: str = _setting(
        "INFO",
        readers.one_of(*rules.LEVELS),
        "Least severe level that is logged, until PUT /v1/logger sets another.",
    )
    log_level_min: str = _setting(
        "DEBUG", readers.one_of(*rules.LEVELS), "Least severe level that LOG_LEVEL and PUT /v1/logger can set."
    )
    log_client: bool = _setting(True, readers.boolean, "Log the address of the client, which is personal data.")
    failures_kept: int = _setting(
        10_000, readers.integer(0, 100_000), "Failed requests that are stored, to explain them by ID. 0: none."
    )
    failures_days: int = _setting(14, readers.integer(1, 3650), "Days that failed requests are stored at most.")
    failures_sample: float = _setting(
        0.1,
        readers.number(0, 1),
        "Share of 4xx that is stored, and of 504 after a budget that the caller shortened; at most ten a second and "
        "worker. All other 5xx are stored.",
    )
    tracing: bool = _setting(
        False,
        readers.boolean,
        "Trace requests with OpenTelemetry, to the target in OTEL_* variables. Needs requirements/tracing.lock.",
    )
    trace_url: str = _setting(
        "", readers.trace_url, "Address that shows a trace, such as https://traces.example.com/trace/{trace_id}."
    )
    sentry_dsn: str = _setting(
        "",
        readers.sentry_dsn,
        "Sentry project, https://key@host/number, that receives unforeseen exceptions. Needs requirements/sentry.lock.",
    )
    debug_token: str = _setting("", str, "Required X-Debug-Token, at least 16 characters. Unset: no debug listeners.")
    debug_port: int = _setting(
        6060,
        readers.integer(1, 65471),
        "Debug listener of worker n: 127.0.0.1, at this port plus n.",
    )
    debug: bool = _setting(False, readers.boolean, "Flask's debug mode; rejected in production.")
    faults_on_demand: bool = _setting(
        True,
        readers.boolean,
        "Let callers request errors with Simulate-Error. Default in production: false.",
        production="false",
    )
    faults_on_demand_in_production: bool = _setting(
        False, readers.boolean, "Allow FAULTS_ON_DEMAND=true in production, for staging environments."
    )
    web_concurrency: int = _setting(
        0,
        readers.integer(0, 64),
        "Worker processes. 0: one per core and at least two in production, two in development.",
    )
    web_threads: int = _setting(16, readers.integer(1, 256), "Threads per worker process.")
    pin_workers: str = _setting(
        "off",
        readers.one_of("auto", "on", "off"),
        "One CPU core for each worker process. auto: not in a container.",
    )
    web_worker: str = _setting(
        "polling", readers.one_of("polling", "gthread"), "Kind of worker. gthread is gunicorn's, and the fallback."
    )
    drain_seconds: float = _setting(
        0.0,
        readers.number(0, 300),
        "Seconds to serve requests after SIGTERM, while /readyz returns 503. Default in production: 5.",
        production="5",
    )
    metrics_port: int = _setting(
        9090, readers.integer(0, 65535), "Port of /metrics, which a separate process serves. 0: no metrics."
    )
    metrics_host: str = _setting(
        "127.0.0.1",
        readers.host,
        "Address of METRICS_PORT. Beyond loopback, anyone who reaches it can read the metrics.",
    )
    metrics_targets: tuple[str, ...] = _setting(
        (),
        readers.targets,
        "Metrics ports that flask status reads, as host:port. Unset: the usual ports of this machine at METRICS_HOST.",
    )
    worker_metrics_port: int = _setting(
        9094, readers.integer(0, 65535), "Port of the metrics of flask worker, at METRICS_HOST. 0: no metrics."
    )
    rpc_host: str = _setting(
        "127.0.0.1", readers.host, "The address of gRPC. Addresses other than loopback require production."
    )
    rpc_port: int = _setting(50051, readers.integer(0, 65535), "The port that gRPC listens on. 0: no gRPC.")
    rpc_certificate: str = _setting("", str, "A file with the certificate chain of gRPC, in PEM. Unset, no TLS.")
    rpc_key: str = _setting("", str, "A file with the private key of gRPC, in PEM.")
    rpc_metrics_port: int = _setting(
        9093, readers.integer(0, 65535), "Port of the metrics of gRPC, at METRICS_HOST. 0: no metrics."
    )

    @property
    def is_production(self) -> bool:
        """True in production."""
        return self.app_env == "production"

    @property
    def simulates_errors(self) -> bool:
        """True if callers may choose the error of a request; in production this requires both settings."""
        return self.faults_on_demand and (self.faults_on_demand_in_production or not self.is_production)

    @property
    def warnings(self) -> list[str]:
        """Return a sentence for each setting that production warns about."""
        found = rules.warnings({each.name: getattr(self, each.name) for each in fields(self)})
        return [f"{name.upper()} {warning}" for name, warning in found.items()]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, local: Path = LOCAL) -> "Settings":
        """Read the environment; in development, use the secret and the database in ``local`` as defaults.

        Raises:
            InvalidSettings: at least one setting is invalid; the exception names all of them.
        """
        environ = os.environ if environ is None else environ
        return cls(**environment.read(fields(cls), environ, local=local))
