"""The response to an unknown path without Flask equals Flask's, and Flask answers when code of a fork could notice."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from flask import Flask, Response, signals
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule

from app.rest import dispatch
from app.rest.application import Application
from app.rest.unknown_paths import UnknownPaths
from tests.law.test_prepared_health import FIRST, UNKNOWN, USUAL, ask

Make = Callable[..., Application]
PATHS: Final = ("/v1/nothing", "/v1/nothing/else", "/nothing", "/nothing/", "/v1", "/v1/", "/wp-login.php", "/a b/'\"c")
KNOWN: Final = ("/", "/v1/tasks/1/2/3", "/healthz/1", "//v1/nothing", "/v1/caf\xc3\xa9", "*", "")
"""Paths that Flask answers: a route begins like them, or they are unusual."""
ENTRIES: Final = {"candor.access", "candor.errors"}
UNUSUAL: Final[dict[str, dict[str, str]]] = {
    "HEAD": {"REQUEST_METHOD": "HEAD"},
    "OPTIONS": {"REQUEST_METHOD": "OPTIONS"},
    "POST": {"REQUEST_METHOD": "POST"},
    "an invalid host": {"HTTP_HOST": "a b"},
    "an absolute target": {"RAW_URI": "http://u@x/v1/nothing"},
    "a fragment": {"RAW_URI": "/v1/nothing#a"},
    "a coding": {"HTTP_TRANSFER_ENCODING": "gzip"},
    "a preflight": {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"},
}


@pytest.fixture
def made(make_application: Make) -> Application:
    app = make_application(cors_origins=("https://app.example",))
    ask(app, FIRST)
    return app


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list of True for each response without Flask, and False for one of Flask."""
    found, own = list[bool](), UnknownPaths.answer

    def answer(self: UnknownPaths, about: Any) -> list[bytes] | None:
        body = own(self, about)
        found.append(body is not None)
        return body

    monkeypatch.setattr(UnknownPaths, "answer", answer)
    return found


def at(path: str, sent: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"PATH_INFO": path, "RAW_URI": path, **(sent or {})}


def comparable(answer: tuple[str, list[tuple[str, str]], bytes]) -> Any:
    """Return an answer without what differs between two requests."""
    status, fields, body = answer
    document = json.loads(body) if body else None
    if document:
        assert document.pop("timestamp")
        assert document.pop("request_id") == dict(fields)["X-Request-Id"]
    return status, [field for field in fields if "Request-Id" not in field[0]], document


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", USUAL)
def test_response_and_log_entry_are_those_of_flask(
    made: Application, uses: list[bool], caplog: pytest.LogCaptureFixture, path: str, name: str
) -> None:
    caplog.set_level(logging.INFO)
    answers = [comparable(ask(made, at(path, {**USUAL[name], **more}))) for more in ({}, UNKNOWN)]
    assert uses == [True, False]
    assert answers[0] == answers[1]
    assert answers[0][0] == "404 NOT FOUND"
    entries: dict[str, list[Any]] = {}
    for record in (each for each in caplog.records if each.name in ENTRIES):
        entries.setdefault(record.name, []).append({**vars(record)["fields"], "duration_ms": 0})
    assert entries.keys() == ENTRIES
    for first, second in entries.values():
        assert first == second


@pytest.mark.parametrize("path", KNOWN)
def test_flask_answers_paths_that_begin_like_a_route(made: Application, uses: list[bool], path: str) -> None:
    ask(made, at(path))
    assert uses == [False]


@pytest.mark.parametrize("name", UNUSUAL)
def test_flask_answers_unusual_requests(made: Application, uses: list[bool], name: str) -> None:
    ask(made, at("/v1/nothing", UNUSUAL[name]))
    assert uses == [False]


def test_the_first_request_is_one_of_flask(make_application: Make, uses: list[bool]) -> None:
    app = make_application()
    for more in (FIRST, {}):
        ask(app, {**at("/v1/nothing"), **more})
    assert uses == [False, True]


def test_a_route_that_is_added_later_is_found(made: Application, uses: list[bool]) -> None:
    ask(made, at("/late/1"))
    made.view_functions["late"] = lambda: Response("found")
    made.url_map.add(Rule("/late/1", endpoint="late"))
    ask(made, at("/v1/tasks"))  # Werkzeug searches, and has then no mark of the change
    ask(made, at("/late/1"))
    made.url_map.add(Rule("/<path:rest>", endpoint="late"))
    ask(made, at("/nothing"))
    assert uses == [True, False, False, False]


def of_app(name: str) -> Callable[[Flask, Callable[..., Any]], object]:
    return lambda app, note: getattr(app, name).setdefault(None, []).append(note)


CHANGES: Final[dict[str, Callable[[Flask, Callable[..., Any]], object]]] = {
    **{name: of_app(name) for name in ("before_request_funcs", "after_request_funcs", "teardown_request_funcs")},
    "teardown_appcontext": lambda app, note: app.teardown_appcontext_funcs.append(note),
    "handler of 404": lambda app, note: app._register(404, note),  # type: ignore[attr-defined]
    "handler of NotFound": lambda app, note: app._register(NotFound, note),  # type: ignore[attr-defined]
    "trap_http_exception": lambda app, note: setattr(app, "trap_http_exception", note),
}


@pytest.mark.parametrize("name", CHANGES)
def test_code_of_a_fork_sees_the_request(
    made: Application, uses: list[bool], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    seen: list[Any] = []

    def note(given: Any = None) -> Any:
        seen.append(given)
        return Response("own", 404) if "handler" in name else given if isinstance(given, Response) else None

    def register(what: Any, handler: Any) -> None:
        kind, code = Flask._get_exc_class_and_code(what)
        made.error_handler_spec[None][code][kind] = handler

    monkeypatch.setattr(made, "_register", register, raising=False)
    CHANGES[name](made, note)
    ask(made, at("/v1/nothing"))
    assert seen
    assert uses == [False]


def test_a_receiver_of_a_signal_sees_the_request(made: Application, uses: list[bool]) -> None:
    heard: list[Any] = []
    with signals.request_started.connected_to(lambda *_, **__: heard.append(1), made):
        assert not dispatch.is_plain(made)
        ask(made, at("/v1/nothing"))
    assert heard
    assert uses == [False]
