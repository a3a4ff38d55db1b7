"""The application that pages are generated from. It connects to nothing."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Flask

from app.config import Settings
from app.factory import create_app
from app.rest import operations
from app.rest.operations import Operation

PUBLIC_URL: Final = "https://api.example.com"


@cache
def app() -> Flask:
    """Return the application with its defaults."""
    return create_app(Settings.from_env({"PUBLIC_URL": PUBLIC_URL}, local=Path("/nonexistent")))


@cache
def openapi() -> dict[str, Any]:
    """Return the OpenAPI document."""
    with app().app_context():
        (api,) = {each["ext_obj"] for each in app().extensions["flask-smorest"]["apis"].values()}
        document: dict[str, Any] = api.spec.to_dict()
        return document


@cache
def documented() -> dict[str, Operation]:
    """Return the documented operations by their ID."""
    table = operations.table(app())
    return {each.operation_id: each for each in table.values() if each.is_documented}
