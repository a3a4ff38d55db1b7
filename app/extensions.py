"""Flask's extensions, created once and bound to the application in the factory.

Flask-Limiter is not among them: it keeps the limits of the first application that it is bound to (see hooks.limits).
"""

from typing import Any, Final

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, Engine

from app.models.base import Base
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
