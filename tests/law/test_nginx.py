"""nginx's configuration matches the service: the committed ``problems.conf``, and the numbers that both contain."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from flask import Flask

from app.config import ROOT, Settings
from app.rest.hooks import cors
from app.rest.proxy_config import description
from app.rest.proxy_config import nginx as nginx_config
from deploy.serving.request_parser import UNKNOWN_CODINGS

FOLDER: Final = ROOT / "deploy" / "nginx"


def directive_of(name: str, directive: str) -> str:
    """Return the value of a directive of a file."""
    found = re.search(rf"^\s*{directive}\s+([^;]+);", (FOLDER / name).read_text(), re.MULTILINE)
    assert found, f"{name} does not contain {directive}"
    return found[1]


def documents() -> dict[int, dict[str, Any]]:
    """Return the problem documents of the committed file by status."""
    text = (FOLDER / "problems.conf").read_text().replace(nginx_config.LIMIT, "16384")
    block = text.partition("$app_problem {")[2].partition("}\n\nmap")[0]
    for name, value in {
        "$app_retryable": "true",
        "$app_advice": description.ADVICE,
        "$app_doubt": "",
    }.items():
        block = block.replace(name, value)
    return {int(status): json.loads(body) for status, body in re.findall(r"'(\d+)' '(.*)';", block)}


def test_the_committed_file_is_the_output_of_the_command(app: Flask) -> None:
    printed = app.test_cli_runner().invoke(args=["edge", "nginx"])
    assert printed.output == (FOLDER / "problems.conf").read_text(), "flask edge nginx > deploy/nginx/problems.conf"


def test_every_status_that_nginx_returns_itself_has_a_document() -> None:
    """400, 413, 414, 431, 494–497, 501, 502, 503, 504."""
    text = (FOLDER / "rejections.conf").read_text()
    lines = re.findall(r"^\s*error_page ([0-9 ]+?)(?: =(\d+))? /\.problem;", text, re.MULTILINE)
    answered = {int(shown or code) for codes, shown in lines for code in codes.split()}
    assert answered == set(documents())
    refused = {int(code) for codes in re.findall(r"\berror_page ([0-9 ]+)", text) for code in codes.split()}
    assert {400, 413, 414, 494, 495, 496, 497, 501, 503, 504, 505} <= refused
    assert directive_of("server.conf", "error_page 502") == "= @gone", "an unreachable worker is 503"


def test_an_unknown_transfer_coding_is_treated_alike_by_nginx_and_gunicorn() -> None:
    """RFC 9112, sections 6.1 and 6.3."""
    assert f'"~*^HTTP/1\\.1::{UNKNOWN_CODINGS.pattern}$"' in (FOLDER / "http.conf").read_text()


def test_allowed_origins_can_read_the_errors_of_nginx(make_application: Callable[..., Flask]) -> None:
    """C24."""
    text = nginx_config.configuration(make_application(cors_origins=("https://a.test", "https://b.test")))
    for name, value in (("app_origin", "https://b.test"), ("app_exposed", cors.EXPOSED)):
        block = text.partition(f"map $http_origin ${name} {{")[2].partition("}")[0]
        assert f"'https://b.test' '{value}';" in block
        assert block.strip().endswith('default "";')


def test_the_documents_contain_nothing_of_the_request() -> None:
    """$request_uri inside a JSON body would be an injection."""
    for status, document in documents().items():
        assert document["status"] == status
        assert "instance" not in document
        used = set(re.findall(r"\$\w+", json.dumps(document)))
        assert used == {"$app_public_url", "$app_request_id", "$app_now"}


def test_sizes_and_times_match_those_of_the_service() -> None:
    settings = Settings()
    assert int(directive_of("server.conf", "client_max_body_size")) == settings.max_body_bytes
    assert directive_of("proxy.conf", "proxy_read_timeout") == f"{settings.request_timeout * 1000 + 400:.0f}ms"
    gunicorn = re.search(r"^keepalive = (\d+)", Path(ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)
    assert gunicorn is not None
    assert int(directive_of("candor.conf", "keepalive_timeout").removesuffix("s")) < int(gunicorn[1])


def block(text: str, name: str) -> str:
    """Return the content of the map of a variable."""
    return text.partition(f" ${name} {{")[2].partition("\n}")[0]


def test_retried_requests_are_those_that_honour_a_key(app: Flask) -> None:
    keyed = block(nginx_config.configuration(app), "app_keyed_sent")
    assert "'~^/v1/tasks$' 'again'" in keyed
    assert "'~^/v1/tasks:batchCreate$' 'again'" in keyed


def test_a_version_protects_only_operations_that_read_it(app: Flask) -> None:
    repetition = block(nginx_config.configuration(app), "app_repetition")
    assert "'~^PATCH /v1/tasks/[^/? ]+[ ?]' '$app_with_version'" in repetition
    assert "'~^POST /v1/tasks[ ?]' '$app_with_key'" in repetition
    assert repetition.strip().endswith('default "once";')


def test_patterns_start_with_the_path_of_public_url(make_application: Callable[..., Flask]) -> None:
    text = nginx_config.configuration(make_application(public_url="https://api.example.com/a.b/%C3%A9"))
    assert "'~^/a\\\\.b/\xe9/v1/tasks$'" in text
    assert r"'~^POST /a\\.b/%C3%A9/v1/tasks[ ?]'" in text
    assert r"'~^POST /a\\.b/%C3%A9/v1/tasks[? ]' '16384'" in text
    assert "^/v1/" not in text
    assert " /v1/" not in text


def test_the_log_has_the_client_address_only_where_the_service_logs_it(
    make_application: Callable[..., Flask],
) -> None:
    assert '"client":"$app_client"' in (FOLDER / "http.conf").read_text()
    for log_client, logged in ((True, "$remote_addr"), (False, "")):
        text = nginx_config.configuration(make_application(log_client=log_client))
        assert block(text, "app_client").strip() == f'default "{logged}";'
