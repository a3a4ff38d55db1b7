"""``rest.dispatch`` answers like Flask's own ``wsgi_app``, and uses it when an extension could notice a difference."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    after_this_request,
    flash,
    g,
    request,
    session,
    stream_with_context,
    url_for,
)
from flask.globals import _cv_app, _cv_request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.rest import dispatch
from app.rest.application import Application
from app.rest.public_routes import public

Make = Callable[..., Flask]
OF_THE_MOMENT: Final = ("X-Request-Id", "Request-Id", "Date", "RateLimit")
ANSWERS_OF_ITS_OWN: Final = ("request_id", "timestamp")
REQUESTS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("GET", "/healthz", {}),
    ("HEAD", "/healthz", {}),
    ("OPTIONS", "/healthz", {}),
    ("OPTIONS", "*", {}),
    ("GET", "/", {}),
    ("GET", "/errors/task-not-found", {"headers": {"Accept": "text/html"}}),
    ("GET", "/no/such/route", {}),
    ("GET", "//healthz", {}),
    ("POST", "/healthz", {}),
    ("GET", "/v1/tasks", {}),
    ("GET", "/v1/tasks?page_size=none&colour=red", {"headers": {"Authorization": "Bearer none"}}),
    ("POST", "/v1/users", {"json": {}}),
    ("GET", "/plain/3", {}),
    ("GET", "/plain/none", {}),
    ("GET", "/slash", {}),
    ("GET", "/slash/", {}),
    ("GET", "/old", {}),
    ("GET", "/outer/inner/caf%C3%A9", {}),
    ("GET", "/teapot", {}),
    ("GET", "/fault", {}),
    ("GET", "/tuple", {}),
    ("GET", "/stopped", {}),
    ("GET", "/session", {}),
    ("GET", "/stream", {}),
    ("GET", "/where", {"base_url": "https://shop.example:8443/prefix"}),
    ("GET", "/plain/3", {"headers": {"Connection": "Upgrade", "Upgrade": "websocket"}}),
)


def routed(app: Flask) -> list[str]:
    """Add all types of routes and hooks; return a list in which the hooks record their calls."""
    app.secret_key = "a-key-of-the-tests"
    app.extensions["called"] = called = list[str]()
    inner, outer = Blueprint("inner", __name__, url_prefix="/inner"), Blueprint("outer", __name__, url_prefix="/outer")
    note: Any
    for place, name in ((app, "app"), (outer, "outer"), (inner, "inner")):

        def note(value: Any = None, *rest: Any, name: str = name) -> Any:
            has_context = _cv_request.get(None) is not None
            called.append(f"{name}: {type(value).__name__} {getattr(value, 'status', rest)} {has_context}")
            return value if isinstance(value, Response) else None

        place.url_value_preprocessor(note)
        place.before_request(note)
        place.after_request(note)
        place.teardown_request(note)
    app.teardown_appcontext(note)
    app.before_request(lambda: ("stopped", 503) if request.path == "/stopped" else None)

    @inner.get("/<word>")
    def word(word: str) -> str:
        after_this_request(note)
        return word + str(g.get("none")) + str(request.blueprints)

    def stream() -> Response:
        return Response(stream_with_context(f"{number} {request.path};" for number in range(3)))

    def keep() -> str:
        session["seen"] = True
        flash("kept")
        return "kept"

    outer.register_blueprint(inner)
    app.register_blueprint(public(outer))
    app.add_url_rule("/plain/<int:number>", "plain", public(lambda number: {"number": number}))
    app.add_url_rule("/slash/", "slash", public(lambda: "slash"))
    app.add_url_rule("/old", "old", redirect_to="/slash/", view_func=public(lambda: ""))
    app.add_url_rule("/teapot", "teapot", public(lambda: abort(418)))
    app.add_url_rule("/fault", "fault", public(lambda: str(1 / 0)))
    app.add_url_rule("/tuple", "tuple", public(lambda: ({"a": 1}, 201, {"X-Own": "1"})))
    app.add_url_rule("/session", "session", public(keep))
    app.add_url_rule("/stream", "stream", public(stream))
    app.add_url_rule("/where", "where", public(lambda: url_for("plain", number=3, _external=True) + request.host))
    return called


SIGNED_AT: Final = re.compile(r"(?<=session=)([\w-]+)\.[\w-]+\.[\w-]+")
"""A session cookie; its time and signature depend on the second of its creation."""


def comparable(response: TestResponse) -> tuple[Any, ...]:
    """Return the parts that both responses must have in common."""
    fields = sorted(
        (name, SIGNED_AT.sub(r"\1", value)) for name, value in response.headers if name not in OF_THE_MOMENT
    )
    body: Any = response.get_data()
    if response.is_json and body:
        body = {name: value for name, value in json.loads(body).items() if name not in ANSWERS_OF_ITS_OWN}
    return response.status, fields, body


@pytest.fixture
def listener() -> Iterator[Callable[[], Any]]:
    """Connect a receiver to a signal: then every application uses Flask's own ``wsgi_app``."""

    def listen(*_: Any, **__: Any) -> None:
        """Do nothing."""

    yield lambda: dispatch.SIGNALS[0].connect(listen)
    dispatch.SIGNALS[0].disconnect(listen)


@pytest.mark.parametrize(
    ("method", "path", "options"), REQUESTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_both_answer_the_same(
    make_application: Make, listener: Callable[[], Any], method: str, path: str, options: dict[str, Any]
) -> None:
    answers = []
    for is_plain in (True, False):
        app = make_application()
        called = routed(app)
        client = FlaskClient(app, app.response_class)
        if not is_plain:
            listener()
        assert dispatch.is_plain(app) is is_plain
        environ = {"PATH_INFO": path, "RAW_URI": path} if path == "*" else {}
        response = client.open("/" if path == "*" else path, method=method, environ_overrides=environ, **options)
        answers.append((comparable(response), [*called]))
        assert _cv_request.get(None) is None
        assert _cv_app.get(None) is None
    assert answers[0] == answers[1]
    assert answers[0][1] or path == "*"


@pytest.mark.parametrize("signal", dispatch.SIGNALS, ids=lambda signal: signal.name)
def test_a_receiver_is_called(app: Flask, make_application: Make, signal: Any) -> None:
    heard, another = [], make_application()
    with signal.connected_to(lambda *_, **__: heard.append(1), app):
        app.test_client().get("/healthz")
        assert dispatch.is_plain(another)
    assert heard


@pytest.mark.parametrize("name", dispatch.METHODS)
@pytest.mark.parametrize("place", ["instance", "subclass"])
def test_an_overridden_method_is_called(make_application: Make, name: str, place: str) -> None:
    called = []

    def replaced(self: Flask, *args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return getattr(Flask, name)(self, *args, **kwargs)

    app = make_application()
    if place == "instance":
        setattr(app, name, replaced.__get__(app))
    else:
        app.__class__ = type("Fork", (Application,), {name: replaced})
    app.test_client().get("/no/such/route")
    assert called


def test_a_method_patched_on_flask_itself_is_called(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    called, own = list[int](), Flask.full_dispatch_request

    def patched(self: Flask) -> Response:
        called.append(1)
        return own(self)

    monkeypatch.setattr(Flask, "full_dispatch_request", patched)
    app.test_client().get("/healthz")
    assert called


@pytest.mark.parametrize("option", ["TRUSTED_HOSTS", "host_matching", "subdomain_matching"])
def test_the_host_is_checked_for_applications_that_match_hosts(make_application: Make, option: str) -> None:
    app = make_application()
    assert not dispatch.depends_on_host(app, {})
    if option == "TRUSTED_HOSTS":
        app.config[option] = ["shop.example"]
        assert app.test_client().get("/healthz", base_url="https://other.example").status_code == 400
        assert app.test_client().get("/healthz", base_url="https://shop.example").status_code == 200
    else:
        setattr(app.url_map if option == "host_matching" else app, option, True)
    assert dispatch.depends_on_host(app, {})
