"""The service below a path of nginx, which removes the path or passes it on: both look the same to clients."""

import json
import os
import re
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from urllib.error import HTTPError

import pytest

from app import create_app
from app.config import Settings
from app.rest.proxy_config.nginx import configuration as configuration_of
from deploy.local.free_ports import free_port
from tests.conftest import TokenMaker
from tests.stack.conftest import SERVES_WITHIN
from tests.stack.deployment import NGINX, needs_nginx
from tests.stack.test_boot import started

pytestmark = needs_nginx
USER = "user root;" if os.geteuid() == 0 else ""
"""The account of nginx's workers: the socket is for owner and group only."""
CONFIGURATION = """
{user} daemon off; pid {home}/pid; error_log {home}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    map "" $app_public_url {{ default ""; }}
    map "" $app_request_id {{ default ""; }}
    include {home}/problems.conf;
    server {{
        listen 127.0.0.1:{port};
        add_header Repetition "$app_repetition $app_keyed_sent $app_body_limit" always;
        location /candor/ {{ proxy_pass http://unix:{socket}{rest}; proxy_set_header Host $http_host; }}
    }}
}}
"""


@pytest.fixture(scope="module", params=["removed", "passed on"])
def public_url(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Serve below a path, and return the public URL."""
    home, port = tmp_path_factory.mktemp("prefix"), free_port()
    is_removed = request.param == "removed"
    configuration = CONFIGURATION.format(
        user=USER, home=home, port=port, socket=home / "s", rest=":/" if is_removed else ""
    )
    (home / "conf").write_text(configuration)
    url = f"http://127.0.0.1:{port}/candor"
    (home / "problems.conf").write_text(configuration_of(create_app(replace(settings, public_url=url))))
    environ = {"BIND": f"unix:{home / 's'}", "PUBLIC_URL": url, "SCRIPT_NAME": "" if is_removed else "/candor"}
    environ["RATE_LIMIT"] = "10000 per second"
    command = [str(NGINX), "-c", str(home / "conf"), "-p", str(home), "-e", str(home / "error.log")]
    with started(settings, home / "log", environ), subprocess.Popen(command) as nginx:
        try:
            until = time.monotonic() + SERVES_WITHIN
            while time.monotonic() < until and status_of(f"{url}/healthz") != 200:
                time.sleep(0.1)
            yield url
        finally:
            nginx.terminate()
            nginx.wait(10)
    shutil.rmtree(home, ignore_errors=True)


def status_of(url: str) -> int:
    """Return the status of a GET; 0 without a response."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": "*/*"}), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (OSError, ssl.SSLError):
        return 0


def fetched(url: str, *, accept: str, **more: str) -> str:
    """Return the body of a response, whatever its status."""
    request = urllib.request.Request(url, headers={"Accept": accept, **more})
    with suppress(HTTPError), urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except HTTPError as error:
        return error.read().decode()
    raise AssertionError("unreachable")


def test_a_created_resource_is_at_its_location(public_url: str, token: TokenMaker) -> None:
    host = public_url.removesuffix("/candor")
    bearer = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{public_url}/v1/tasks", method="POST", headers=bearer, data=json.dumps({"task": {"title": host}}).encode()
    )
    with urllib.request.urlopen(request, timeout=10) as made:
        place = made.headers["Location"]
    assert place.startswith("/candor/v1/tasks/")
    assert json.loads(fetched(host + place, accept="application/json", **bearer))["title"] == host
    removal = urllib.request.Request(host + place, method="DELETE", headers=bearer)
    urllib.request.urlopen(removal, timeout=10).close()


def test_a_problem_has_the_requested_path_and_links_to_its_page(public_url: str) -> None:
    problem = json.loads(fetched(f"{public_url}/v1/taks", accept="application/json"))
    assert problem["instance"] == "/candor/v1/taks"
    assert status_of(problem["type"]) == 200


def test_nginx_matches_the_operations_below_the_path(public_url: str) -> None:
    def repetition(method: str, path: str, **fields: str) -> str:
        request = urllib.request.Request(f"{public_url}{path}", method=method, headers=fields, data=b"{}")
        with pytest.raises(HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        caught.value.close()
        return str(caught.value.headers["Repetition"])

    assert repetition("POST", "/v1/tasks", **{"Idempotency-Key": "one"}) == "again again 16384"
    assert repetition("POST", "/v1/tasks?x=y") == "once again 16384"
    assert repetition("POST", "/v1/tasks", **{"If-Match": '"1-00000000"'}) == "once again 16384"
    assert repetition("PATCH", "/v1/tasks/1", **{"If-Match": '"1-00000000"'}) == "again once 16384"
    assert repetition("POST", "/v1/unknown", **{"Idempotency-Key": "one"}) == "once once 1048576"


def test_links_of_pages_assets_and_documents_work(public_url: str) -> None:
    host = public_url.removesuffix("/candor")
    for page in ("/", "/docs", "/errors"):
        links = set(
            re.findall(r'(?:href|src|data-openapi)="(/[^"#]*)', fetched(f"{public_url}{page}", accept="text/html"))
        )
        assert links, fetched(f"{public_url}{page}", accept="text/html")
        assert {link: status_of(host + link) for link in links if status_of(host + link) != 200} == {}
    document = json.loads(fetched(f"{public_url}/openapi.json", accept="application/json"))
    (server,) = document["servers"]
    assert status_of(f"{server['url']}/healthz") == 200
    assert f"]({public_url}/errors)" in document["info"]["description"]
