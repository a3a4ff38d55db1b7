"""Async views and hooks, with the ``async`` extra and without."""

import asyncio
import sys

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from flask.views import MethodView

from app.rest.public_routes import public
from tests.idioms.kit import problem


def test_an_async_view(app: Flask, client: FlaskClient) -> None:
    @app.get("/get-data")
    @public
    async def get_data():
        await asyncio.sleep(0)
        return {"data": 1}

    assert client.get("/get-data").json == {"data": 1}


def test_an_async_view_gathers(app: Flask, client: FlaskClient) -> None:
    async def part(number):
        await asyncio.sleep(0)
        return number

    @app.get("/gather")
    @public
    async def gather():
        return await asyncio.gather(part(1), part(2))

    assert client.get("/gather").json == [1, 2]


def test_async_hooks(app: Flask) -> None:
    called = []

    @app.before_request
    async def before():
        g.user = "ada"

    @app.after_request
    async def after(response):
        response.headers["X-After"] = "yes"
        return response

    @app.teardown_request
    async def teardown(exc):
        called.append(exc)

    app.add_url_rule("/x", "x", public(lambda: g.user))
    response = app.test_client().get("/x")
    assert (response.text, response.headers["X-After"], called) == ("ada", "yes", [None])


def test_an_async_error_handler(app: Flask, client: FlaskClient) -> None:
    @app.errorhandler(ValueError)
    async def handle(e):
        return "handled", 409

    @app.get("/x")
    @public
    async def view():
        raise ValueError

    assert client.get("/x").text == "handled"


def test_an_async_view_that_raises_is_500(app: Flask, client: FlaskClient) -> None:
    @app.get("/x")
    @public
    async def view():
        raise ValueError

    problem(client.get("/x"), 500, code="INTERNAL_ERROR")


def test_async_methods_of_a_class(app: Flask, client: FlaskClient) -> None:
    class Thing(MethodView):
        decorators = [public]

        async def get(self):
            return "got"

    app.add_url_rule("/x", view_func=Thing.as_view("x"))
    assert client.get("/x").text == "got"


def test_ensure_sync_for_a_custom_decorator(app: Flask, client: FlaskClient) -> None:
    from functools import wraps

    from flask import current_app

    def shout(func):
        @wraps(func)
        def wrapper(*args, **kwargs):
            return current_app.ensure_sync(func)(*args, **kwargs).upper()

        return wrapper

    @app.get("/x")
    @public
    @shout
    async def view():
        return "hello"

    assert client.get("/x").text == "HELLO"


def test_async_to_sync_is_that_of_flask(app: Flask) -> None:
    async def work(number):
        return number + 1

    assert app.async_to_sync(work)(1) == 2
    assert app.ensure_sync(work)(1) == 2


def test_another_way_to_run_coroutines(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def async_to_sync(func):
        def run(*args, **kwargs):
            ran.append(func.__name__)
            return asyncio.run(func(*args, **kwargs))

        return run

    monkeypatch.setattr(app, "async_to_sync", async_to_sync)

    @app.get("/x")
    @public
    async def view():
        return "x"

    assert client.get("/x").text == "x"
    assert ran == ["view"]


@pytest.mark.parametrize("what", ["view", "hook"])
def test_without_the_extra_flask_names_the_package_to_install(
    app: Flask, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    async def coroutine(*args):
        return None

    monkeypatch.setitem(sys.modules, "asgiref.sync", None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.add_url_rule("/x", "x", public(coroutine if what == "view" else lambda: "x"))
    if what == "hook":
        app.before_request(coroutine)
    with pytest.raises(RuntimeError, match="Install Flask with the 'async' extra in order to use async views"):
        app.test_client().get("/x")
