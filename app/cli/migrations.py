"""``flask db``, which Flask-Migrate brings. A serving process never imports it: Alembic costs half a second."""

from flask import Flask

from app.config import ROOT
from app.extensions import db


def bind(app: Flask) -> None:
    """Tell Flask-Migrate where the migrations of this application are."""
    from flask_migrate import Migrate  # noqa: PLC0415 -- see above

    Migrate(app, db, directory=str(ROOT / "migrations"), compare_type=True)
