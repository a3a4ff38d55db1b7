#!/usr/bin/env bash
# Alembic 1.20.1: when models are removed, autogenerate writes DROP TABLE statements in the iteration order of a Python
# set. Tables that it creates are sorted by their foreign keys; tables that it drops are not. Six tables, each of which
# references the one before, are dropped in an order that changes with the hash seed of the process, and a referenced
# table can come before the tables that reference it. Two engineers who run the same command on the same database get
# different migrations, and PostgreSQL rejects those with a referenced table first (SQLSTATE 2BP01).
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check alembic==1.20.1 sqlalchemy==2.1.9
cat > "$folder/removed.py" <<'PROGRAM'
from alembic.autogenerate import produce_migrations
from alembic.migration import MigrationContext
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, create_engine

NAMES = ["accounts", "baskets", "charges", "dockets", "entries", "folders"]
before = MetaData()
for name, referenced in zip(NAMES, [None, *NAMES]):
    parent = [Column("parent", ForeignKey(f"{referenced}.id"))] if referenced else []
    Table(name, before, Column("id", Integer, primary_key=True), *parent)
engine = create_engine("sqlite://")
with engine.connect() as connection:
    before.create_all(connection)
    dropped = [op.table_name for op in produce_migrations(MigrationContext.configure(connection), MetaData()).upgrade_ops.ops]
    before.drop_all(connection)
    created = [op.table_name for op in produce_migrations(MigrationContext.configure(connection), before).upgrade_ops.ops]
print("creates:", *created)
print("drops:", *dropped)
print("a referenced table first:", dropped != NAMES[::-1])
PROGRAM
for seed in 1 2 3 4 5 6; do
  PYTHONHASHSEED=$seed "$folder/venv/bin/python" "$folder/removed.py" > "$folder/$seed"
done
cat "$folder/1" "$folder/2"
test "$(grep -h creates "$folder"/[1-6] | sort -u)" = "creates: accounts baskets charges dockets entries folders"
test "$(grep -h drops "$folder"/[1-6] | sort -u | wc -l)" -gt 1
grep -qh "first: True" "$folder"/[1-6]
