"""The fixtures of pytest-flask work, as the first test file of a fork uses them."""

import multiprocessing
import urllib.request
from typing import Any

import pytest
from flask import Config, Flask, g, has_request_context, request_started, url_for
from flask.testing import FlaskClient


def test_app_and_client(app: Flask, client: FlaskClient) -> None:
    assert client.application is app
    assert client.get("/healthz").status_code == 200


def test_config(app: Flask, config: Config) -> None:
    assert config is app.config


@pytest.mark.options(debug=True)
def test_options(app: Flask) -> None:
    assert app.debug


def test_accept_json(client: FlaskClient, accept_json: Any) -> None:
    answer: Any = client.get("/v1/nothing", headers=accept_json)
    assert answer == 404
    assert answer.json["code"] == "ROUTE_NOT_FOUND"


@pytest.mark.usefixtures("client_class")
class TestClientClass:
    client: FlaskClient

    def test_ok(self) -> None:
        answer: Any = self.client.get("/healthz")
        assert answer == 200


def test_two_calls_have_two_contexts(app: Flask, client: FlaskClient) -> None:
    """With the request context of pytest-flask they would share one ``g``."""
    seen: list[object] = []

    def keep(sender: Flask) -> None:
        seen.append(g._get_current_object())

    with request_started.connected_to(keep, app):
        client.get("/healthz")
        client.get("/healthz")
    assert seen[0] is not seen[1]
    assert not has_request_context()


class TestLiveServer:
    def test_ok(self, live_server: Any) -> None:
        with urllib.request.urlopen(live_server.url("/readyz"), timeout=30) as answer:
            assert answer.status == 200

    def test_url_for_needs_no_context(self, live_server: Any) -> None:
        with urllib.request.urlopen(live_server.url(url_for("docs.get_openapi")), timeout=30) as answer:
            assert answer.status == 200

    def test_the_configuration_is_restored_afterwards(self, app: Flask) -> None:
        assert app.config["SERVER_NAME"] is None

    @pytest.mark.parametrize("method", ["spawn", "forkserver"])
    def test_without_fork_it_reports_the_reason(
        self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, method: Any
    ) -> None:
        context = multiprocessing.get_context(method)
        monkeypatch.setattr(multiprocessing, "get_context", lambda: context)
        with pytest.raises(
            pytest.fail.Exception, match=f"needs the multiprocessing start method 'fork', .* '{method}'"
        ):
            request.getfixturevalue("live_server")
