"""Rules on combinations of settings, and on production. ``docs/reference/settings.md`` lists them.

Production rejects settings that grant permissions or disable a limit. It logs a warning at start for settings that
expose data on the network, which can be intended: a private network, or a proxy that encrypts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
TRACING: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
SENTRY: Final = "sentry_sdk"
SECRET_BYTES: Final = 32
TOKEN_CHARACTERS: Final = 16
DISTINCT: Final = 7
"""All but two in 100,000 random secrets of 32 digits have this many different bytes; shorter secrets need fewer."""
ADMIN: Final = "admin"
API: Final = "/v1/"
METRICS_PORTS: Final = (
    "metrics_port",
    "worker_metrics_port",
    "rpc_metrics_port",
)
HOSTS: Final = (
    "host",
    "rpc_host",
)
"""Addresses that only production may open to others."""
BROADEST: Final = {4: 8, 6: 16}
"""The minimum prefix length of a network of trusted proxies, by IP version."""
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for production; the message completes "NAME …"."""

    name: str
    message: str
    applies: Callable[[Values], bool]


def is_weak(secret: str) -> bool:
    """True if a secret looks typed: few different bytes, or a repeated part."""
    least = min(DISTINCT, len(secret) // 4 + 1)
    return bool(secret) and (len(set(secret.encode())) < least or secret in (secret + secret)[1:-1])


def _is_clear(url: str) -> bool:
    """True if a URL is unencrypted and not on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_local(parts.hostname or "")


def is_local(host: str) -> bool:
    """True if a host is this machine: loopback, a socket, or empty."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK or host == "" or host.startswith("/")


def _is_unencrypted(url: str) -> bool:
    parts = urlsplit(url)
    sslmode = parse_qs(parts.query)
    hosts = ",".join([parts.hostname or "", *sslmode.get("host", ())]).split(",")
    return sslmode.get("sslmode") in (["disable"], ["allow"]) and not all(map(is_local, hosts))


def _has_no_sender(values: Values) -> bool:
    return bool(values["smtp_url"]) and values["mail_from"].endswith("@localhost>")


REJECTED: Final = (
    Rule("public_url", "is required in production", lambda v: not v["public_url"]),
    Rule("database_url", "is required in production", lambda v: not v["database_url"]),
    Rule(
        "jwt_secret",
        "is required in production, unless JWT_KEYS is set",
        lambda v: not v["jwt_secret"] and not v["jwt_keys"],
    ),
    Rule(
        "page_token_secret",
        "is required in production if JWT_KEYS is set and JWT_SECRET is not",
        lambda v: not (v["jwt_secret"] or v["page_token_secret"]) and bool(v["jwt_keys"]),
    ),
    Rule(
        "page_token_secret",
        "must be random, because anyone who guesses it can forge page tokens; `openssl rand -hex 32` generates one",
        lambda v: is_weak(v["page_token_secret"]),
    ),
    Rule(
        "jwt_secret",
        "must be random, because anyone who guesses it can forge tokens; `openssl rand -hex 32` generates one",
        lambda v: is_weak(v["jwt_secret"]),
    ),
    Rule(
        "jwt_keys",
        "must have random secrets: anyone who guesses one can forge tokens; `openssl rand -hex 32` generates one",
        lambda v: any(is_weak(secret) for _, secret in v["jwt_keys"]),
    ),
    Rule(
        "google_url",
        "must be https:// in production: tokens are sent to this URL",
        lambda v: _is_clear(v["google_url"]),
    ),
    Rule(
        "anonymous_scopes",
        "must not contain admin in production: requests without a token would have every right",
        lambda v: ADMIN in v["anonymous_scopes"],
    ),
    Rule(
        "default_scopes",
        "must not contain admin in production: every new account would have every right",
        lambda v: ADMIN in v["default_scopes"],
    ),
    Rule("mail_from", "is required in production if SMTP_URL is set", _has_no_sender),
    Rule(
        "trusted_proxies",
        "must not contain networks broader than /8 (IPv6: /16) in production:"
        " every host in one can choose the address that rate limits count",
        lambda v: any(each.prefixlen < BROADEST[each.version] for each in v["trusted_proxies"]),
    ),
    Rule(
        "debug_token",
        "must be random, because anyone who guesses it can inspect the workers; `openssl rand -hex 16` generates one",
        lambda v: is_weak(v["debug_token"]),
    ),
    Rule("debug", "must be off in production", lambda v: v["debug"]),
    Rule(
        "faults_on_demand",
        "must be false in production unless FAULTS_ON_DEMAND_IN_PRODUCTION is true:"
        " callers could make their requests fail with any error",
        lambda v: v["faults_on_demand"] and not v["faults_on_demand_in_production"],
    ),
)
"""Settings that production rejects, in addition to faults in every environment."""

WARNED: Final = (
    Rule(
        "public_url",
        "is http://: anyone on the network path can read passwords and tokens, unless a proxy encrypts",
        lambda v: _is_clear(v["public_url"]),
    ),
    Rule(
        "database_url",
        "has sslmode=disable or allow: anyone on the network path can read and change all data",
        lambda v: _is_unencrypted(v["database_url"]),
    ),
    Rule(
        "replica_url",
        "has sslmode=disable or allow: anyone on the network path can read and change all data",
        lambda v: _is_unencrypted(v["replica_url"]),
    ),
    Rule(
        "anonymous_scopes",
        "is set: requests without a token have these scopes and share the user anonymous",
        lambda v: bool(v["anonymous_scopes"]),
    ),
    Rule(
        "users_url",
        "is http://: callers' tokens are sent there, and anyone on the network path can read them",
        lambda v: _is_clear(v["users_url"]),
    ),
    Rule(
        "preferences_url",
        "is http://: callers' tokens are sent there, and anyone on the network path can read them",
        lambda v: _is_clear(v["preferences_url"]),
    ),
    Rule(
        "cors_origins",
        "contains http://: anyone on the network path to such a page can read its users' data",
        lambda v: any(map(_is_clear, v["cors_origins"])),
    ),
    Rule(
        "sentry_dsn",
        "is http://: anyone on the network path can read the reported exceptions",
        lambda v: _is_clear(v["sentry_dsn"]),
    ),
    Rule(
        "faults_on_demand_in_production",
        "is true: with FAULTS_ON_DEMAND=true, callers can make their requests fail with any error",
        lambda v: v["faults_on_demand_in_production"],
    ),
    Rule(
        "metrics_host",
        "is not loopback: anyone who reaches the port can read the metrics",
        lambda v: not is_local(v["metrics_host"]) and any(v[name] for name in METRICS_PORTS),
    ),
    Rule(
        "rpc_host",
        "is not loopback and RPC_CERTIFICATE is unset: anyone on the network path can read tokens",
        lambda v: bool(v["rpc_port"]) and not is_local(v["rpc_host"]) and not v["rpc_certificate"],
    ),
)
"""Settings that production warns about at start."""


def faults(values: Values) -> dict[str, str]:
    """Return the faults of combined settings by name; the message completes "NAME …"."""
    found = _anywhere(values)
    if values["app_env"] == "production":
        return {rule.name: rule.message for rule in reversed(REJECTED) if rule.applies(values)} | found
    beyond = "may be other than loopback only with APP_ENV=production"
    return found | {name: beyond for name in HOSTS if not is_local(values[name])}


def warnings(values: Values) -> dict[str, str]:
    """Return the warnings for production by name."""
    if values["app_env"] != "production":
        return {}
    return {rule.name: rule.message for rule in WARNED if rule.applies(values)}


def _anywhere(values: Values) -> dict[str, str]:
    found = {}
    for name in ("jwt_secret", "page_token_secret"):
        if 0 < len(values[name].encode()) < SECRET_BYTES:
            found[name] = f"must have at least {SECRET_BYTES} bytes; `openssl rand -hex 32` generates one"
    if 0 < len(values["debug_token"]) < TOKEN_CHARACTERS or not values["debug_token"].isascii():
        found["debug_token"] = (
            f"must have at least {TOKEN_CHARACTERS} ASCII characters; `openssl rand -hex 16` generates one"
        )
    if LEVELS.index(values["log_level"]) < LEVELS.index(values["log_level_min"]):
        found["log_level"] = "must not be less severe than LOG_LEVEL_MIN"
    if values["tracing"] and not all(map(_is_installed, TRACING)):
        found["tracing"] = "needs the packages of requirements/tracing.lock"
    if values["sentry_dsn"] and not _is_installed(SENTRY):
        found["sentry_dsn"] = "needs the packages of requirements/sentry.lock"
    if bool(values["rpc_certificate"]) != bool(values["rpc_key"]):
        found["rpc_key"] = "and RPC_CERTIFICATE must both be set or both be unset"
    return found | _address_faults(values)


def _address_faults(values: Values) -> dict[str, str]:
    """Return the faults of ports and paths that conflict with each other."""
    found = {}
    path = urlsplit(values["public_url"] or values["script_name"]).path
    if f"{path}/".startswith(API):
        found["public_url"] = f"must not have a path that begins with {API[:-1]}, like those of the API"
    if values["script_name"] and values["script_name"] != path:
        found["script_name"] = "must be the path of PUBLIC_URL"
    if values["metrics_port"] == values["port"] and not values["bind"]:
        found["metrics_port"] = "must differ from PORT"
    for name in ("port", "rpc_metrics_port"):
        if values["rpc_port"] == values[name] != 0 and not (name == "port" and values["bind"]):
            found["rpc_port"] = f"must differ from {name.upper()}"
    return found


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
