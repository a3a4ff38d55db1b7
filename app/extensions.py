"""Flask's extensions, created once and bound to the application in the factory."""

import logging
from typing import Any, Final

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, Engine

from app.models.base import Base
from app.rate_limiting import Limiter, limits
from app.repositories import transaction


class JoiningSession(Session):
    """Flask-SQLAlchemy's session; inside a unit of work it is part of its transaction."""

    def get_bind(
        self, mapper: Any = None, clause: Any = None, bind: Engine | Connection | None = None, **named: Any
    ) -> Engine | Connection:
        """Return what statements are sent on."""
        joined = transaction.current.get()
        return super().get_bind(mapper, clause, joined.connection if bind is None and joined else bind, **named)


db: Final = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={
        "class_": JoiningSession,
        "expire_on_commit": False,
        "join_transaction_mode": "control_fully",
    },
)
"""What was committed is answered as it was: read again, it could be somebody else's change by now, or gone."""

limiter: Final = Limiter(key_func=limits.client_address, application_limits=[*limits.APPLICATION])
"""``RATE_LIMIT`` applies to every route; ``@limiter.limit`` and the rest of Flask-Limiter's manual work beside it."""
limiter.logger.setLevel(logging.WARNING)  # at INFO it logs keys, which are addresses of clients
