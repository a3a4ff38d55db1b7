"""Flask's extensions, created once and bound to the application in the factory."""

from typing import Final

from flask_sqlalchemy import SQLAlchemy

from app.models.base import Base

db: Final = SQLAlchemy(model_class=Base, disable_autonaming=True, session_options={"expire_on_commit": False})
"""What was committed is answered as it was: read again, it could be somebody else's change by now, or gone."""
