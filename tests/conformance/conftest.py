"""The application on a real gunicorn, directly and behind nginx, and its profile with tokens."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.extensions import db
from tests.conformance.profile import Profile
from tests.conftest import EMPTY
from tests.stack.conftest import fronted, served

__all__ = ["fronted", "served"]


@pytest.fixture(scope="package")
def profile(app: Flask, token: Callable[..., str]) -> Iterator[Profile]:
    """Return Candor's profile; resources created with it are deleted at the end."""
    read = Profile.read(Path(__file__).parent / "profiles" / "candor.toml", fetches_tokens=False)
    yield replace(read, token=token("conformance", "tasks"), token_without_scope=token("conformance", "other:read"))
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(EMPTY)
