"""Less common uses of Flask: nested requests, unusual views and servers, and receivers added at run time."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock
from unittest.mock import Mock

import flask
import pytest
from flask import Flask, Response, abort, copy_current_request_context, g, make_response, request, url_for
from flask.ctx import RequestContext
from flask.sessions import SecureCookieSessionInterface
from flask.signals import request_finished, request_tearing_down
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule, Submount
from werkzeug.test import create_environ, run_wsgi_app

from app import request_context
from app.rest.current import principal
from app.rest.public_routes import public
from tests.idioms.kit import ON_FLASK, candor_only, problem

Bearer = Callable[..., dict[str, str]]


class TestNested:
    """A request or a context inside another one leaves the outer one unchanged."""

    def test_a_context(self, app: Flask, client: FlaskClient, bearer: Bearer) -> None:
        def view():
            with app.test_request_context("/other", base_url="https://mail.example"):
                assert url_for("view", _external=True) == "https://mail.example/view"
            copy_current_request_context(lambda: None)()
            return "caroline" if ON_FLASK else principal().id

        app.add_url_rule("/view", "view", view)
        response = client.get("/view", headers=bearer("caroline"))
        assert response.text == "caroline"
        if not ON_FLASK:
            assert response.headers["Cache-Control"] == "no-store"

    def test_a_request(self, app: Flask, client: FlaskClient, bearer: Bearer) -> None:
        app.add_url_rule("/inner", "inner", public(lambda: "inner"))

        def outer():
            inner = app.test_client().get("/inner").text
            return [inner, request.path, "caroline" if ON_FLASK else principal().id]

        app.add_url_rule("/outer", "outer", outer)
        response = client.get("/outer", headers={**bearer("caroline"), "X-Request-Id": "outer-request"})
        assert response.json == ["inner", "/outer", "caroline"]
        if not ON_FLASK:
            assert response.headers["X-Request-Id"] == "outer-request"

    @candor_only
    def test_a_request_has_only_its_own_token(self, app: Flask, client: FlaskClient, bearer: Bearer) -> None:
        app.add_url_rule("/inner", "inner", public(lambda: str(request_context.bearer.get())))
        app.add_url_rule("/outer", "outer", lambda: app.test_client().get("/inner").text)
        assert client.get("/outer", headers=bearer("caroline")).text == "None"

    @candor_only
    def test_hooks_called_by_hand_leave_nothing_behind(self, app: Flask, bearer: Bearer) -> None:
        app.add_url_rule("/view", "view", lambda: "ok")
        with app.test_request_context("/view", headers=bearer("caroline")):
            assert app.preprocess_request() is None
            assert principal().id == "caroline"
        assert request_context.principal.get() is None

    @candor_only
    def test_a_stream_has_the_caller_and_the_request(self, app: Flask, client: FlaskClient, bearer: Bearer) -> None:
        def view():
            parts = (f"{principal().id} {request_context.request_id.get()} {request.path};" for _ in range(2))
            return Response(flask.stream_with_context(parts))

        app.add_url_rule("/view", "view", view)
        response = client.get("/view", headers={**bearer("caroline"), "X-Request-Id": "streamed-1"})
        assert response.text == "caroline streamed-1 /view;" * 2
        assert request_context.request_id.get() is None


class Greeter:
    """A callable object as a view, and a method as a view."""

    def __call__(self) -> str:
        return "called"

    def greet(self) -> str:
        return "greeted"


class TestViews:
    @pytest.mark.parametrize("view", [partial("{0}{0}".format, "a"), Greeter()])
    def test_without_a_name(self, app: Flask, client: FlaskClient, view: Any) -> None:
        app.add_url_rule("/view", "view", public(view))
        assert client.get("/view").text == view()

    def test_a_mock_instead_of_a_view(self, app: Flask, client: FlaskClient, bearer: Bearer) -> None:
        app.add_url_rule("/view", "view", lambda: "ok")
        with mock.patch.dict(app.view_functions, view=Mock(return_value="mocked")):
            assert client.get("/view", headers=bearer()).text == "mocked"
            if not ON_FLASK:
                problem(client.get("/view"), 401)

    @candor_only
    def test_a_bound_method_is_public_by_endpoint(self, app: Flask, client: FlaskClient) -> None:
        greeter = Greeter()
        with pytest.raises(TypeError, match="PUBLIC_ENDPOINTS"):
            public(greeter.greet)
        app.config["PUBLIC_ENDPOINTS"] = ["greet"]
        app.add_url_rule("/greet", "greet", greeter.greet)
        assert client.get("/greet").text == "greeted"

    def test_rules_of_the_map(self, app: Flask, client: FlaskClient) -> None:
        app.url_map.add(Rule("/one", endpoint="one"))
        app.url_map.add(Submount("/sub", [Rule("/two", endpoint="one")]))
        app.view_functions["one"] = public(lambda: "one")
        assert [client.get(path).text for path in ("/one", "/sub/two")] == ["one", "one"]
        assert client.options("/one").status_code == 200

    def test_a_custom_view_for_preflight_requests(self, app: Flask, client: FlaskClient) -> None:
        view = public(lambda: ("", 204, {"Access-Control-Allow-Methods": "POST"}))
        app.add_url_rule("/view", "view", view, methods=["POST", "OPTIONS"])
        asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
        assert client.options("/view", headers=asked).headers["Access-Control-Allow-Methods"] == "POST"


class TestNotModified:
    @candor_only
    def test_the_header_fields_of_the_response_are_kept(self, app: Flask, client: FlaskClient) -> None:
        closed = []

        def view():
            response = make_response("text")
            response.set_etag("tag")
            response.set_cookie("seen", "1")
            response.headers["X-Own"] = "1"
            response.call_on_close(lambda: closed.append(1))
            return response

        app.add_url_rule("/view", "view", public(view))
        response = client.get("/view", headers={"If-None-Match": '"tag"'})
        response.close()
        assert (response.status_code, response.data) == (304, b"")
        assert {"X-Own", "Set-Cookie", "ETag"} <= {*response.headers.keys()}
        assert "Content-Type" not in response.headers
        assert closed == [1]


class TestErrorHandlers:
    def test_a_handler_for_http_exceptions_gets_unhandled_exceptions(self, app: Flask, client: FlaskClient) -> None:
        @app.errorhandler(HTTPException)
        def in_json(error):
            return {"code": error.code, "name": error.name}, error.code

        app.add_url_rule("/broken", "broken", public(lambda: str(1 / 0)))
        assert client.get("/broken").json == {"code": 500, "name": "Internal Server Error"}
        assert client.get("/none").json == {"code": 404, "name": "Not Found"}

    def test_an_exception_with_its_own_body(self, app: Flask, client: FlaskClient) -> None:
        class Rejected(HTTPException):
            code = 422

            def get_body(self, environ=None, scope=None):
                return '{"mine": 1}'

            def get_headers(self, environ=None, scope=None):
                return [("Content-Type", "application/json")]

        def view():
            raise Rejected

        app.add_url_rule("/view", "view", public(view))
        response = client.get("/view")
        assert (response.status_code, response.json) == (422, {"mine": 1})

    def test_a_hook_can_abort_an_unknown_path(self, app: Flask, client: FlaskClient) -> None:
        app.before_request(lambda: abort(503, "maintenance"))
        problem(client.get("/none"), 503)

    def test_handlers_of_the_logger_get_the_exception(self, app: Flask, client: FlaskClient) -> None:
        records: list[logging.LogRecord] = []
        handler = logging.Handler(logging.ERROR)
        handler.emit = records.append  # type: ignore[method-assign]
        app.logger.addHandler(handler)
        app.add_url_rule("/broken", "broken", public(lambda: str(1 / 0)))
        client.get("/broken")
        app.logger.removeHandler(handler)
        (record,) = records
        assert record.getMessage() == "Exception on /broken [GET]"
        assert record.exc_info is not None
        assert record.exc_info[0] is ZeroDivisionError


class TestAddedAtRunTime:
    """Receivers and patches that are added while the application runs."""

    @pytest.mark.parametrize("signal", [request_finished, request_tearing_down])
    def test_a_receiver_that_the_view_connects(self, app: Flask, client: FlaskClient, signal: Any) -> None:
        heard = []

        def hear(*_: Any, **__: Any) -> None:
            heard.append(1)

        app.add_url_rule("/view", "view", public(lambda: str(signal.connect(hear, app))))
        client.get("/view")
        assert heard == [1]

    @pytest.mark.parametrize(
        ("owner", "name"), [(Flask, "wsgi_app"), (RequestContext, "push"), (RequestContext, "match_request")]
    )
    def test_a_patched_method(
        self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
    ) -> None:
        called, own = [], getattr(owner, name)

        def patched(*args: Any) -> Any:
            called.append(name)
            return own(*args)

        monkeypatch.setattr(owner, name, patched)
        app.add_url_rule("/view", "view", public(lambda: "ok"))
        assert client.get("/view").text == "ok"
        assert called

    def test_a_patched_session_interface(self, app: Flask, client: FlaskClient, monkeypatch) -> None:
        opened, own = [], SecureCookieSessionInterface.open_session

        def open_session(*args: Any) -> Any:
            opened.append(1)
            return own(*args)

        monkeypatch.setattr(SecureCookieSessionInterface, "open_session", open_session)
        app.add_url_rule("/view", "view", public(lambda: "ok"))
        client.get("/view")
        assert opened == [1]


class TestServers:
    """Uncommon server behavior that PEP 3333 allows."""

    @pytest.fixture(autouse=True)
    def threads_end(self, app: Flask) -> Iterator[None]:
        """Stop the pollers that the application starts under any server, but not under a test client."""
        yield
        for poller in app.extensions.get("app-pollers", ()):
            poller.stop()

    def test_a_missing_path(self, app: Flask) -> None:

        environ = create_environ("/")
        del environ["PATH_INFO"]
        assert run_wsgi_app(app, environ)[1][:3] in {"200", "308", "404"}

    def test_a_response_that_starts_late(self, app: Flask, client: FlaskClient) -> None:
        class Late(app.response_class):  # a subclass, because pytest-flask replaces it
            def __call__(self, environ, start_response):
                yield from super().__call__(environ, start_response)

        app.add_url_rule("/view", "view", public(lambda: Late("late")))
        assert client.get("/view").text == "late"

    def test_a_body_is_closed_after_a_call_of_write(self, app: Flask) -> None:
        closed = []

        class Written(app.response_class):  # a subclass, because pytest-flask replaces it
            def __call__(self, environ, start_response):
                start_response(self.status, [("Content-Type", "text/plain")])(b"written ")
                return self.get_app_iter(environ)

        def view():
            response = Written("body")
            response.call_on_close(lambda: closed.append(1))
            return response

        app.add_url_rule("/view", "view", public(view))
        sent: list[bytes] = []
        body = app(create_environ("/view"), lambda *_: sent.append)
        sent += body
        getattr(body, "close", list)()
        assert (sent, closed) == ([b"written ", b"body"], [1])


def test_g_belongs_to_the_application_context(app: Flask, client: FlaskClient) -> None:
    app.before_request(lambda: setattr(g, "seen", "before"))
    app.add_url_rule("/view", "view", public(lambda: g.seen))
    assert client.get("/view").text == "before"
