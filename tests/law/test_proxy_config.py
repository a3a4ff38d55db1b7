"""``flask edge``: configurations of proxies from the catalogue, the operations and the settings."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from flask import Flask

from app.cli.proxy_config import PROXIES
from app.rest.proxy_config.description import Description, describe
from app.rest.proxy_config.rendering import CIPHERS, HSTS, Addresses

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "operate" / "proxies.md"
COMMAND: Final = re.compile(r"^ *\.venv/bin/flask (edge .*)$", re.MULTILINE)
DOCUMENTS: Final = [name for name in PROXIES if name != "traefik"]
"""Traefik cannot send problem documents."""
STATUSES: Final = {400, 413, 414, 431, 500, 501, 503, 504}


@pytest.fixture
def description(app: Flask) -> Description:
    """Return the description of the service, with an ID and a limit that are valid JSON."""
    return describe(app, request_id="ID-OF-REQUEST", now="NOW", limit="99")


def test_the_commands_of_docs_operate_proxies_print_a_configuration(app: Flask) -> None:
    commands = COMMAND.findall(PAGE.read_text(encoding="utf-8"))
    assert commands
    for command in commands:
        done = app.test_cli_runner().invoke(args=shlex.split(command))
        assert done.exit_code == 0, done.output
        assert "/run/candor/1.sock" in done.output
        assert "10.0.0.7" in done.output


def test_the_page_lists_every_proxy() -> None:
    listed = set(re.findall(r"^\| `flask edge (\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == {"nginx", *PROXIES}


def test_a_wrong_address_is_rejected(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["edge", "haproxy", "--listen", "8080"])
    assert done.exit_code == 1
    assert "HOST:PORT" in done.output


def test_options_that_a_proxy_does_not_have_are_rejected(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["edge", "traefik"]).exit_code == 1, "it needs instances on TCP"
    runner, files = app.test_cli_runner(), ["--certificate", "/etc/a.pem", "--key"]
    done = runner.invoke(args=["edge", "haproxy", *files, "/etc/b.pem"])
    assert (done.exit_code, "/etc/a.pem.key" in done.output) == (1, True)
    assert runner.invoke(args=["edge", "haproxy", *files, "/etc/a.pem.key"]).exit_code == 0
    assert runner.invoke(args=["edge", "envoy", "--key", "/etc/b.pem"]).exit_code == 1


def test_the_ciphers_are_those_of_nginx() -> None:
    nginx = re.search(r"ssl_ciphers (\S+);", (ROOT / "deploy" / "nginx" / "tls.conf").read_text(encoding="utf-8"))
    assert nginx
    assert set(nginx[1].split(":")) == set(CIPHERS.split(":"))
    assert HSTS in (ROOT / "deploy" / "nginx" / "http.conf").read_text(encoding="utf-8")


class TestDescription:
    def test_every_document_is_that_of_the_catalogue(self, description: Description) -> None:
        assert set(description.documents) == STATUSES
        for status, document in description.documents.items():
            for text in (document.text, document.doubtful):
                parsed = json.loads(text)
                assert (parsed["status"], parsed["code"], parsed["kind"]) == (status, document.code, document.kind)
                assert (parsed["request_id"], parsed["timestamp"]) == ("ID-OF-REQUEST", "NOW")
                assert "instance" not in parsed
        assert json.loads(description.documents[413].text)["limit"] == 99

    @pytest.mark.parametrize("status", [503, 504])
    def test_a_change_that_may_have_been_made_is_not_retryable(self, description: Description, status: int) -> None:
        certain, doubtful = (
            json.loads(text) for text in (description.documents[status].text, description.documents[status].doubtful)
        )
        assert (certain["retryable"], doubtful["retryable"]) == (True, False)
        assert "retry" not in doubtful
        assert doubtful["detail"].startswith(certain["detail"])
        assert "may have applied the change" in doubtful["detail"]

    def test_operations_with_a_key_or_a_version(self, description: Description) -> None:
        assert ("POST", "/v1/tasks") in description.keyed
        assert ("POST", "/v1/tokens") not in description.keyed
        assert ("PATCH", "/v1/tasks/[^/]+") in description.versioned
        assert ("POST", "/v1/tasks") in description.limits[16384]

    def test_the_time_is_that_of_the_setting(self, make_application: Callable[..., Flask]) -> None:
        app = make_application(request_timeout=3.0)
        assert describe(app, request_id="", now="", limit="1").response_ms == 3400


class TestConfigurations:
    @pytest.mark.parametrize("name", list(PROXIES))
    def test_it_depends_on_the_settings(self, make_application: Callable[..., Flask], name: str) -> None:
        app = make_application(
            public_url="https://api.example.com/a.b", cors_origins=("https://a.test",), max_body_bytes=4_000_000
        )
        text = PROXIES[name][0](app, Addresses("127.0.0.1:8443", ("10.0.0.7:8000",)))
        of_documents = ("https://api.example.com/a.b/errors/", "https://a.test") if name in DOCUMENTS else ()
        for part in (*of_documents, "4000000", "10.0.0.7", "8443"):
            assert part in text
        if name in DOCUMENTS:
            assert "/a\\.b/v1/tasks" in text.replace("\\\\", "\\") or "/a%.b/v1/tasks" in text

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_it_has_every_document_that_the_proxy_can_need(self, app: Flask, name: str) -> None:
        text = PROXIES[name][0](app, Addresses())
        for code in ("BODY_TOO_LARGE", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL_ERROR"):
            assert code in text

    @pytest.mark.parametrize("name", list(PROXIES))
    def test_with_a_certificate_it_has_tls_and_http_2(self, app: Flask, name: str) -> None:
        addresses = Addresses(certificate="/etc/site.pem", key="/etc/site.pem.key")
        plain, secure = (PROXIES[name][0](app, each) for each in (Addresses(), addresses))
        assert "/etc/site.pem" in secure
        assert re.search(r"\bh2\b", secure)
        assert HSTS in secure
        assert "/etc/site.pem" not in plain

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_it_does_not_depend_on_the_client_address_where_this_is_not_logged(
        self, make_application: Callable[..., Flask], name: str
    ) -> None:
        texts = [PROXIES[name][0](make_application(log_client=each), Addresses()) for each in (True, False)]
        assert texts[0] != texts[1]
