"""Flask's extensions, created once and bound to the application in the factory."""

from typing import Final

from flask import current_app
from flask_limiter import Limiter
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from app.models.base import Base

db: Final = SQLAlchemy(model_class=Base, disable_autonaming=True)
migrate: Final = Migrate()
limiter: Final = Limiter(
    key_func=lambda: current_app.extensions["candor-client-address"](),
    headers_enabled=False,
    in_memory_fallback_enabled=True,
    strategy="fixed-window",
)
