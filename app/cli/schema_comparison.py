"""PostgreSQL definitions that ``flask db check`` and ``flask db migrate`` compare in addition to Alembic.

Alembic compares check constraints by name only, and ignores the ``WHERE`` clause of an index. This module creates the
models' tables as temporary tables, in a transaction that is rolled back. Then it compares the catalogue's texts of both
sides: constraints, indexes, and the type, default, collation and nullability of columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from alembic.autogenerate import comparators
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Connection, MetaData, text

from app import product

CONSTRAINTS: Final = """
SELECT conname AS name, 'constraint' AS kind, pg_get_constraintdef(oid, true) AS said
FROM pg_constraint WHERE conrelid = to_regclass(:table) AND contype IN ('c', 'f', 'p', 'u', 'x')
"""
INDEXES: Final = """
SELECT relname, 'index', pg_get_indexdef(indexrelid, 0, true) || CASE WHEN indisvalid THEN '' ELSE ' (invalid)' END
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = to_regclass(:table) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
COLUMNS: Final = """
SELECT attname, 'column', concat_ws(' ', format_type(atttypid, atttypmod),
  CASE WHEN attcollation <> typcollation THEN 'COLLATE ' || attcollation::regcollation END,
  'DEFAULT ' || pg_get_expr(adbin, adrelid), CASE WHEN attnotnull THEN 'NOT NULL' END,
  'IDENTITY ' || nullif(attidentity::text, ''), 'GENERATED ' || nullif(attgenerated::text, ''))
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped
"""
DEFINITIONS: Final = text(f"{CONSTRAINTS} UNION ALL {INDEXES} UNION ALL {COLUMNS}")
Definitions = dict[tuple[str, str, str], str]
_LOG: Final = product.logger("migrations")
READS: Final = ("CHECK ", "FOREIGN KEY ")
"""Constraints for which PostgreSQL reads the table, unless they are added as not valid."""
NOT_VALID: Final = " NOT VALID"


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between the database and the models; ``None``: that side does not define it."""

    table: str
    kind: str
    name: str
    database: str | None
    models: str | None

    def __str__(self) -> str:
        """Return the difference in words."""
        sides = (f"{where} {definition or 'nothing'}" for where, definition in self._sides())
        return f"{self.kind} {self.name} of {self.table}: {', '.join(sides)}"

    def _sides(self) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
        return ("the database has", self.database), ("the models have", self.models)

    def sql(self, *, before: str | None, after: str | None) -> str:
        """Return the SQL from one definition to the other; for a column only a comment, because the author writes
        it.

        A constraint that reads the table is validated by the next migration, which does not lock the table.
        """
        if self.kind == "column":
            return f"-- to be written: column {self.table}.{self.name} from ({before}) to ({after})"
        if self.kind == "index":
            return "; ".join([f"DROP INDEX {self.name}"] * (before is not None) + ([] if after is None else [after]))
        if after is not None and before == f"{after}{NOT_VALID}":
            return f"ALTER TABLE {self.table} VALIDATE CONSTRAINT {self.name}"
        dropped = [f"DROP CONSTRAINT {self.name}"] if before is not None else []
        added = [f"ADD CONSTRAINT {self.name} {after}"] if after is not None else []
        return f"ALTER TABLE {self.table} {', '.join([*dropped, *added])}"


class Redefine(ops.ExecuteSQLOp):
    """An operation that changes the database's definition to that of the models; reversed, the other way round."""

    def __init__(self, difference: Difference, *, is_reversed: bool = False) -> None:
        before, after = difference.database, difference.models
        if is_reversed:
            before, after = after, before
        elif after is not None and after.startswith(READS) and before != f"{after}{NOT_VALID}":
            after += NOT_VALID
        super().__init__(difference.sql(before=before, after=after))
        self._difference, self._is_reversed = difference, is_reversed

    def reverse(self) -> "Redefine":
        """Return the reverse operation."""
        return Redefine(self._difference, is_reversed=not self._is_reversed)


def differences(connection: Connection, metadata: MetaData) -> list[Difference]:
    """Return the differences in tables that both sides have."""
    tables = [table.name for table in metadata.sorted_tables]
    found = {name: _definitions(connection, name) for name in tables}
    savepoint = connection.begin_nested()
    try:
        connection.exec_driver_sql("SET LOCAL search_path TO pg_temp")
        metadata.create_all(connection, checkfirst=False)
        expected = {name: _definitions(connection, name) for name in tables}
    finally:
        savepoint.rollback()
    return [
        Difference(table, kind, name, found[table].get((kind, name)), expected[table].get((kind, name)))
        for table in tables
        if found[table]
        for kind, name in sorted({*found[table], *expected[table]})
        if found[table].get((kind, name)) != expected[table].get((kind, name))
    ]


def _definitions(connection: Connection, table: str) -> dict[tuple[str, str], str]:
    return {(row.kind, row.name): row.said for row in connection.execute(DEFINITIONS, {"table": table})}


@comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
def compare(context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: object) -> PriorityDispatchResult:
    """Add an operation for each difference that Alembic has not found, and log each.

    It runs after Alembic's table comparison. A constraint is added after its column and dropped before it, and a table
    is dropped before the tables that it references.
    """
    connection, metadata = context.connection, context.metadata
    if connection is None or not isinstance(metadata, MetaData):
        return PriorityDispatchResult.CONTINUE
    upgrade.ops[:] = _referring_first(upgrade.ops)
    known = set(_named(upgrade.ops))
    for each in differences(connection, metadata):
        _LOG.warning("%s", each)
        if (each.table, each.name) not in known:
            upgrade.ops.insert(0 if each.models is None else len(upgrade.ops), Redefine(each))
    return PriorityDispatchResult.CONTINUE


def _referring_first(operations: list[Any]) -> list[Any]:
    """Return the operations with table drops at the end, referencing tables before referenced ones."""
    dropped = {each.table_name: each for each in operations if isinstance(each, ops.DropTableOp)}
    refers = {name: _referred(each) for name, each in dropped.items()}
    ordered: list[Any] = []
    while refers:
        name = next(
            (one for one in refers if all(one not in refers[each] or each == one for each in refers)),
            next(iter(refers)),
        )
        ordered.append(dropped[name])
        del refers[name]
    return [each for each in operations if not isinstance(each, ops.DropTableOp)] + ordered


def _referred(operation: ops.DropTableOp) -> set[str]:
    """Return the tables that the foreign keys of a dropped table reference."""
    return {key.target_fullname.rpartition(".")[0] for key in operation.to_table().foreign_keys}


def _named(operations: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the table and the name of everything that these operations change."""
    for each in operations:
        if isinstance(each, ops.ModifyTableOps):
            yield from _named(each.ops)
            continue
        table, column = (
            getattr(each, "table_name", None) or getattr(each, "source_table", ""),
            getattr(each, "column", None),
        )
        for name in ("constraint_name", "index_name", "column_name"):
            if found := getattr(each, name, None):
                yield str(table), str(found)
        if column is not None:
            yield str(table), str(column.name)
