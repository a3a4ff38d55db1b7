"""Migrations by another release while this one serves, each with the statements that revert it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy import create_engine

from app.config import Settings

TABLE: Final = "ALTER TABLE tasks"
CHANGES: Final[Mapping[str, tuple[str, str]]] = {
    "widened": (f"{TABLE} ALTER version TYPE bigint", f"{TABLE} ALTER version TYPE integer"),
    "limited": (f"{TABLE} ALTER title TYPE varchar(200)", f"{TABLE} ALTER title TYPE text"),
    "added": (f"{TABLE} ADD shelf text NOT NULL DEFAULT ''", f"{TABLE} DROP shelf"),
    "renamed behind a view": (
        f"{TABLE} RENAME TO tasks_2; CREATE VIEW tasks AS SELECT * FROM tasks_2",
        "DROP VIEW tasks; ALTER TABLE tasks_2 RENAME TO tasks",
    ),
}


@contextmanager
def changed(settings: Settings, name: str) -> Iterator[None]:
    """Make a change, and revert it at the end."""
    make, undo = CHANGES[name]
    engine = create_engine(settings.database_url)
    try:
        with engine.begin() as admin:
            admin.exec_driver_sql(make)
        try:
            yield
        finally:
            with engine.begin() as admin:
                admin.exec_driver_sql(undo)
    finally:
        engine.dispose()
