"""Decisions on every setting: values that production accepts, warns about or rejects, each tested here."""

import random
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from app.config import ROOT, InvalidSettings, Settings, rules

OK: Final = "accepted"
WARNED: Final = "warned"
REJECTED: Final = "rejected"
SECRET: Final = "5b1e0c77a8d24f93b6e8a1c0d9f37e42"
OTHER: Final = "0f9c2e5a7b41d86393e0c4f1a82d57be"
NAMED: Final = "must name a file that the test makes"
PRODUCTION: Final = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://candor@db/candor",
    "PUBLIC_URL": "https://api.example.com",
    "JWT_SECRET": SECRET,
}
FREE: Final = "takes any text"
"""Why a setting has no rejected values."""
LIMIT: Final = (
    ("100 per second", OK),
    ("5/minute;100/hour", OK),
    ("0 per second", REJECTED),
    ("5/second;5/second", REJECTED),
    ("5/second;3 per 1 second", REJECTED),
    ("5000000000/second", REJECTED),
    ("1 per 9999 year", REJECTED),
    ("soon", REJECTED),
)
PORTS: Final = (("9999", OK), ("0", OK), ("65536", REJECTED), ("x", REJECTED))
FRONT_END: Final = (
    *(("https://app.example.com/x#token={token}", OK), ("", OK), ("https://app.example.com/x", REJECTED)),
    *(("app.example.com/{token}", REJECTED), ("javascript:{token}", REJECTED)),
)
ROWS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "APP_ENV": (("production", OK), ("prod", REJECTED)),
    "HOST": (
        *(("127.0.0.1", OK), ("::1", OK), ("::", OK), ("[::1]", OK), ("0.0.0.0", OK), ("api.internal", OK)),
        *(("::1:8000x", REJECTED), ("localhost:80", REJECTED), ("a b", REJECTED), ("http://h", REJECTED)),
        *(("256.1.1.1", REJECTED), ("1.2.3", REJECTED), ("fe80::1%eth0", OK), ("127.0.0.1%eth0", REJECTED)),
        *(("%", REJECTED), ("a b%", REJECTED), ("fe80::1%", REJECTED), ("fe80::1%a b", REJECTED)),
    ),
    "PORT": (("80", OK), ("0", REJECTED), ("65536", REJECTED), ("9090", REJECTED)),
    "BIND": (
        *(("unix:/run/candor/1.sock", OK), ("/run/candor/1.sock", REJECTED), ("unix:run/1.sock", REJECTED)),
        ("unix:/" + "x" * 200, REJECTED),
    ),
    "PUBLIC_URL": (
        *(("https://api.example.com", OK), ("https://api.example.com/candor", OK), ("http://127.0.0.1:8000", OK)),
        ("https://api.example.com/v1", REJECTED),
        *(("http://api.example.com", WARNED), ("api.example.com", REJECTED), ("https://u:p@api.example.com", REJECTED)),
    ),
    "SCRIPT_NAME": (("", OK), ("/candor", REJECTED), ("candor", REJECTED)),
    "DATABASE_URL": (
        *(("postgresql:///db?host=/run/postgresql", OK), ("host=db dbname=candor", OK)),
        *(("postgresql://db/candor?sslmode=verify-full", OK), ("postgresql://127.0.0.1/candor?sslmode=disable", OK)),
        *(("postgresql://db/candor?sslmode=disable", WARNED), ("host=127.0.0.1,db sslmode=allow", WARNED)),
        *(("sqlite:///x", REJECTED), ("postgresql://db/candor?options=-cdatestyle%3DGerman", REJECTED)),
    ),
    "DOCUMENTATION_URL": (("https://docs.example.com/candor", OK), ("", OK), ("docs.example.com", REJECTED)),
    "DATABASE_POOL_SIZE": (("5", OK), ("0", REJECTED), ("101", REJECTED)),
    "JWT_SECRET": (
        *((OTHER, OK), ("x" * 32, REJECTED), ("abcdefgh" * 4, REJECTED), ("short", REJECTED)),
        ("0123456789abcdef" * 2, REJECTED),
    ),
    "JWT_KEYS": (
        *((f"a:{SECRET} b:{OTHER}", OK), (f"a:{'x' * 32}", REJECTED), ("a:short", REJECTED)),
        (f"a:{SECRET} a:{OTHER}", REJECTED),
    ),
    "PAGE_TOKEN_SECRET": (("", OK), (OTHER, OK), ("x" * 32, REJECTED), ("short", REJECTED)),
    "JWT_AUDIENCE": (("https://api.example.com", OK), ("", FREE)),
    "JWT_ISSUER": (("https://api.example.com", OK), ("", FREE)),
    "ISSUERS": ((NAMED, OK), ("/nonexistent", REJECTED)),
    "GOOGLE_CLIENT_ID": (("1.apps.googleusercontent.com", OK), ("", FREE)),
    "GOOGLE_URL": (
        *(("https://oauth2.googleapis.com", OK), ("http://127.0.0.1:1", OK), ("http://google.example", REJECTED)),
        ("google", REJECTED),
    ),
    "ANONYMOUS_SCOPES": (
        *(("", OK), ("tasks", WARNED), ("admin", REJECTED), ("tasks, admin", REJECTED), ('ta"sks', REJECTED)),
    ),
    "RATE_LIMIT": LIMIT,
    "TOKEN_RATE_LIMIT": LIMIT,
    "REGISTRATION_RATE_LIMIT": LIMIT,
    "DEFAULT_SCOPES": (("tasks account", OK), ("tasks admin", REJECTED), ("ta\\sks", REJECTED)),
    "REDIS_URL": (
        *(("redis://cache:6379/0", OK), ("rediss://u:p@cache", OK), ("redis://h/notanumber", REJECTED)),
        *(("redis://u:p@a,b:6380,[::1]:6381/0", OK), ("redis://a,,b", REJECTED), ("redis://a,b:0x1", REJECTED)),
        *(("redis+sentinel://u:p@a,b:1/main/0?sentinel_password=s", OK), ("redis+sentinel://a,b", REJECTED)),
        *(("redis://h?colour=red", REJECTED), ("http://h", REJECTED), ("redis://h:x", REJECTED)),
    ),
    "SMTP_URL": (("smtp://localhost", REJECTED), ("", OK), ("mail", REJECTED)),
    "MAIL_FROM": (("Candor <a@example.com>", OK), ("nobody", REJECTED)),
    "ACTIVATION_URL": FRONT_END,
    "PASSWORD_RESET_URL": FRONT_END,
    "USERS_URL": (("https://u.example", OK), ("http://[::1]:1", OK), ("http://u.example", WARNED), ("u", REJECTED)),
    "PREFERENCES_URL": (("https://p.example", OK), ("http://p.example", WARNED), ("p", REJECTED)),
    "TRUSTED_PROXIES": (
        *(("10.0.0.0/8 ::1", OK), ("104.16.0.0/13", OK), ("0.0.0.0/0", REJECTED), ("::/0", REJECTED)),
        *(("10.0.0.1 128.0.0.0/1", REJECTED), ("10.0.0.1/8", REJECTED)),
    ),
    "CORS_ORIGINS": (
        *(("https://a.example https://a.example:8443", OK), ("http://localhost:3000", OK)),
        *(("http://a.example", WARNED), ("https://a.example:443", REJECTED), ("http://a.example:80", REJECTED)),
        *(("*", REJECTED), ("null", REJECTED), ("https://ä.example", REJECTED), ("https://A.example", REJECTED)),
        *(("https://a.example$x'", REJECTED), ("https://$host", REJECTED), ("https://a.example;", REJECTED)),
        *(("https://[2001:db8::1]:8443", OK), ("https://[2001:db8::1", REJECTED)),
    ),
    "REQUEST_TIMEOUT": (("2.5", OK), ("0", REJECTED), ("nan", REJECTED)),
    "MAX_BODY_BYTES": (("1024", OK), ("1", REJECTED)),
    "LOG_LEVEL": (("ERROR", OK), ("loud", REJECTED)),
    "LOG_LEVEL_MIN": (("INFO", OK), ("ERROR", REJECTED), ("loud", REJECTED)),
    "REPLICA_URL": (
        ("", OK),
        ("postgresql://candor@a,b/candor", OK),
        ("postgresql://db/candor?sslmode=disable", WARNED),
        ("mysql://candor@a/candor", REJECTED),
    ),
    "STALE_READS": (("false", OK), ("true", OK), ("no", REJECTED)),
    "LOG_CLIENT": (("true", OK), ("false", OK), ("no", REJECTED)),
    "FAILURES_KEPT": (("0", OK), ("-1", REJECTED)),
    "FAILURES_DAYS": (("1", OK), ("0", REJECTED)),
    "FAILURES_SAMPLE": (("0", OK), ("2", REJECTED)),
    "TRACING": (("false", OK), ("yes", REJECTED)),
    "TRACE_URL": (("https://t.example/{trace_id}", OK), ("https://t.example", REJECTED)),
    "SENTRY_DSN": (
        *(("https://key@sentry.example.com/1", OK), ("http://key@127.0.0.1:9000/path/1", OK), ("", OK)),
        *(("http://key@sentry.example.com/1", WARNED), ("https://sentry.example.com/1", REJECTED)),
        *(("https://key@sentry.example.com", REJECTED), ("key@sentry.example.com/1", REJECTED)),
    ),
    "DEBUG_TOKEN": ((SECRET, OK), ("x" * 16, REJECTED), ("short", REJECTED)),
    "DEBUG_PORT": (("6060", OK), ("65472", REJECTED)),
    "DEBUG": (("false", OK), ("true", REJECTED), ("1", REJECTED)),
    "FAULTS_ON_DEMAND": (("false", OK), ("true", REJECTED), ("yes", REJECTED)),
    "FAULTS_ON_DEMAND_IN_PRODUCTION": (("false", OK), ("true", WARNED), ("yes", REJECTED)),
    "WEB_CONCURRENCY": (("4", OK), ("65", REJECTED)),
    "WEB_THREADS": (("16", OK), ("0", REJECTED)),
    "PIN_WORKERS": (("auto", OK), ("on", OK), ("off", OK), ("1", REJECTED)),
    "WEB_WORKER": (("polling", OK), ("gthread", OK), ("sync", REJECTED)),
    "DRAIN_SECONDS": (("5", OK), ("-1", REJECTED)),
    "METRICS_PORT": (*PORTS, ("8000", REJECTED)),
    "METRICS_HOST": (("::1", OK), ("0.0.0.0", WARNED), ("here now", REJECTED)),
    "METRICS_TARGETS": (
        *(("127.0.0.1:9091 [::1]:9092,web-1:9090", OK), ("", OK), ("9091", REJECTED), ("web-1", REJECTED)),
        *(("http://web-1:9090", REJECTED), ("web-1:0", REJECTED)),
    ),
    "WORKER_METRICS_PORT": PORTS,
    "RPC_HOST": (("::1", OK), ("0.0.0.0", WARNED), ("h:1", REJECTED)),
    "RPC_PORT": (*PORTS, ("8000", REJECTED), ("9093", REJECTED)),
    "RPC_CERTIFICATE": (("", OK), ("/etc/candor/pem", REJECTED)),
    "RPC_KEY": (("", OK), ("/etc/candor/pem", REJECTED)),
    "RPC_METRICS_PORT": PORTS,
}
"""Values of each setting and their outcome in production, with all other settings valid."""


@pytest.fixture(autouse=True)
def optional_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let settings that need an optional package find it."""
    monkeypatch.setattr(rules, "_is_installed", lambda _module: True)


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield setting, value and outcome."""
    for name, values in ROWS.items():
        yield from ((name, value, verdict) for value, verdict in values if verdict != FREE)


def verdict_on(name: str, value: str) -> str:
    """Return the outcome of a value; a warning names the setting."""
    try:
        settings = Settings.from_env({**PRODUCTION, name: value}, local=Path("/nowhere"))
    except InvalidSettings:
        return REJECTED
    named = [sentence for sentence in settings.warnings if sentence.startswith(f"{name} ")]
    assert named == settings.warnings
    return WARNED if named else OK


@pytest.mark.parametrize(("name", "value", "verdict"), [*rows()])
def test_each_value_is_accepted_warned_about_or_rejected(name: str, value: str, verdict: str, tmp_path: Path) -> None:
    if value is NAMED:
        value = str(tmp_path / "issuers.toml")
        (tmp_path / "issuers.toml").write_text("")
    assert verdict_on(name, value) == verdict


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            {"SENTRY_DSN": "https://key@sentry.example.com/1"},
            "SENTRY_DSN needs the packages of requirements/sentry.lock",
        ),
        ({"TRACING": "true"}, "TRACING needs the packages of requirements/tracing.lock"),
    ],
)
def test_a_setting_without_its_package_is_rejected_in_one_sentence(
    setting: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "_is_installed", lambda _module: False)
    with pytest.raises(InvalidSettings) as rejected:
        Settings.from_env({**PRODUCTION, **setting}, local=Path("/nowhere"))
    assert str(rejected.value).splitlines()[1:] == [f"  - {sentence}."]


def test_mail_requires_a_sender_together_with_its_server() -> None:
    server, sender = {"SMTP_URL": "smtp://localhost"}, {"MAIL_FROM": "Candor <candor@example.com>"}
    assert Settings.from_env({**PRODUCTION, **server, **sender}, local=Path("/nowhere")).warnings == []
    with pytest.raises(InvalidSettings, match=r"MAIL_FROM is required in production if SMTP_URL is set"):
        Settings.from_env({**PRODUCTION, **server}, local=Path("/nowhere"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PGCONNECT_TIMEOUT", "abc"), ("PGCONNECT_TIMEOUT", "1.5"), ("PGOPTIONS", "-c TimeZone=UTC")],
)
def test_libpq_variables_are_validated_like_the_url(variable: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=f"DATABASE_URL cannot be used with {variable}"):
        Settings.from_env({**PRODUCTION, variable: value}, local=Path("/nowhere"))


@pytest.mark.parametrize("host", ["127.0.0.2", "127.1.2.3", "localhost", "::1"])
def test_development_can_listen_on_every_loopback_address(host: str) -> None:
    assert Settings.from_env({"HOST": host, "RPC_HOST": host}, local=Path("/nowhere")).host == host


def test_every_setting_has_accepted_and_other_values() -> None:
    assert set(ROWS) == {each.name.upper() for each in fields(Settings)}, "give each setting a row"
    for name, values in ROWS.items():
        verdicts = {verdict for _, verdict in values}
        assert OK in verdicts, f"{name} has no accepted value"
        assert verdicts & {WARNED, REJECTED, FREE}, f"{name} has no value that is rejected or warned about"


def test_every_rule_of_production_is_tested() -> None:
    assert {rule.name.upper() for rule in rules.WARNED} <= {name for name, _, each in rows() if each == WARNED}
    assert {rule.name.upper() for rule in rules.REJECTED} <= {name for name, _, each in rows() if each == REJECTED}


def test_development_applies_no_rule_of_production() -> None:
    """Its defaults must work without configuration; it listens on loopback only."""
    environ = {"JWT_SECRET": "x" * 32, "ANONYMOUS_SCOPES": "admin", "DEBUG": "true", "TRUSTED_PROXIES": "0.0.0.0/0"}
    settings = Settings.from_env(environ, local=Path("/nowhere"))
    assert settings.warnings == []


@pytest.mark.parametrize(("title", "listed"), [("Rejected", rules.REJECTED), ("Warned about", rules.WARNED)])
def test_the_documentation_lists_the_rules(title: str, listed: tuple[rules.Rule, ...]) -> None:
    text = (ROOT / "docs" / "reference" / "settings.md").read_text()
    section = text.partition(f"## {title} in production")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", section, re.MULTILINE) == [
        (rule.name.upper(), rule.message) for rule in listed
    ]


@pytest.mark.parametrize(
    ("alphabet", "length"), [("0123456789abcdef", 16), ("0123456789", 32), ("0123456789abcdef", 64)]
)
def test_a_random_secret_is_not_reported_as_a_weak_one(alphabet: str, length: int) -> None:
    made = random.Random(length)
    weak = [secret for _ in range(2000) if rules.is_weak(secret := "".join(made.choices(alphabet, k=length)))]
    assert len(weak) <= 1
