"""What nginx knows of us is what we are: the committed ``problems.conf``, and the numbers that both sides repeat."""

import json
import re
from pathlib import Path
from typing import Any, Final

from flask import Flask

from app.config import ROOT, Settings
from app.rest import nginx

FOLDER: Final = ROOT / "deploy" / "nginx"


def said(name: str, directive: str) -> str:
    """Return what a file says after a directive."""
    found = re.search(rf"^\s*{directive}\s+([^;]+);", (FOLDER / name).read_text(), re.MULTILINE)
    assert found, f"{name} does not say {directive}"
    return found[1]


def documents() -> dict[int, dict[str, Any]]:
    """Return the problem documents of the committed file by status."""
    text = (FOLDER / "problems.conf").read_text()
    block = text.partition("$candor_problem {")[2].partition("}\n\nmap")[0]
    return {int(status): json.loads(body) for status, body in re.findall(r"'(\d+)' '(.*)';", block)}


def test_the_committed_file_is_what_the_command_prints(application: Flask) -> None:
    printed = application.test_cli_runner().invoke(args=["errors", "nginx"])
    assert printed.output == (FOLDER / "problems.conf").read_text(), "flask errors nginx > deploy/nginx/problems.conf"


def test_every_status_that_nginx_answers_by_itself_has_a_document() -> None:
    """Issue 3: 400, 413, 414, 431, 494–497, 502, 503, 504."""
    text = (FOLDER / "refusals.conf").read_text()
    lines = re.findall(r"^error_page ([0-9 ]+?)(?: =(\d+))? /\.problem;", text, re.MULTILINE)
    answered = {int(shown or code) for codes, shown in lines for code in codes.split()}
    assert answered == set(documents())
    refused = {int(code) for codes, _ in lines for code in codes.split()}
    assert {400, 413, 414, 494, 495, 496, 497, 503, 504} <= refused
    assert said("server.conf", "error_page 502") == "= @gone", "a worker out of reach is 503 (table 1.4)"


def test_the_documents_hold_nothing_that_the_request_says() -> None:
    """Traps: $request_uri inside a JSON body is an injection."""
    for status, document in documents().items():
        assert document["status"] == status
        assert "instance" not in document
        used = set(re.findall(r"\$\w+", json.dumps(document)))
        assert used == {"$candor_public_url", "$candor_request_id", "$candor_now"}


def test_sizes_and_times_are_ours() -> None:
    settings = Settings()
    assert int(said("server.conf", "client_max_body_size")) == settings.max_body_bytes
    assert said("proxy.conf", "proxy_read_timeout") == f"{settings.request_timeout + 1:g}s"
    gunicorn = re.search(r"^keepalive = (\d+)", Path(ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)
    assert gunicorn is not None
    assert int(said("candor.conf", "keepalive_timeout").removesuffix("s")) < int(gunicorn[1])


def test_what_may_be_sent_twice_is_what_honours_a_key(application: Flask) -> None:
    assert set(nginx.keyed(application)) >= {"~^/v1/tasks$", "~^/v1/tasks:batchCreate$"}
