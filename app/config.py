"""Settings: what the environment says, read once at boot, refused at once with every fault named.

A field is a setting: its name in capitals is the variable, its metadata the sentence in ``.env.example``.
"""

import ipaddress
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from limits import parse_many

ROOT: Final = Path(__file__).resolve().parent.parent
LOCAL: Final = ROOT / ".local"
SECRET_BYTES: Final = 32
LONGEST_INTEGER: Final = 12
_PUBLIC_URL: Final = re.compile(r"[a-z]+://[A-Za-z0-9._~\[\]:-]+(/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?")
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class InvalidSettings(Exception):
    """The environment is not fit to run with; ``faults`` has one sentence for each thing wrong."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("Candor does not start:\n" + "\n".join(f"  - {fault}" for fault in faults))


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("must be a number") from None
        if not low <= value <= high:
            raise ValueError(f"must lie between {low:g} and {high:g}")
        return value

    return parse


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        is_short = text.isascii() and text.isdigit() and len(text) <= LONGEST_INTEGER
        if not is_short or not low <= int(text) <= high:
            raise ValueError(f"must be an integer between {low} and {high}")
        return int(text)

    return parse


def _boolean(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _limit(text: str) -> str:
    try:
        parse_many(text)
    except ValueError:
        raise ValueError("must be a limit such as '100 per second' or '5/minute;100/hour'") from None
    return text


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not _is_url(text, schemes):
            raise ValueError(f"must be a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text.rstrip("/")

    return parse


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.netloc) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _public_url(text: str) -> str:
    if not _is_url(text, ("http", "https")) or not _PUBLIC_URL.fullmatch(text):
        raise ValueError("must be http:// or https://, a host and perhaps a path; no user, query or fragment")
    return text.rstrip("/")


def _scopes(text: str) -> tuple[str, ...]:
    """Accept what a challenge can name between its quotes (RFC 6749, section 3.3)."""
    if not all(map(_SCOPE.fullmatch, _words(text))):
        raise ValueError("must list scopes of printable ASCII, without quotes and backslashes")
    return _words(text)


def _database_url(text: str) -> str:
    """Accept what PostgreSQL's own tools accept, and name the driver."""
    _url("postgresql", "postgres", "postgresql+psycopg")(text)
    return "postgresql+psycopg://" + text.split("://", 1)[1]


def _unix_socket(text: str) -> str:
    if not text.startswith("unix:/") or text.endswith("/"):
        raise ValueError("must be unix: and an absolute path, such as unix:/run/candor/1.sock")
    return text


def _origins(text: str) -> tuple[str, ...]:
    for origin in _words(text):
        is_bare = origin.count("/") == 2 and not set(origin) & set("*?#@") and origin == origin.lower()
        if not is_bare or not _is_url(origin, ("http", "https")):
            raise ValueError("must list exact origins such as https://app.example.com")
    return _words(text)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(word) for word in _words(text))
    except ValueError:
        raise ValueError("must list addresses or networks such as 10.0.0.0/8") from None


def _setting(default: object, parse: Callable[[str], object], says: str, *, production: str = "") -> Any:
    """Return a setting; ``production`` is what it is there when the environment says nothing."""
    return field(default=default, metadata={"parse": parse, "says": says, "production": production})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that can be configured, with safe defaults for development on loopback."""

    app_env: str = _setting(
        "development",
        _one_of("development", "production"),
        "Production refuses weak or missing settings; development fills them in under .local/.",
    )
    host: str = _setting("127.0.0.1", str, "The address to listen on. Beyond loopback, production is required.")
    port: int = _setting(8000, _integer(1, 65535), "The port to listen on.")
    bind: str = _setting(
        "", _unix_socket, "A unix socket to listen on instead of HOST and PORT, such as unix:/run/candor/1.sock."
    )
    public_url: str = _setting(
        "",
        _public_url,
        "Where clients reach this service; begins every error's type. Default: HOST and PORT.",
    )
    database_url: str = _setting(
        "", _database_url, "postgresql://user:password@host/name. Unset, make run starts an embedded PostgreSQL."
    )
    database_pool_size: int = _setting(
        5, _integer(1, 100), "Database connections per worker process: one for readiness, each other for a request."
    )
    jwt_secret: str = _setting(
        "", str, "Key of the HS256 tokens and of page tokens, at least 32 bytes. Unset in development: one is made."
    )
    jwt_audience: str = _setting("", str, "When set, a token's aud must name it.")
    jwt_issuer: str = _setting("", str, "When set, a token's iss must equal it.")
    anonymous_scopes: tuple[str, ...] = _setting(
        (), _scopes, "Scopes of a request without credentials, which then acts as the user anonymous. Default: none."
    )
    rate_limit: str = _setting(
        "100 per second", _limit, "Requests per client address, in Flask-Limiter's notation; several joined by ';'."
    )
    redis_url: str = _setting(
        "",
        _url("redis", "rediss"),
        "Where instances share their limits. Unset, each worker process counts for itself.",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        (),
        _networks,
        "Peers whose X-Forwarded-For is believed, as addresses or networks. A peer on a unix socket always is.",
    )
    cors_origins: tuple[str, ...] = _setting(
        (), _origins, "Exact origins whose pages may call this API. Default: none."
    )
    request_timeout: float = _setting(
        10.0, _number(0.05, 60), "The time budget of a request in seconds; callers may shorten it by Request-Timeout."
    )
    max_body_bytes: int = _setting(1048576, _integer(1024, 64 * 1048576), "The largest request body, in bytes.")
    log_level: str = _setting(
        "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "The least severe level that is logged."
    )
    debug: bool = _setting(False, _boolean, "Flask's debug mode; refused in production.")
    web_concurrency: int = _setting(
        0, _integer(0, 64), "Worker processes. 0: one per core and two at least in production, two in development."
    )
    web_threads: int = _setting(16, _integer(1, 256), "Threads per worker process.")
    drain_seconds: float = _setting(
        0.0,
        _number(0, 300),
        "How long requests are still served after SIGTERM, while /readyz says 503. Default in production: 5.",
        production="5",
    )

    @property
    def is_production(self) -> bool:
        """Tell whether this is the real thing."""
        return self.app_env == "production"

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
        faults = _faults_together(values) | faults
        if faults:
            raise InvalidSettings(
                [f"{each.name.upper()} {faults[each.name]}." for each in fields(cls) if each.name in faults]
            )
        if values["app_env"] == "development":
            values["jwt_secret"] = values["jwt_secret"] or _development_secret(local)
            values["database_url"] = values["database_url"] or _development_database(local)
        host = f"[{values['host']}]" if ":" in values["host"] else values["host"]
        values["public_url"] = values["public_url"] or f"http://{host}:{values['port']}"
        return cls(**values)


def default_of(setting: "Field[Any]") -> object:
    """Return a setting's default."""
    if setting.default is MISSING:
        raise TypeError(f"{setting.name} has no default")
    return setting.default


def _faults_together(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with settings that are fine each by itself, by name."""
    faults = {}
    if values["jwt_secret"] and len(values["jwt_secret"].encode()) < SECRET_BYTES:
        faults["jwt_secret"] = f"must have at least {SECRET_BYTES} bytes; `openssl rand -hex 32` makes one"
    if values["app_env"] == "production":
        required = ("database_url", "public_url", "jwt_secret")
        faults |= {name: "is required in production" for name in required if not values[name]}
        if values["debug"]:
            faults["debug"] = "must be off in production"
    elif values["host"] not in LOOPBACK:
        faults["host"] = "may be other than loopback only with APP_ENV=production"
    return faults


def _development_secret(local: Path) -> str:
    """Return the secret kept under ``.local/``, made on first use; else one for this process."""
    path = local / "jwt-secret"
    try:
        local.mkdir(exist_ok=True)
        made = path.with_name(f"jwt-secret.{os.getpid()}.{secrets.token_hex(4)}")
        if not path.exists():
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(SECRET_BYTES))
            if os.geteuid() == 0:
                os.chown(made, local.stat().st_uid, local.stat().st_gid)
            try:
                os.link(made, path)
            except FileExistsError:
                pass
            finally:
                made.unlink()
        return path.read_text().strip()
    except OSError:
        return secrets.token_hex(SECRET_BYTES)


def _development_database(local: Path) -> str:
    """Return the address that the embedded PostgreSQL left, else the one PostgreSQL has by default."""
    try:
        return (local / "database-url").read_text().strip()
    except OSError:
        return "postgresql+psycopg://candor@127.0.0.1:5432/candor"
