"""Settings: what the environment says, read once at boot, refused at once with every fault named.

A field is a setting: its name in capitals is the variable, its metadata the sentence in ``.env.example``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from app import product
from app.config import database, development, readers, rules
from app.config.issuers import Issuer, read_issuers
from app.config.setting import default_of
from app.config.setting import setting as _setting

ROOT: Final = Path(__file__).resolve().parents[2]
LOCAL: Final = ROOT / ".local"
VERSION: Final = "0.1.0"
"""As in pyproject.toml, which need not be there where we run."""


class InvalidSettings(Exception):
    """The environment is not fit to run with; ``faults`` has one sentence for each thing wrong."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(f"{product.NAME} does not start:\n" + "\n".join(f"  - {fault}" for fault in faults))


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that can be configured, with safe defaults for development on loopback."""

    app_env: str = _setting(
        "development",
        readers.one_of("development", "production"),
        "Production refuses weak or missing settings; development fills them in under .local/.",
    )
    host: str = _setting(
        "127.0.0.1", readers.host, "The address to listen on. Beyond loopback, production is required."
    )
    port: int = _setting(8000, readers.integer(1, 65535), "The port to listen on.")
    bind: str = _setting(
        "", readers.unix_socket, "A unix socket to listen on instead of HOST and PORT, such as unix:/run/app/1.sock."
    )
    public_url: str = _setting(
        "",
        readers.public_url,
        "Where clients reach this service; begins every error's type. Default: HOST and PORT.",
    )
    script_name: str = _setting(
        "",
        readers.script_name,
        "The path of PUBLIC_URL, if the proxy passes it on to the service; unset, the proxy removes it.",
    )
    documentation_url: str = _setting(
        "", readers.public_url, "Address of the built documentation. Error pages and OpenAPI link to it."
    )
    database_url: str = _setting(
        "",
        database.database_url,
        "postgresql://user:password@host/name, or another form of libpq. Unset, make run starts an embedded server.",
    )
    database_pool_size: int = _setting(
        5,
        readers.integer(1, 100),
        "Database connections per worker process: one for readiness, each other for a request.",
    )
    jwt_secret: str = _setting("", str, "Key of the HS256 tokens, at least 32 bytes. Development generates one.")
    jwt_keys: tuple[tuple[str, str], ...] = _setting(
        (),
        readers.keys,
        "Keys of the HS256 tokens as name:secret; the first signs, all are accepted, by kid, and no other key is.",
    )
    page_token_secret: str = _setting(
        "", str, "Key of page tokens, at least 32 bytes. Unset, it is derived from JWT_SECRET."
    )
    jwt_audience: str = _setting("", str, "When set, a token's aud must name it.")
    jwt_issuer: str = _setting("", str, "When set, a token's iss must equal it.")
    issuers: tuple[Issuer, ...] = _setting(
        (), read_issuers, "A TOML file that names who else issues tokens, and what their subjects may do."
    )
    google_client_id: str = _setting(
        "", str, "When set, Google's access tokens for this client are accepted. Who may do what, ISSUERS says."
    )
    google_url: str = _setting(
        "https://oauth2.googleapis.com", readers.public_url, "Where Google is asked about its tokens."
    )
    anonymous_scopes: tuple[str, ...] = _setting(
        (),
        readers.scopes,
        "Scopes of a request without credentials, which then acts as the user anonymous. Default: none.",
    )
    rate_limit: str = _setting(
        "100 per second",
        readers.limit,
        "Requests per client address, in Flask-Limiter's notation; several joined by ';'.",
    )
    token_rate_limit: str = _setting(
        "5 per minute", readers.limit, "Requests for tokens per client address: tries to log in."
    )
    registration_rate_limit: str = _setting(
        "10 per hour", readers.limit, "Requests per client address for an account; as many for a password reset."
    )
    default_scopes: tuple[str, ...] = _setting(
        (
            "tasks",
            "orders",
            "movies:read",
        ),
        readers.scopes,
        "Scopes of a new account.",
    )
    redis_url: str = _setting(
        "",
        readers.redis_url,
        "Where instances share their limits. Unset, each worker process counts for itself.",
    )
    smtp_url: str = _setting(
        "",
        readers.url("smtp", "smtps"),
        "Who sends mail: smtp://user:password@host:587 or smtps://. Unset, mail is printed, and waits in production.",
    )
    mail_from: str = _setting(
        f"{product.NAME} <{product.SLUG}@localhost>",
        readers.mail_address,
        "Whom mail is from: an address, with a name perhaps.",
    )
    activation_url: str = _setting(
        "", readers.token_url, "The page to activate accounts, linked in mails, with {token}. Unset, they show a code."
    )
    password_reset_url: str = _setting(
        "", readers.token_url, "The page to set a new password, linked in mails, with {token}. Unset, they show a code."
    )
    users_url: str = _setting(
        "",
        readers.public_url,
        "Another instance of this service that knows the users of profiles. Unset, it is this one.",
    )
    preferences_url: str = _setting(
        "",
        readers.public_url,
        "Another instance of this service that knows their preferences. Unset, it is this one.",
    )
    trusted_proxies: tuple[readers.Network, ...] = _setting(
        (),
        readers.networks,
        "Peers whose X-Forwarded-For is believed, as addresses or networks. A peer on a unix socket always is.",
    )
    cors_origins: tuple[str, ...] = _setting(
        (), readers.origins, "Exact origins whose pages may call this API. Default: none."
    )
    request_timeout: float = _setting(
        10.0,
        readers.number(0.05, 60),
        "The time budget of a request in seconds; callers may shorten it by Request-Timeout.",
    )
    max_body_bytes: int = _setting(
        1048576,
        readers.integer(1024, 64 * 1048576),
        "The largest request body, in bytes; operations that need less read less.",
    )
    log_level: str = _setting(
        "INFO",
        readers.one_of(*rules.LEVELS),
        "The least severe level that is logged, until PUT /v1/logger sets another.",
    )
    log_level_min: str = _setting(
        "DEBUG", readers.one_of(*rules.LEVELS), "The least severe level that LOG_LEVEL and PUT /v1/logger may ask for."
    )
    log_client: bool = _setting(
        True, readers.boolean, "Whether log entries contain the address of the client, which is personal data."
    )
    failures_kept: int = _setting(
        10_000, readers.integer(0, 100_000), "Failed requests kept, to be explained by their ids. 0: none."
    )
    failures_days: int = _setting(14, readers.integer(1, 3650), "How many days they are kept at most.")
    failures_sample: float = _setting(
        0.1,
        readers.number(0, 1),
        "The share kept of 4xx, and of 504s after a budget that the caller shortened; ten a second and worker at most. "
        "Other 5xx are kept.",
    )
    tracing: bool = _setting(
        False,
        readers.boolean,
        "Trace requests by OpenTelemetry: OTEL_* variables say where to. Needs requirements/tracing.lock.",
    )
    trace_url: str = _setting(
        "", readers.trace_url, "Where a trace is looked at, such as https://traces.example.com/trace/{trace_id}."
    )
    debug_token: str = _setting(
        "", str, "What X-Debug-Token must be, at least 16 characters; unset, there are no debug listeners."
    )
    debug_port: int = _setting(
        6060,
        readers.integer(1, 65471),
        "Worker n of this instance has its debug listener on 127.0.0.1, at this port plus n.",
    )
    debug: bool = _setting(False, readers.boolean, "Flask's debug mode; refused in production.")
    faults_on_demand: bool = _setting(
        True,
        readers.boolean,
        "Whether Simulate-Error makes a request fail with the error that it names. Default in production: false.",
        production="false",
    )
    faults_on_demand_in_production: bool = _setting(
        False, readers.boolean, "Whether production may have FAULTS_ON_DEMAND=true, as a staging environment needs."
    )
    web_concurrency: int = _setting(
        0,
        readers.integer(0, 64),
        "Worker processes. 0: one per core and two at least in production, two in development.",
    )
    web_threads: int = _setting(16, readers.integer(1, 256), "Threads per worker process.")
    drain_seconds: float = _setting(
        0.0,
        readers.number(0, 300),
        "How long requests are still served after SIGTERM, while /readyz says 503. Default in production: 5.",
        production="5",
    )
    metrics_port: int = _setting(
        9090, readers.integer(0, 65535), "Where /metrics is served, by a process of its own. 0: nowhere."
    )
    metrics_host: str = _setting(
        "127.0.0.1",
        readers.host,
        "The address of METRICS_PORT. Beyond loopback, whoever reaches it can read the metrics.",
    )
    worker_metrics_port: int = _setting(
        9094, readers.integer(0, 65535), "Where the metrics of flask worker are served, at METRICS_HOST. 0: nowhere."
    )
    rpc_host: str = _setting(
        "127.0.0.1", readers.host, "The address that gRPC listens on. Beyond loopback, production is required."
    )
    rpc_port: int = _setting(50051, readers.integer(0, 65535), "The port that gRPC listens on. 0: no gRPC.")
    rpc_certificate: str = _setting("", str, "A file with the certificate chain of gRPC, in PEM. Unset, no TLS.")
    rpc_key: str = _setting("", str, "A file with its private key.")
    rpc_metrics_port: int = _setting(
        9093, readers.integer(0, 65535), "Where the metrics of gRPC are served, at METRICS_HOST. 0: nowhere."
    )

    @property
    def is_production(self) -> bool:
        """Tell whether this is the real thing."""
        return self.app_env == "production"

    @property
    def simulates_errors(self) -> bool:
        """Return whether callers may choose the error of a request; in production this takes both settings."""
        return self.faults_on_demand and (self.faults_on_demand_in_production or not self.is_production)

    @property
    def warnings(self) -> list[str]:
        """Return a sentence for each setting that production warns about."""
        found = rules.warnings({each.name: getattr(self, each.name) for each in fields(self)})
        return [f"{name.upper()} {warning}" for name, warning in found.items()]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, local: Path = LOCAL) -> "Settings":
        """Read the environment; in development, fill in what ``make run`` left under ``local``.

        Raises:
            InvalidSettings: one or more settings are unfit; all of them are named.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for each in fields(cls):
            unset = each.metadata["production"] if values.get("app_env") == "production" else ""
            text = environ.get(each.name.upper(), "").strip() or unset
            try:
                values[each.name] = each.metadata["parse"](text) if text else default_of(each)
            except ValueError as fault:
                faults[each.name] = str(fault)
                values[each.name] = default_of(each)
        if values["app_env"] == "development" and "database_url" not in faults:
            values["database_url"] = values["database_url"] or development.database(local)
        try:
            values["database_url"] = values["database_url"] and database.with_environment(
                values["database_url"], environ
            )
        except ValueError as fault:
            faults["database_url"] = str(fault)
        faults = rules.faults(values) | faults
        if faults:
            raise InvalidSettings(
                [f"{each.name.upper()} {faults[each.name]}." for each in fields(cls) if each.name in faults]
            )
        if values["app_env"] == "development":
            values["jwt_secret"] = values["jwt_secret"] or development.secret(local)
        values["public_url"] = values["public_url"] or (
            f"http://{authority(values['host'], values['port'])}{values['script_name']}"
        )
        return cls(**values)


def authority(host: str, port: int) -> str:
    """Return host and port as a URL has them: an IPv6 address between brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
