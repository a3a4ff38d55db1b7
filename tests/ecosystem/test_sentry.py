"""Sentry SDK: one event for each unhandled exception, none for errors that are responses."""

import pytest
import sentry_sdk
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport

from app.errs import E, Kind
from app.errs.platform import ServiceUnavailable
from app.rest.public_routes import public


class Collector(Transport):
    def __init__(self) -> None:
        super().__init__()
        self.events = []
        self.transactions = []

    def capture_envelope(self, envelope):
        for item in envelope.items:
            {"event": self.events, "transaction": self.transactions}.get(item.type, []).append(item.payload.json)


@pytest.fixture
def sentry():
    collector = Collector()
    sentry_sdk.init(
        dsn="http://key@sentry.invalid/1",
        transport=collector,
        traces_sample_rate=1.0,
        integrations=[FlaskIntegration(transaction_style="url")],
    )
    yield collector
    sentry_sdk.init()


@pytest.fixture
def failing(app):
    @app.get("/failing/<int:number>")
    @public
    def failing(number):
        raise ZeroDivisionError

    @app.get("/answers/<name>")
    @public
    def answers(name):
        raise {
            "conflict": E("test", Kind.CONFLICT),
            "internal": E("test", Kind.INTERNAL),
            "unavailable": ServiceUnavailable(),
        }[name]


def test_an_unhandled_exception_is_one_event_with_the_name_of_its_route(sentry, failing, client):
    assert client.get("/failing/1").status_code == 500
    (event,) = sentry.events
    assert event["transaction"] == "/failing/<int:number>"
    assert event["exception"]["values"][-1]["type"] == "ZeroDivisionError"
    assert event["exception"]["values"][-1]["mechanism"]["handled"] is False


def test_an_error_of_the_catalogue_with_status_500_is_one_event(sentry, failing, client):
    assert client.get("/answers/internal").status_code == 500
    assert len(sentry.events) == 1


def test_an_exception_in_a_teardown_function_is_one_event(sentry, app, failing, client):
    @app.teardown_request
    def fail(_error):
        raise LookupError

    assert client.get("/answers/conflict").status_code == 500
    assert len(sentry.events) == 1


@pytest.mark.parametrize("path", ["/nowhere", "/v1/tasks", "/answers/conflict", "/answers/unavailable"])
def test_4xx_and_503_are_not_events(sentry, failing, client, path):
    assert client.get(path).status_code in {401, 404, 409, 503}
    assert sentry.events == []


def test_transactions_have_the_name_of_their_route(sentry, client):
    client.get("/errors/nothing")
    assert [each["transaction"] for each in sentry.transactions] == ["/errors/<slug>"]
