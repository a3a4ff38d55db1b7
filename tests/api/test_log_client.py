"""The client's address in the log: in every access and error entry, unless the operator switches it off."""

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask, abort

from app.errs.requests import MalformedRequest
from app.observability.failure_recorder import joined
from app.rest import early_errors
from app.rest.overload import Overload
from app.rest.public_routes import public
from app.wire import client_addresses
from tests.response_checks import CheckedClient

pytestmark = pytest.mark.slow

PROXY = ("10.0.0.1", "203.0.113.7")
LOGGERS = ("candor.access", "candor.errors")
GET = b"GET /v1/tasks HTTP/1.1\r\nHost: candor.test\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"


@pytest.fixture
def application(make_application: Callable[..., Flask]) -> Callable[..., Flask]:
    """Return a maker of applications with one trusted proxy, and with views that fail."""

    def make(*, log_client: bool) -> Flask:
        app = make_application(trusted_proxies=(ipaddress.ip_network(PROXY[0]),), log_client=log_client)
        app.config["PROPAGATE_EXCEPTIONS"] = False

        @app.get("/broken")
        @public
        def broken() -> str:
            raise ZeroDivisionError

        @app.get("/gone")
        @public
        def gone() -> str:
            abort(410)

        return app

    return make


@contextmanager
def entries(caplog: pytest.LogCaptureFixture) -> Iterator[list[object]]:
    """Collect the addresses in the entries of requests."""
    found: list[object] = []
    caplog.clear()
    yield found
    found += [vars(each)["fields"].get("client") for each in caplog.records if each.name in LOGGERS]


@pytest.mark.parametrize(("log_client", "address"), [(True, PROXY[1]), (False, None)])
class TestEveryEntry:
    @pytest.mark.parametrize(
        ("path", "count"), [("/healthz", 1), ("/nowhere", 2), ("/v1/tasks", 2), ("/broken", 2), ("/gone", 2)]
    )
    def test_entries_of_a_request_contain_it(
        self,
        application: Callable[..., Flask],
        caplog: pytest.LogCaptureFixture,
        path: str,
        count: int,
        log_client: bool,
        address: str | None,
    ) -> None:
        client = CheckedClient(application(log_client=log_client))
        client.allows_500 = True
        with entries(caplog) as found:
            client.get(path, headers={"X-Forwarded-For": PROXY[1]}, environ_overrides={"REMOTE_ADDR": PROXY[0]})
        assert found == [address] * count

    def test_entries_of_requests_that_the_server_rejects_contain_it(
        self, application: Callable[..., Flask], caplog: pytest.LogCaptureFixture, log_client: bool, address: str | None
    ) -> None:
        app = application(log_client=log_client)
        seen = early_errors.RawRequest(method="GET", path="/", fields={"X-FORWARDED-FOR": PROXY[1]}, peer=PROXY[0])
        with entries(caplog) as found:
            early_errors.reject(MalformedRequest(), ValueError(), seen, app.config)
        assert found == [address] * 2

    def test_entries_of_load_shedding_contain_it(
        self, application: Callable[..., Flask], caplog: pytest.LogCaptureFixture, log_client: bool, address: str | None
    ) -> None:
        overload = Overload(application(log_client=log_client).config)
        with entries(caplog) as found:
            overload.reject(GET, may_follow=True, peer=PROXY[0])
        assert found == [address] * 2


def test_an_untrusted_client_cannot_choose_the_address(
    application: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    client = CheckedClient(application(log_client=True))
    with entries(caplog) as found:
        client.get("/healthz", headers={"X-Forwarded-For": PROXY[1]}, environ_overrides={"REMOTE_ADDR": "198.51.100.9"})
    assert found == ["198.51.100.9"]


def test_stored_failures_do_not_contain_it() -> None:
    assert joined({"code": "X", "client": PROXY[1]}, {"path": "/", "client": PROXY[1]}) == {"code": "X", "path": "/"}


@pytest.mark.parametrize(("path", "warnings"), [("/readyz", 0), ("/healthz", 0), ("/v1/tasks", 1)])
def test_only_a_limited_request_without_an_address_logs_a_warning(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str, warnings: int
) -> None:
    """``curl --unix-socket`` and local health checks are harmless."""
    client_addresses.NAMELESS.reset()
    CheckedClient(app, app.response_class).get(path, environ_overrides={"REMOTE_ADDR": ""})
    client_addresses.NAMELESS.reset()
    assert len([each for each in caplog.records if "share one rate limit" in each.getMessage()]) == warnings
