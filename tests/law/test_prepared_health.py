"""The prepared response to ``GET /healthz`` equals Flask's, and Flask answers when code of a fork could notice."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import pytest
from flask import Flask, signals
from flask.sessions import SecureCookieSessionInterface

from app.rest import prepared_health
from app.rest.application import Application
from app.rest.prepared_health import ENDPOINT, PATH, PreparedHealth
from app.rest.public_routes import public
from app.rest.request import Request

Make = Callable[..., Application]
FIRST: Final = {"werkzeug.request": None}
"""The mark of a test client, for the first request: the pollers of the application do not start."""
UNKNOWN: Final = {"HTTP_X_OTHER": "1"}
"""A header field with which Flask answers."""
USUAL: Final[dict[str, dict[str, str]]] = {
    "nothing": {},
    "a request ID": {"HTTP_X_REQUEST_ID": "kept-by-the-service"},
    "another name of it": {"HTTP_REQUEST_ID": "kept-by-the-service"},
    "an invalid request ID": {"HTTP_X_TRACE_ID": "x y"},
    "an origin": {"HTTP_ORIGIN": "https://app.example"},
    "another origin": {"HTTP_ORIGIN": "https://other.example"},
    "a trace": {"HTTP_TRACEPARENT": f"00-{'1' * 32}-{'2' * 16}-01"},
    "a proxy": {"HTTP_X_FORWARDED_FOR": "192.0.2.7", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_REAL_IP": "192.0.2.8"},
    "a browser": {"HTTP_USER_AGENT": "x", "HTTP_ACCEPT": "text/html", "HTTP_ACCEPT_ENCODING": "gzip"},
    "a language": {"HTTP_ACCEPT_LANGUAGE": "de", "HTTP_CONNECTION": "close"},
}
UNUSUAL: Final[dict[str, tuple[dict[str, str], str]]] = {
    "a query": ({"QUERY_STRING": "a=b", "RAW_URI": f"{PATH}?a=b"}, "400"),
    "an invalid budget": ({"HTTP_REQUEST_TIMEOUT": "x"}, "400"),
    "an invalid host": ({"HTTP_HOST": "a b"}, "400"),
    "an empty host": ({"HTTP_HOST": ""}, "200"),
    "a fragment": ({"RAW_URI": f"{PATH}#a"}, "400"),
    "HEAD": ({"REQUEST_METHOD": "HEAD"}, "200"),
    "POST": ({"REQUEST_METHOD": "POST"}, "405"),
    "a coding": ({"HTTP_TRANSFER_ENCODING": "gzip"}, "400"),
}


@pytest.fixture
def made(make_application: Make) -> Application:
    app = make_application(cors_origins=("https://app.example",))
    ask(app, FIRST)
    return app


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list of True for each prepared response, and False for one of Flask."""
    found, own = list[bool](), PreparedHealth.fits

    def fits(self: PreparedHealth, environ: dict[str, Any]) -> bool:
        found.append(own(self, environ) and self._kept is not None)
        return own(self, environ)

    monkeypatch.setattr(PreparedHealth, "fits", fits)
    return found


def ask(app: Flask, sent: Mapping[str, str | None] | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return the response to a health check as gunicorn passes it to the application."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": PATH,
        "RAW_URI": PATH,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "x",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
        "wsgi.input_terminated": True,
        **(sent or {}),
    }
    started: list[Any] = []

    def start(*given: Any) -> Any:
        started.extend(given)

    body = b"".join(app(environ, start))
    return started[0], started[1], body


def without_ids(answer: tuple[str, list[tuple[str, str]], bytes], is_random: bool) -> Any:
    status, fields, body = answer
    return status, [field for field in fields if not is_random or "Request-Id" not in field[0]], body


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("is_client_logged", [True, False])
def test_response_and_log_entry_are_those_of_flask(
    make_application: Make, uses: list[bool], caplog: pytest.LogCaptureFixture, name: str, is_client_logged: bool
) -> None:
    caplog.set_level(logging.INFO)
    app = make_application(cors_origins=("https://app.example",), log_client=is_client_logged)
    ask(app, FIRST)
    ask(app)
    caplog.clear()
    sent, is_random = USUAL[name], "kept" not in str(USUAL[name])
    answers = [without_ids(ask(app, {**sent, **more}), is_random) for more in ({}, UNKNOWN)]
    assert uses == [False, False, True, False]
    assert answers[0] == answers[1]
    first, second = (record for record in caplog.records if record.name == "candor.access")
    entries = [{**vars(record)["fields"], "duration_ms": 0} for record in (first, second)]
    assert entries[0] == entries[1]
    assert entries[0]["route"] == PATH


@pytest.mark.parametrize("name", UNUSUAL)
def test_flask_answers_unusual_requests(made: Application, uses: list[bool], name: str) -> None:
    ask(made)
    changes, status = UNUSUAL[name]
    assert ask(made, changes)[0].startswith(status)
    assert not any(uses) or name == "an empty host"


def test_a_response_is_independent_of_the_one_before(made: Application) -> None:
    """Header fields and body are copies."""
    first = ask(made)
    first[1].clear()
    assert [len(ask(made)[1]) for _ in range(3)] == [len(ask(made, UNKNOWN)[1])] * 3


Change = Callable[[Flask, Callable[..., Any]], object]


def replace_view(app: Flask, note: Callable[..., Any]) -> None:
    own: Any = app.view_functions[ENDPOINT]
    app.view_functions[ENDPOINT] = lambda: (note(), own())[1]


def replace_request_class(app: Flask, note: Callable[..., Any]) -> None:
    class Own(Request):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            note()
            super().__init__(*args, **kwargs)

    app.request_class = Own


def replace_sessions(app: Flask, note: Callable[..., Any]) -> None:
    class Own(SecureCookieSessionInterface):
        def open_session(self, *_: Any) -> Any:
            note()

    app.session_interface = Own()


CHANGES: Final[dict[str, Change]] = {
    "before_request": lambda app, note: app.before_request(note),
    "after_request": lambda app, note: app.after_request(lambda response: (note(), response)[1]),
    "teardown_request": lambda app, note: app.teardown_request(note),
    "teardown_appcontext": lambda app, note: app.teardown_appcontext(note),
    "url_value_preprocessor": lambda app, note: app.url_value_preprocessor(lambda *_: note()),
    "a hook of the blueprint": lambda app, note: app.before_request_funcs.setdefault("health", []).append(note),
    "the view": replace_view,
    "the request class": replace_request_class,
    "sessions": replace_sessions,
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("is_late", [False, True])
def test_code_of_a_fork_sees_each_request(made: Application, name: str, is_late: bool) -> None:
    """Also if it is added after requests, as Flask allows for all lists of functions."""
    called: list[int] = []
    if is_late:
        ask(made)
    made._got_first_request = False

    def note(*_: object) -> None:
        called.append(1)

    CHANGES[name](made, note)
    for _ in range(3):
        ask(made)
    assert len(called) == 3


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """Return the notes of a receiver of a signal."""
    found: list[int] = []

    def listen(*_: Any, **__: Any) -> None:
        found.append(1)

    signals.request_started.connect(listen)
    yield found
    signals.request_started.disconnect(listen)


def test_a_receiver_of_a_signal_sees_each_request(made: Application, heard: list[int]) -> None:
    for _ in range(3):
        ask(made)
    assert len(heard) == 3


def test_a_wrapper_of_the_application_sees_each_request(made: Application) -> None:
    called: list[int] = []
    own = made.wsgi_app

    def wrapped(environ: Any, start: Any) -> Any:
        called.append(1)
        return own(environ, start)

    made.wsgi_app = wrapped  # type: ignore[assignment, method-assign]  # as in Flask's documentation
    for _ in range(3):
        ask(made)
    assert len(called) == 3


def test_an_application_that_trusts_some_hosts_checks_them(make_application: Make) -> None:
    """The prepared response would be for all hosts."""
    app = make_application(config={"TRUSTED_HOSTS": ["shop.example"]})
    ask(app, {**FIRST, "HTTP_HOST": "shop.example"})
    assert ask(app, {"HTTP_HOST": "shop.example"})[0] == ask(app, {"HTTP_HOST": "shop.example"})[0] == "200 OK"
    assert ask(app, {"HTTP_HOST": "x"})[0].startswith("400")


def test_only_the_health_check_is_kept(made: Application) -> None:
    made._got_first_request = False
    made.add_url_rule("/other", "other", public(lambda: "other"))
    ask(made)
    assert ask(made, {"PATH_INFO": "/other", "RAW_URI": "/other"})[2] == b"other"
    assert prepared_health.PATH == "/healthz"
