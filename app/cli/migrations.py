"""``flask db``, from Flask-Migrate. Serving processes never import it, because Alembic takes half a second."""

from flask import Flask

from app.config import ROOT
from app.extensions import db


def bind(app: Flask) -> None:
    """Register Flask-Migrate with the folder of this application's migrations."""
    from flask_migrate import Migrate  # noqa: PLC0415 -- see above

    Migrate(app, db, directory=str(ROOT / "migrations"), compare_type=True)
