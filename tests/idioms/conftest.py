"""Fixtures that create an application for each test, because a route can only be added before the first request."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import flask_smorest
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from app import create_app, extensions
from app.config import Settings
from tests.conftest import close
from tests.idioms.kit import ON_FLASK, PUBLIC, Blueprint, CheckedClient


@pytest.fixture
def _push_request_context() -> None:
    """Push no context, unlike pytest-flask: within one request context, requests of a test would share one ``g``."""


@pytest.fixture
def make_application(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Return a factory of applications that live as long as the test: ``make_application(rate_limit="1 per hour")``."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        if ON_FLASK:
            made.append(Flask("app", static_folder=None))
            made[-1].config["PROPAGATE_EXCEPTIONS"] = False
            return made[-1]
        made.append(create_app(replace(settings, **changes)))
        made[-1].test_client_class = CheckedClient
        return made[-1]

    yield make
    for each in made:
        each.teardown_appcontext_funcs.clear()  # functions of a test may raise
        if "sqlalchemy" in each.extensions:
            with each.app_context():
                close(each.extensions["sqlalchemy"].engine)


@pytest.fixture
def app(make_application: Callable[..., Flask]) -> Flask:
    """Return the application under test."""
    return make_application()


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    """Return a test client, as pytest-flask makes it: its last request's context stays."""
    with app.test_client() as client:
        yield client


@pytest.fixture
def token(app: Flask) -> Callable[..., str]:
    """Return a factory of bearer tokens; the secret is the same for every application of the tests."""

    def make(subject: str = "alice", scopes: str = "tasks") -> str:
        if ON_FLASK:
            return "any"
        issued: str = app.extensions["app-services"].tokens.issue(
            subject, scopes=scopes.split(), lifetime=timedelta(hours=1)
        )
        return issued

    return make


@pytest.fixture
def bearer(token: Callable[..., str]) -> Callable[..., dict[str, str]]:
    """Return a factory of Authorization headers."""
    return lambda subject="alice", scopes="tasks": {"Authorization": f"Bearer {token(subject, scopes)}"}


@pytest.fixture
def limiter(app: Flask) -> Limiter:
    """Return Flask-Limiter's extension."""
    if ON_FLASK:
        return Limiter(get_remote_address, app=app, storage_uri="memory://")
    return extensions.limiter


@pytest.fixture
def api(app: Flask) -> Any:
    """Return flask-smorest's extension."""
    if ON_FLASK:
        return flask_smorest.Api(app, spec_kwargs={"title": "x", "version": "v1", "openapi_version": "3.1.0"})
    return app.extensions["flask-smorest"]["apis"][""]["ext_obj"]


@pytest.fixture
def db(app: Flask, settings: Settings) -> SQLAlchemy:
    """Return Flask-SQLAlchemy's extension."""
    if not ON_FLASK:
        return extensions.db
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    made = SQLAlchemy(model_class=type("Base", (DeclarativeBase,), {}), disable_autonaming=True)
    made.init_app(app)
    return made


@pytest.fixture
def blp() -> Any:
    """Return a public blueprint at ``/pets``."""
    return Blueprint("pets", "pets", url_prefix="/pets", description="Operations on pets", scope=PUBLIC)


@pytest.fixture
def register(app: Flask, api: Any):
    """Return a function that registers a blueprint and returns a client."""

    def register(blueprint) -> FlaskClient:
        api.register_blueprint(blueprint)
        return app.test_client()

    return register
