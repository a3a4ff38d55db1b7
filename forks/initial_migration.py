"""Replaces all migrations by one that creates the tables of the models. It keeps the last revision.

A database that the former migrations created is at this revision already, and stays as it is.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.script import ScriptDirectory
from alembic.util import template_to_file
from sqlalchemy import ARRAY, Table, TypeDecorator
from sqlalchemy.dialects import postgresql

from app.models import Base

FOLDER = Path("migrations")


def replace(root: Path) -> Path:
    """Write the migration, delete the former ones, and return its path.

    Raises:
        ValueError: there is not exactly one head.
    """
    (head,) = ScriptDirectory(str(root / FOLDER)).get_heads()
    for path in (root / FOLDER / "versions").glob("*.py"):
        path.unlink()
    creation = created(Base.metadata.sorted_tables)
    return write(root, f"{head}_tables.py", head, None, "All tables.", creation, creation.reverse())


def created(tables: Iterable[Table]) -> ops.UpgradeOps:
    """Return the operations that create tables."""
    return ops.UpgradeOps([operation for table in tables for operation in _created(table)])


def write(
    root: Path,
    name: str,
    revision: str,
    previous: str | None,
    message: str,
    upgrade: ops.UpgradeOps | ops.DowngradeOps,
    downgrade: ops.UpgradeOps | ops.DowngradeOps,
) -> Path:
    """Write a migration, and return its path."""
    up, down = (render_python_code(each, render_item=_rendered) for each in (upgrade, downgrade))
    made = root / FOLDER / "versions" / name
    template_to_file(
        str(root / FOLDER / "script.py.mako"),
        str(made),
        "utf-8",
        message=message,
        imports="from sqlalchemy.dialects import postgresql\n" if "postgresql." in up + down else "",
        up_revision=revision,
        down_revision=previous,
        branch_labels=None,
        depends_on=None,
        upgrades=up,
        downgrades=down,
    )
    return made


def _created(table: Table) -> list[ops.MigrateOperation]:
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    return [ops.CreateTableOp.from_table(table), *map(ops.CreateIndexOp.from_index, indexes)]


def _rendered(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write a type as plain SQL, because a migration must not depend on the models."""
    if kind != "type":
        return False
    plain = item.impl_instance if isinstance(item, TypeDecorator) else item
    if isinstance(plain, ARRAY):
        return f"sa.ARRAY(sa.{plain.item_type!r})"
    if isinstance(plain, postgresql.JSONB):
        return "postgresql.JSONB()"
    return f"sa.{plain!r}" if plain is not item else False
