"""Blueprints as in flask-smorest's manual, on their own application."""

from collections.abc import Callable
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import rest
from app.rest import operations
from app.rest.blueprint import Blueprint
from app.rest.pages import docs

Serve = Callable[..., Any]


class PetSchema(ma.Schema):
    """A pet, as in the manual."""

    id = ma.fields.Integer(dump_only=True)
    name = ma.fields.String(required=True)
    age = ma.fields.Integer(load_default=1)


class PetQueryArgsSchema(ma.Schema):
    """Query parameters of a search for pets."""

    name = ma.fields.String()


@pytest.fixture(autouse=True)
def few_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the service's own operations out of the applications here: they take ten times as long as the rest."""
    monkeypatch.setattr(rest, "BLUEPRINTS", (docs.blp,))


@pytest.fixture
def blp() -> Blueprint:
    """Return a blueprint that needs no token."""
    return Blueprint("pets", __name__, scope=operations.PUBLIC, url_prefix="/pets", description="Operations on pets")


@pytest.fixture
def serve(make_application: Callable[..., Flask]) -> Serve:
    """Return a maker of clients of an application with these blueprints."""

    def made(*blueprints: Any, **options: Any) -> Any:
        application = make_application()
        application.test_client_class = FlaskClient
        for blueprint in blueprints:
            api_of(application).register_blueprint(blueprint, **options)
        return application.test_client()

    return made


def api_of(application: Flask) -> Any:
    """Return the API of an application."""
    return application.extensions["flask-smorest"]["apis"][""]["ext_obj"]


def document_of(client: Any) -> dict[str, Any]:
    """Return the OpenAPI document of a client's application."""
    response = client.get("/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json
    return document
