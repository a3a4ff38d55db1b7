"""The migration that drops the tables of removed parts. It is written before their models are deleted."""

from collections.abc import Iterable
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import Table

from app.cli.revision_ids import new_id
from app.models import Base
from forks.initial_migration import FOLDER, created, write
from forks.python_source import name_of


def tables_of(modules: Iterable[Path]) -> list[Table]:
    """Return the tables that models in these modules have, in the order of their creation."""
    names = {name_of(path) for path in modules}
    found = {mapper.local_table for mapper in Base.registry.mappers if mapper.class_.__module__ in names}
    return [table for table in Base.metadata.sorted_tables if table in found]


def add(root: Path, names: str, tables: Iterable[Table]) -> Path:
    """Write the migration after the last one, and return its path. The rows are lost.

    Raises:
        ValueError: there is not exactly one head.
    """
    (head,) = ScriptDirectory(str(root / FOLDER)).get_heads()
    creation, revision = created(tables), new_id(head)
    name = f"{revision}_drop_{names}.py"
    return write(root, name, revision, head, f"Drop the tables of {names}.", creation.reverse(), creation)
