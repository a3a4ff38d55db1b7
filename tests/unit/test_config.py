"""Settings: the environment is read once, and a rejection lists every error."""

import ipaddress
import stat
import subprocess
import sys
from dataclasses import FrozenInstanceError
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from app.config import InvalidSettings, Settings
from app.config.setting import default_of

PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://candor@db/candor",
    "PUBLIC_URL": "https://api.example.com",
    "JWT_SECRET": "5b1e0c77a8d24f93b6e8a1c0d9f37e42",
}


def faults(environ: dict[str, str], local: Path = Path("/nowhere")) -> list[str]:
    """Return the errors of a rejected environment."""
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_env(environ, local=local)
    return caught.value.faults


class TestDevelopment:
    def test_ok(self, tmp_path: Path) -> None:
        settings = Settings.from_env({}, local=tmp_path)
        assert not settings.is_production
        assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
        assert settings.rate_limit == "100 per second"
        assert settings.database_url.startswith("postgresql+psycopg://")

    def test_a_blank_setting_counts_as_unset(self, tmp_path: Path) -> None:
        assert Settings.from_env({"PORT": "  ", "HOST": ""}, local=tmp_path).port == 8000

    def test_the_embedded_database_is_found_by_its_address_file(self, tmp_path: Path) -> None:
        (tmp_path / "database-url").write_text("postgresql+psycopg://a@b/c\n")
        assert Settings.from_env({}, local=tmp_path).database_url == "postgresql+psycopg://a@b/c"
        assert Settings.from_env({"DATABASE_URL": "postgres://d@e/f"}, local=tmp_path).database_url.endswith("d@e/f")

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com"])
    def test_an_address_beyond_loopback_is_rejected(self, host: str) -> None:
        assert faults({"HOST": host}) == ["HOST may be other than loopback only with APP_ENV=production."]

    def test_a_grpc_address_beyond_loopback_is_rejected(self) -> None:
        assert faults({"RPC_HOST": "0.0.0.0"}) == ["RPC_HOST may be other than loopback only with APP_ENV=production."]

    def test_a_proxy_can_be_an_ipv4_address_in_ipv6_form(self, tmp_path: Path) -> None:
        written = {"TRUSTED_PROXIES": "::ffff:10.0.0.0/104 ::ffff:192.0.2.1 2001:db8::/32"}
        proxies = ("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32")
        assert Settings.from_env(written, local=tmp_path).trusted_proxies == tuple(map(ipaddress.ip_network, proxies))

    def test_a_certificate_requires_a_key(self) -> None:  # part: grpc
        for name in ("RPC_CERTIFICATE", "RPC_KEY"):
            assert faults({name: "/etc/candor/pem"}) == [
                "RPC_KEY and RPC_CERTIFICATE must both be set or both be unset."
            ]

    def test_loopback_has_three_names(self, tmp_path: Path) -> None:
        urls = {Settings.from_env({"HOST": host}, local=tmp_path).public_url for host in ("localhost", "::1")}
        assert urls == {"http://localhost:8000", "http://[::1]:8000"}

    def test_settings_are_immutable(self, tmp_path: Path) -> None:
        with pytest.raises(FrozenInstanceError):
            Settings.from_env({}, local=tmp_path).port = 1  # type: ignore[misc]  # tested here


class TestIssuers:
    GOOD = '["https://a.test/"]\njwks_url = "https://a.test/keys"\naudience = "api"\nscopes = {"*" = "tasks account"}\n'

    def read(self, tmp_path: Path, text: str) -> Settings:
        """Return the settings with a file of identity providers."""
        path = tmp_path / "issuers.toml"
        path.write_text(text)
        return Settings.from_env({"ISSUERS": str(path)}, local=tmp_path)

    def test_ok(self, tmp_path: Path) -> None:
        google = '["https://accounts.google.com"]\nscopes = {"1" = "tasks", "2" = ""}\n'
        (one, other) = self.read(tmp_path, self.GOOD + google).issuers
        assert (one.url, one.jwks_url, one.audience) == ("https://a.test/", "https://a.test/keys", "api")
        assert (one.scopes_of("anybody"), other.scopes_of("1")) == (
            frozenset({"tasks", "account"}),
            frozenset({"tasks"}),
        )
        assert (other.scopes_of("2"), other.scopes_of("3")) == (frozenset(), frozenset())
        assert (one.name_of("x"), other.name_of("x")) == ("https://a.test/#x", "https://accounts.google.com#x")

    def test_a_loopback_issuer_can_use_http(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, self.GOOD.replace("https://a.test", "http://127.0.0.1:1")).issuers

    @pytest.mark.parametrize(
        ("part", "other"),
        [
            ('["https://a.test/"]', "["),
            ('["https://a.test/"]', '["http://a.test/"]'),
            ('["https://a.test/"]', '["https://a.test/#x"]'),
            ('["https://a.test/"]', f'["https://a.test/{"x" * 200}"]'),
            ('["https://a.test/"]', "[issuer]"),
            ('["https://a.test/"]\n', ""),
            ('jwks_url = "https://a.test/keys"\n', ""),
            ('audience = "api"\n', ""),
            ("https://a.test/keys", "http://a.test/keys"),
            ("https://a.test/keys", "file:///etc/passwd"),
            ('"api"', "1"),
            ("audience", "audiences"),
            ("tasks account", "tasks admin"),
            ('"tasks account"', '["tasks"]'),
            ('"tasks account"', "'a\"b'"),
        ],
    )
    def test_an_unsafe_issuer_is_rejected(self, tmp_path: Path, part: str, other: str) -> None:
        """No keys over an unencrypted connection, and no administrators."""
        with pytest.raises(InvalidSettings, match="ISSUERS must"):
            self.read(tmp_path, self.GOOD.replace(part, other))

    def test_a_missing_file_is_rejected(self, tmp_path: Path) -> None:
        said = "ISSUERS must be a file that can be read: No such file or directory."
        assert faults({"ISSUERS": str(tmp_path / "absent")}) == [said]


class TestDrain:
    def test_development_has_no_drain_time_and_production_has_one(self, tmp_path: Path) -> None:
        assert Settings.from_env({}, local=tmp_path).drain_seconds == 0
        assert Settings.from_env(PRODUCTION).drain_seconds == 5
        assert Settings.from_env({**PRODUCTION, "DRAIN_SECONDS": "0"}).drain_seconds == 0


class TestDevelopmentSecret:
    def test_it_is_created_once_readable_only_by_its_owner_and_reused(self, tmp_path: Path) -> None:
        first = Settings.from_env({}, local=tmp_path / "local").jwt_secret
        kept = tmp_path / "local" / "jwt-secret"
        assert (len(first), kept.read_text()) == (64, first)
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert Settings.from_env({}, local=tmp_path / "local").jwt_secret == first
        assert [path.name for path in kept.parent.iterdir()] == ["jwt-secret"]

    def test_a_secret_in_the_environment_takes_precedence_and_none_is_created(self, tmp_path: Path) -> None:
        assert Settings.from_env({"JWT_SECRET": "y" * 32}, local=tmp_path).jwt_secret == "y" * 32
        assert list(tmp_path.iterdir()) == []

    def test_processes_that_start_together_get_the_same_secret(self, tmp_path: Path) -> None:
        with ThreadPool(16) as pool:
            secrets = pool.map(lambda _: Settings.from_env({}, local=tmp_path).jwt_secret, range(64))
        assert len(set(secrets)) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["jwt-secret"]

    def test_without_a_writable_folder_it_exists_only_in_the_process(self, tmp_path: Path) -> None:
        (tmp_path / "local").write_text("a file, not a folder")
        assert len(Settings.from_env({}, local=tmp_path / "local").jwt_secret) == 64


class TestProduction:
    def test_ok(self) -> None:
        settings = Settings.from_env(PRODUCTION)
        assert settings.is_production
        assert settings.database_url == "postgresql+psycopg://candor@db/candor"

    def test_it_can_listen_beyond_loopback(self) -> None:
        assert Settings.from_env({**PRODUCTION, "HOST": "0.0.0.0"}).host == "0.0.0.0"

    @pytest.mark.parametrize("name", ["DATABASE_URL", "PUBLIC_URL", "JWT_SECRET"])
    def test_required_settings_have_no_defaults(self, name: str, tmp_path: Path) -> None:
        (fault,) = faults({**PRODUCTION, name: ""}, tmp_path)
        assert fault.startswith(f"{name} is required in production")
        assert list(tmp_path.iterdir()) == []

    def test_a_short_secret_is_rejected_and_not_shown(self) -> None:
        (fault,) = faults({**PRODUCTION, "JWT_SECRET": "hunter2"})
        assert fault == "JWT_SECRET must have at least 32 bytes; `openssl rand -hex 32` generates one."

    def test_keys_keep_their_names_and_order(self) -> None:
        new, old = "n" * 32, "o" * 32
        assert Settings.from_env({"JWT_KEYS": f"new:{new} old:{old}"}, local=Path("/nowhere")).jwt_keys == (
            ("new", new),
            ("old", old),
        )

    @pytest.mark.parametrize(
        "keys", ["short:s3cret", "s3cret" * 6, f"a:{'s3cret' * 6} a:{'s3cret' * 6}", ":s3cret", "a/b:s3cret"]
    )
    def test_invalid_keys_are_rejected_and_not_shown(self, keys: str) -> None:
        (fault,) = faults({**PRODUCTION, "JWT_KEYS": keys})
        assert fault.startswith("JWT_KEYS must")
        assert "s3cret" not in fault

    def test_the_length_of_a_secret_is_measured_in_bytes(self) -> None:
        assert Settings.from_env({**PRODUCTION, "JWT_SECRET": "äöüßéèàçñøåæêîôû"}).jwt_secret

    def test_the_log_level_has_a_minimum(self) -> None:
        assert faults({**PRODUCTION, "LOG_LEVEL_MIN": "WARNING"}) == [
            "LOG_LEVEL must not be less severe than LOG_LEVEL_MIN."
        ]

    def test_debug_mode_is_rejected(self) -> None:
        assert faults({**PRODUCTION, "DEBUG": "true"}) == ["DEBUG must be off in production."]


class TestFaults:
    def test_every_error_is_reported_at_once_and_once(self) -> None:
        environ = {
            "APP_ENV": "production",
            "PORT": "0",
            "DATABASE_URL": "mysql://db",
            "JWT_SECRET": "short",
            "RATE_LIMIT": "a lot",
            "ANONYMOUS_SCOPES": "'\"'",
            "DEBUG": "true",
            "LOG_LEVEL": "loud",
        }
        named = faults(environ)
        assert [fault.partition(" ")[0] for fault in named] == [
            "PORT",
            "PUBLIC_URL",
            "DATABASE_URL",
            "JWT_SECRET",
            "ANONYMOUS_SCOPES",
            "RATE_LIMIT",
            "LOG_LEVEL",
            "DEBUG",
        ]
        assert all(fault.endswith(".") for fault in named)

    def test_the_message_lists_all_errors(self) -> None:
        with pytest.raises(InvalidSettings, match=r"Candor does not start:\n  - PORT must .*\n  - DEBUG must "):
            Settings.from_env({"PORT": "x", "DEBUG": "x"})

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("APP_ENV", "prod"),
            ("PORT", "65536"),
            ("PORT", "-1"),
            ("PORT", "8e3"),
            ("PORT", "８０"),
            ("PORT", "0" * 12 + "8000"),
            ("PORT", "8000" + "0" * 5000),
            ("PUBLIC_URL", "api.example.com"),
            ("PUBLIC_URL", "ftp://api.example.com"),
            ("PUBLIC_URL", "http://"),
            ("PUBLIC_URL", "http://[::1"),
            ("PUBLIC_URL", "http://host:port"),
            *(
                ("PUBLIC_URL", f"https://api.example.com{rest}")
                for rest in ("?a=1", "?", "#top", "/a b", "/a\tb", '/"', "/%x")
            ),
            ("PUBLIC_URL", "https://user:password@api.example.com"),
            ("PUBLIC_URL", "https://api.exa\nmple.com"),
            ("PUBLIC_URL", "https://api.example.com\\x"),
            *(("ANONYMOUS_SCOPES", scope) for scope in ('ta"sks', "tasks a\\b", "tasks\x00", "t\x7f", "aufgäben")),
            ("DATABASE_URL", "sqlite:///x.db"),
            ("DATABASE_URL", "mysql://host/name"),
            ("DATABASE_URL", "postgresql://host/name?colour=red"),
            ("DATABASE_URL", "postgresql://host:99999/name"),
            ("DATABASE_URL", "host=one,two port=1,2,3"),
            ("DATABASE_URL", "postgresql://host/name?connect_timeout=soon"),
            ("DATABASE_URL", "hostaddr=127.0.0.1,127.0.0.2 dbname=name"),
            ("REDIS_URL", "http://cache"),
            ("RATE_LIMIT", "100"),
            ("RATE_LIMIT", "100 per fortnight"),
            ("TRUSTED_PROXIES", "10.0.0.0/33"),
            ("TRUSTED_PROXIES", "10.0.0.1/8"),
            ("CORS_ORIGINS", "*"),
            ("CORS_ORIGINS", "https://app.example.com/"),
            ("CORS_ORIGINS", "app.example.com"),
            ("CORS_ORIGINS", "https://App.example.com"),
            ("CORS_ORIGINS", "https://app.example.com?a"),
            ("CORS_ORIGINS", "https://[::1"),
            ("REQUEST_TIMEOUT", "nan"),
            ("REQUEST_TIMEOUT", "0.01"),
            ("REQUEST_TIMEOUT", "soon"),
            ("DEBUG", "1"),
            ("LOG_LEVEL", "info"),
            ("LOG_LEVEL", "DEBUG ERROR"),
            ("LOG_LEVEL_MIN", "TRACE"),
            ("DEBUG_TOKEN", "fifteen-letters"),
            ("DEBUG_TOKEN", "\u00e9" * 16),
            ("DEBUG_PORT", "65472"),
        ],
    )
    def test_each_setting_rejects_invalid_values(self, name: str, text: str) -> None:
        (fault,) = faults({name: text})
        assert fault.startswith(f"{name} must ")

    def test_the_command_line_shows_errors_without_a_traceback_and_fails(self) -> None:
        program = "import wsgi"
        environ = {"APP_ENV": "production", "PORT": "x", "PATH": ""}
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environ, check=False
        )
        assert ended.returncode != 0
        assert "PORT must be an integer between 1 and 65535." in ended.stderr
        assert "JWT_SECRET is required in production, unless JWT_KEYS is set." in ended.stderr


class TestTypes:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("port", "8001", 8001),
            ("port", "08001", 8001),
            ("request_timeout", "2.5", 2.5),
            ("debug", "true", True),
            ("debug", "false", False),
            ("public_url", "https://api.example.com/", "https://api.example.com"),
            ("public_url", "http://localhost:8080/base/", "http://localhost:8080/base"),
            ("public_url", "https://[::1]:8443/a%20b/~c", "https://[::1]:8443/a%20b/~c"),
            ("anonymous_scopes", "tasks, other:read", ("tasks", "other:read")),
            ("drain_seconds", "2.5", 2.5),
            (
                "database_url",
                "postgres://a:b@c:5432/d?sslmode=require",
                "postgresql+psycopg://a:b@c:5432/d?sslmode=require",
            ),
            ("redis_url", "rediss://cache:6379/0", "rediss://cache:6379/0"),
            ("rate_limit", "5/minute;100/hour", "5/minute;100/hour"),
            ("cors_origins", "https://a.example http://b.example:81", ("https://a.example", "http://b.example:81")),
            (
                "trusted_proxies",
                "127.0.0.1, 10.0.0.0/8 ::1",
                tuple(map(ipaddress.ip_network, ("127.0.0.1", "10.0.0.0/8", "::1"))),
            ),
        ],
    )
    def test_each_setting_is_read_as_its_type(self, tmp_path: Path, name: str, text: str, value: object) -> None:
        assert getattr(Settings.from_env({name.upper(): text}, local=tmp_path), name) == value

    def test_every_setting_has_a_default_a_parser_and_a_description(self) -> None:
        for each in Settings.__dataclass_fields__.values():
            assert callable(each.metadata["parse"])
            assert each.metadata["says"].endswith(".")
            default_of(each)


class TestDatabaseUrl:
    """The URL forms of libpq; ``tests/integration/test_database_sessions.py`` connects with them."""

    @pytest.mark.parametrize(
        ("written", "url"),
        [
            ("postgresql://", "postgresql+psycopg://"),
            ("postgresql+psycopg://a:b@c:5432/d", "postgresql+psycopg://a:b@c:5432/d"),
            ("postgresql:///d?host=/run/postgresql", "postgresql+psycopg:///d?host=/run/postgresql"),
            ("postgresql://%2Frun%2Fpostgresql/d", "postgresql+psycopg:///d?host=/run/postgresql"),
            ("postgresql://[2001:db8::1234]/d", "postgresql+psycopg://[2001:db8::1234]/d"),
            ("postgresql://u:pass#word@h/d", "postgresql+psycopg://u:pass%23word@h/d"),
            ("postgresql://h/d?ssl=true", "postgresql+psycopg://h/d?sslmode=require"),
            (
                "host=a,b port=5433 user=u dbname=d",
                "postgresql+psycopg://u@/d?host=a,b&port=5433,5433&target_session_attrs=read-write",
            ),
            ("user=u password='a b/c' dbname=d", "postgresql+psycopg://u:a%20b%2Fc@/d"),
            ("service=candor", "postgresql+psycopg:///?service=candor"),
            (
                "postgresql://u:p@h1:5432,h2:5433/d?target_session_attrs=read-write",
                "postgresql+psycopg://u:p@/d?host=h1,h2&port=5432,5433&target_session_attrs=read-write",
            ),
        ],
    )
    def test_each_form_is_kept(self, written: str, url: str) -> None:
        assert Settings.from_env({**PRODUCTION, "DATABASE_URL": written}).database_url == url
        assert Settings.from_env({**PRODUCTION, "DATABASE_URL": url}).database_url == url

    @pytest.mark.parametrize(
        ("written", "fault"),
        [
            (
                "postgresql://h/d?replication=database",
                "cannot set replication: the service needs an ordinary connection",
            ),
            (
                "postgresql://h/d?client_encoding=LATIN1",
                "cannot set client_encoding: the service reads and writes UTF-8",
            ),
            (
                "postgresql://h/d?options=-cDateStyle%3DGerman",
                "cannot set datestyle in options: the service sets it itself",
            ),
            ("postgresql://h/d?options=--TimeZone%3DUTC", "cannot set timezone in options: the service sets it itself"),
            ("postgresql://h/d?sslmode=perhaps", "has an invalid value of sslmode"),
            ("postgresql://h/d?target_session_attrs=some", "has an invalid value of target_session_attrs"),
        ],
    )
    def test_each_unsupported_form_has_its_own_message(self, written: str, fault: str) -> None:
        assert faults({**PRODUCTION, "DATABASE_URL": written}) == [f"DATABASE_URL {fault}."]

    def test_a_password_is_never_shown(self) -> None:
        (fault,) = faults({**PRODUCTION, "DATABASE_URL": "postgresql://user:s3cr/et@host/name"})
        assert "s3cr" not in fault
        assert "encode reserved characters" in fault


class TestMail:
    @pytest.mark.parametrize("url", ["smtp://localhost", "smtps://u:p%40ss@mail.example.com:465"])
    def test_ok(self, url: str) -> None:
        mail = {"SMTP_URL": url, "MAIL_FROM": "Candor <noreply@example.com>"}
        settings = Settings.from_env({**PRODUCTION, **mail})
        assert (settings.smtp_url, settings.mail_from) == (url, "Candor <noreply@example.com>")

    @pytest.mark.parametrize("name", ["ACTIVATION_URL", "PASSWORD_RESET_URL"])
    @pytest.mark.parametrize(
        "url",
        [
            "https://app.example.com/activate#token={token}",
            "https://app.example.com?{token}",
            "https://app.example.com:8443/a%20b/{token}/c?d=e",
            "http://localhost:3000/#/activate/{token}",
        ],
    )
    def test_a_page_that_takes_a_token(self, tmp_path: Path, name: str, url: str) -> None:
        settings = Settings.from_env({name: url}, local=tmp_path)
        assert getattr(settings, name.lower()) == url

    @pytest.mark.parametrize("name", ["ACTIVATION_URL", "PASSWORD_RESET_URL"])
    @pytest.mark.parametrize(
        ("url", "fault"),
        [
            ("https://app.example.com/activate", "{token} once"),
            ("https://app.example.com/{token}/{token}", "{token} once"),
            ("https://app.example.com/{token}/{id}", "{token} once"),
            ("https://{token}.example.com/", "{token} once"),
            ("https://user:secret@app.example.com/{token}", "{token} once"),
            ("app.example.com/{token}", "{token} once"),
            ("javascript:alert('{token}')", "{token} once"),
            ("mailto:a@example.com?{token}", "{token} once"),
            ('https://app.example.com/"><b>{token}', "{token} once"),
            ("https://app.example.com/a b{token}", "{token} once"),
            ("https://[::1/{token}", "{token} once"),
            ("http://app.example.com/{token}", "must start with https://"),
        ],
    )
    def test_a_page_that_cannot_take_a_token_is_rejected(self, name: str, url: str, fault: str) -> None:
        """Otherwise, emails would contain links that lead nowhere or to another site."""
        (told,) = faults({name: url})
        assert told.startswith(f"{name} ")
        assert fault in told

    @pytest.mark.parametrize("sender", ["nobody", "@example.com", "a@b\r\nBcc: c@d", "a@b, c@d", "ä@example.com"])
    def test_an_invalid_sender_is_rejected(self, sender: str) -> None:
        assert faults({"MAIL_FROM": sender}) == [
            "MAIL_FROM must be an address such as 'Support <support@example.com>'."
        ]

    def test_production_requires_a_sender(self) -> None:
        assert faults({**PRODUCTION, "SMTP_URL": "smtp://localhost"}) == [
            "MAIL_FROM is required in production if SMTP_URL is set."
        ]
