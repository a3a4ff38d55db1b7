"""Rules on combinations of settings, and on production. ``docs/reference/settings.md`` lists them.

Production rejects what hands out rights or makes a limit void. It warns, in one line at start, of what exposes data to
whoever is on the way, which the operator may have good reasons for (a private network, a proxy that encrypts).
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
SECRET_BYTES: Final = 32
TOKEN_CHARACTERS: Final = 16
DISTINCT: Final = 7
"""Different bytes that 32 random digits have, but for two in 100,000; of shorter secrets fewer are asked for."""
ADMIN: Final = "admin"
API: Final = "/v1/"
METRICS_PORTS: Final = ("metrics_port", "worker_metrics_port", "rpc_metrics_port")
BROADEST: Final = {4: 8, 6: 16}
"""Bits that a network of trusted proxies has in common at least, by version of IP."""
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """What production holds against a setting: the sentence completes "NAME …"."""

    name: str
    message: str
    applies: Callable[[Values], bool]


def is_weak(secret: str) -> bool:
    """Return whether somebody has typed a secret: few different bytes, or a part of it over and over."""
    least = min(DISTINCT, len(secret) // 4 + 1)
    return bool(secret) and (len(set(secret.encode())) < least or secret in (secret + secret)[1:-1])


def _is_clear(url: str) -> bool:
    """Return whether a URL is unencrypted and leads off this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_local(parts.hostname or "")


def is_local(host: str) -> bool:
    """Return whether a host is this machine: loopback, a socket, or nothing."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK or host == "" or host.startswith("/")


def _is_unencrypted(values: Values) -> bool:
    parts = urlsplit(values["database_url"])
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
        "is required in production where JWT_KEYS is set and JWT_SECRET is not",
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
        "must have random secrets, because anyone who guesses one can forge tokens; `openssl rand -hex 32` makes one",
        lambda v: any(is_weak(secret) for _, secret in v["jwt_keys"]),
    ),
    Rule(
        "google_url",
        "must be https:// in production: tokens are sent there",
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
"""What production rejects, beside what is rejected everywhere."""

WARNED: Final = (
    Rule(
        "public_url",
        "is http://: anyone on the network path can read passwords and tokens, unless a proxy encrypts",
        lambda v: _is_clear(v["public_url"]),
    ),
    Rule(
        "database_url",
        "has sslmode=disable or allow: anyone on the network path can read and change all data",
        _is_unencrypted,
    ),
    Rule(
        "anonymous_scopes",
        "is set: requests without a token have these scopes, and share the user anonymous",
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
"""What production warns about at start."""


def faults(values: Values) -> dict[str, str]:
    """Return what is wrong with settings that are fine each by itself, by name; the sentence completes "NAME …"."""
    found = _anywhere(values)
    if values["app_env"] == "production":
        return {rule.name: rule.message for rule in reversed(REJECTED) if rule.applies(values)} | found
    beyond = "may be other than loopback only with APP_ENV=production"
    return found | {name: beyond for name in ("host", "rpc_host") if not is_local(values[name])}


def warnings(values: Values) -> dict[str, str]:
    """Return what production warns about, by name."""
    if values["app_env"] != "production":
        return {}
    return {rule.name: rule.message for rule in WARNED if rule.applies(values)}


def _anywhere(values: Values) -> dict[str, str]:
    found = {}
    for name in ("jwt_secret", "page_token_secret"):
        if 0 < len(values[name].encode()) < SECRET_BYTES:
            found[name] = f"must have at least {SECRET_BYTES} bytes; `openssl rand -hex 32` makes one"
    if 0 < len(values["debug_token"]) < TOKEN_CHARACTERS or not values["debug_token"].isascii():
        found["debug_token"] = (
            f"must have at least {TOKEN_CHARACTERS} ASCII characters; `openssl rand -hex 16` makes one"
        )
    if LEVELS.index(values["log_level"]) < LEVELS.index(values["log_level_min"]):
        found["log_level"] = "must not be less severe than LOG_LEVEL_MIN"
    if values["tracing"] and not all(map(_is_installed, TRACING)):
        found["tracing"] = "needs the packages of requirements/tracing.lock"
    if bool(values["rpc_certificate"]) != bool(values["rpc_key"]):
        found["rpc_key"] = "and RPC_CERTIFICATE are set both or neither"
    return found | _database_hosts(values)


def _database_hosts(values: Values) -> dict[str, str]:
    """Return what is wrong with ports and paths beside one another."""
    found = {}
    path = urlsplit(values["public_url"] or values["script_name"]).path
    if f"{path}/".startswith(API):
        found["public_url"] = f"must not have a path that begins with {API[:-1]}, as those of the API do"
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
