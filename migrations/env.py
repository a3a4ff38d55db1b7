"""Runs migrations online, on the application's own engine."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Literal

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Connection, TypeDecorator
from sqlalchemy.exc import DBAPIError

from app import errs, product
from app.cli import revision_ids, schema_comparison, schema_upgrade
from app.models import Base
from app.repositories.engine import reason_of

COMPARED = schema_comparison.compare
"""The import makes Alembic also compare the definitions of constraints and indexes."""


def identify_revision(
    _context: MigrationContext, revision: str | Iterable[str | None], directives: list[MigrationScript]
) -> None:
    """Give the revision an ID. Write none if nothing has changed."""
    (script,) = directives
    if getattr(context.config.cmd_opts, "autogenerate", False) and script.upgrade_ops and script.upgrade_ops.is_empty():
        directives.clear()
        return
    heads = [revision] if isinstance(revision, str) else revision
    newest = max((each for each in heads if each and each.isdecimal()), key=int, default="")
    script.rev_id = revision_ids.new_id(newest)


def render_item(kind: str, item: object, _autogen_context: object) -> str | Literal[False]:
    """Write a custom type as its plain SQL type, because a migration must not depend on the models."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


def run(connection: Connection) -> None:
    """Run the command, with a transaction for each migration and a short lock timeout."""
    connection.exec_driver_sql("SET lock_timeout = '1s'")
    connection.commit()
    if command == "upgrade" and schema_upgrade.is_ahead(connection, ScriptDirectory.from_config(context.config)):
        return
    with context.begin_transaction():
        context.run_migrations()


try:
    connecting = current_app.extensions["migrate"].db.engine.connect()
except (errs.Error, DBAPIError) as error:
    raise SystemExit(f"{product.SLUG}: no connection to the database: {reason_of(error)}") from None
with connecting as connection:
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        process_revision_directives=identify_revision,
        on_version_apply=schema_upgrade.store_compatibility,
        transaction_per_migration=True,
    )
    command = getattr(context.get_context().opts.get("fn"), "__name__", "")
    with schema_upgrade.locked(connection) if command in schema_upgrade.CHANGING else nullcontext():
        run(connection)
