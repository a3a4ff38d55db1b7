"""Flask's extensions, created once and bound to the application in the factory.

Flask-Limiter is not among them: it keeps the limits of the first application that it is bound to (see hooks.limits).
"""

from typing import Final

from flask_sqlalchemy import SQLAlchemy

from app.models.base import Base

db: Final = SQLAlchemy(model_class=Base, disable_autonaming=True, session_options={"expire_on_commit": False})
"""What was committed is answered as it was: read again, it could be somebody else's change by now, or gone."""
