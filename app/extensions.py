"""Flask's extensions, created once and bound to the application in the factory."""

import logging
from collections.abc import Collection, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy, record_queries
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, Engine, event

from app.models.declarative_base import Base
from app.rate_limiting import Limiter, declared_limits
from app.repositories import transaction

LATE: Final = ("SQLALCHEMY_ECHO", "SQLALCHEMY_RECORD_QUERIES")
"""Settings that can also be changed after the engines are created."""
EARLY: Final = ("SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_ENGINE_OPTIONS", "SQLALCHEMY_BINDS")
"""Settings that determine the engines."""
SETTINGS: Final = (*LATE, *EARLY)


class JoiningSession(Session):
    """Flask-SQLAlchemy's session; inside a unit of work it uses the unit's transaction."""

    @property
    def expire_on_commit(self) -> bool:
        """True if entities are loaded again after a commit; false within a unit of work.

        Its entities are returned as committed: loaded again, they might contain changes of another request.
        """
        return self._expires and transaction.current.get() is None

    @expire_on_commit.setter
    def expire_on_commit(self, expires: bool) -> None:
        self._expires = expires

    def get_bind(
        self, mapper: Any = None, clause: Any = None, bind: Engine | Connection | None = None, **named: Any
    ) -> Engine | Connection:
        """Return the connection or engine for statements; models with a ``__bind_key__`` keep their own engine."""
        joined = transaction.current.get()
        if joined is None or bind is not None:
            transaction.Usage.is_outside = True
            return super().get_bind(mapper, clause, bind, **named)
        if db.has_binds and (found := super().get_bind(mapper, clause, **named)) is not joined.engine:
            return found
        return joined.connection


class Database(SQLAlchemy):
    """Flask-SQLAlchemy, with listeners that can be switched after ``create_app``, which creates the engines."""

    def __init__(self, **options: Any) -> None:
        self.has_binds = False
        """True if any application has more than one database."""
        self._applied: WeakKeyDictionary[Flask, tuple[object, ...]] = WeakKeyDictionary()
        super().__init__(**options)

    def init_app(self, app: Flask) -> None:
        """Create the engines of an application."""
        super().init_app(app)
        self.has_binds = self.has_binds or bool(app.config["SQLALCHEMY_BINDS"])
        self._applied[app] = tuple(_copied(app.config[name]) for name in SETTINGS)

    def _teardown_session(self, exc: BaseException | None) -> None:
        """Remove the session of the application context, if there is any session at all."""
        if self.session.registry.registry:
            super()._teardown_session(exc)

    @property
    def engines(self) -> Mapping[str | None, Engine]:
        """The engines of the current application, by bind key.

        Raises:
            RuntimeError: a setting that determines the engines was changed afterwards.
        """
        engines: Mapping[str | None, Engine] = super().engines
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 -- public
        applied, wanted = self._applied[app], tuple(map(app.config.__getitem__, SETTINGS))
        if wanted != applied:
            changed = {name for name, old, new in zip(SETTINGS, applied, wanted, strict=True) if old != new}
            if late := ", ".join(sorted(changed.difference(LATE))):
                before = "as DATABASE_URL" if late == EARLY[0] else "with create_app(config=…) or as FLASK_<name>"
                raise RuntimeError(f"create_app() has made the database engines; set {late} before, {before}")
            _switch(changed, app.config, engines)
            self._applied[app] = tuple(map(_copied, wanted))
        return engines


def _copied(value: object) -> object:
    return dict(value) if isinstance(value, dict) else value


def _switch(changed: Collection[str], config: Mapping[str, Any], engines: Mapping[str | None, Engine]) -> None:
    for engine in engines.values():
        if "SQLALCHEMY_ECHO" in changed:
            engine.echo = config["SQLALCHEMY_ECHO"]
        if "SQLALCHEMY_RECORD_QUERIES" in changed and config["SQLALCHEMY_RECORD_QUERIES"]:
            record_queries._listen(engine)  # noqa: SLF001 -- Flask-SQLAlchemy calls it in init_app only
        elif "SQLALCHEMY_RECORD_QUERIES" in changed:
            event.remove(engine, "before_cursor_execute", record_queries._record_start)  # noqa: SLF001
            event.remove(engine, "after_cursor_execute", record_queries._record_end)  # noqa: SLF001


db: Final = Database(
    model_class=Base,
    session_options={
        "class_": JoiningSession,
        "join_transaction_mode": "control_fully",
    },
)

limiter: Final = Limiter(key_func=declared_limits.client_address, application_limits=[*declared_limits.APPLICATION])
"""``RATE_LIMIT`` applies to every route; Flask-Limiter's other features, such as ``@limiter.limit``, also work."""
limiter.logger.setLevel(logging.WARNING)  # at INFO it logs keys, which are addresses of clients
