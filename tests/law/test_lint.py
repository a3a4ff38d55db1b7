"""The rules of ``tests/lint``: each finds its fault, and nothing else."""

import ast
from typing import Final

import pytest

from tests.lint import migrations, rules
from tests.lint.__main__ import findings

UPGRADE: Final = 'revision = "20300101000000"\n\n\ndef upgrade() -> None:\n'
LOCKS: Final = {
    'op.create_index("ix", "tasks", ["title"])': "create_index blocks writes",
    'op.create_unique_constraint("uq", "tasks", ["title"])': "create_unique_constraint blocks writes",
    'op.create_check_constraint("ck", "tasks", "version > 0")': "create_check_constraint reads the table",
    'op.create_foreign_key("fk", "tasks", "users", ["a"], ["id"])': "create_foreign_key reads the table",
    'op.alter_column("tasks", "title", nullable=False)': "nullable=False reads the table",
    'op.alter_column("tasks", "version", type_=sa.BigInteger())': "a changed type rewrites the table",
    'op.add_column("tasks", sa.Column("a", sa.Uuid(), server_default=sa.func.random()))': "a volatile default",
    'op.add_column("tasks", sa.Column("a", sa.Text(), nullable=False))': "a column that is NOT NULL without a default",
    'op.execute("CREATE INDEX ix ON tasks (title)")': "CREATE INDEX blocks writes",
    'op.execute("ALTER TABLE tasks ALTER title SET NOT NULL")': "SET NOT NULL reads the table",
    'op.execute("ALTER TABLE tasks ADD CONSTRAINT ck CHECK (version > 0)")': "ADD CONSTRAINT reads the table",
}
"""The rules of squawk 2.70 have findings for each of these, too."""
HARMLESS: Final = (
    'op.create_index("ix", "tasks", ["title"], postgresql_concurrently=True)',
    'op.create_table("notes")\n    op.create_index("ix", "notes", ["title"])',
    'op.create_check_constraint("ck", "tasks", "version > 0", postgresql_not_valid=True)',
    'op.execute("ALTER TABLE tasks ADD CONSTRAINT ck CHECK (version > 0) NOT VALID")',
    'op.execute("ALTER TABLE tasks VALIDATE CONSTRAINT ck")',
    'op.execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON tasks (title)")',
    'op.add_column("tasks", sa.Column("a", sa.Text(), nullable=True))',
    'op.add_column("tasks", sa.Column("a", sa.Integer(), server_default=sa.text("1"), nullable=False))',
    'op.alter_column("tasks", "title", nullable=True)',
)


def found(rule: rules.Rule, source: str) -> list[str]:
    """Return the sentences of a rule about a source."""
    return [sentence for _, sentence in rule(ast.parse(source))]


@pytest.mark.parametrize("operation", LOCKS)
def test_an_operation_that_locks_is_found(operation: str) -> None:
    (sentence,) = found(migrations.locks, f"{UPGRADE}    {operation}\n")
    assert sentence.startswith(LOCKS[operation])


@pytest.mark.parametrize("operation", HARMLESS)
def test_an_operation_that_does_not_lock_is_not_found(operation: str) -> None:
    assert found(migrations.locks, f"{UPGRADE}    {operation}\n") == []


def test_an_operation_in_a_function_of_the_migration_is_found() -> None:
    (operation, *_) = LOCKS
    source = (
        f"{UPGRADE}    make()\n\n\ndef make() -> None:\n    {operation}\n\n\ndef other() -> None:\n    {operation}\n"
    )
    assert len(found(migrations.locks, source)) == 1


def test_a_migration_that_was_applied_long_ago_is_not_checked() -> None:
    (operation, *_) = LOCKS
    assert found(migrations.locks, f"{UPGRADE}    {operation}\n".replace("20300101000000", "0001")) == []


@pytest.mark.parametrize("caught", ["Exception", "(KeyError, Exception)", "BaseException", ""])
def test_a_broad_except_is_found(caught: str) -> None:
    assert (
        len(found(rules.broad_except, f"try:\n    pass\nexcept {caught}:\n    pass\n".replace("except :", "except:")))
        == 1
    )
    assert found(rules.broad_except, "try:\n    pass\nexcept (KeyError, Error):\n    pass\n") == []


@pytest.mark.parametrize(
    "decorators",
    [
        '@blp.route("/a", methods=("POST",))\n@blp.response(HTTPStatus.CREATED, A)',
        '@blp.route("/a", methods=["POST"])\n@blp.response(201, A)',
        '@blp.route("/a:batchCreate", methods=("POST",))\n@blp.response(HTTPStatus.OK, A)',
        '@blp.post("/a")\n@blp.response(201, A)',
    ],
)
def test_a_creation_without_once_is_found(decorators: str) -> None:
    assert len(found(rules.creation_without_once, f"{decorators}\ndef create(): pass\n")) == 1
    route, response = decorators.split("\n")
    assert found(rules.creation_without_once, f"{route}\n@once\n{response}\ndef create(): pass\n") == []


def test_a_transaction_has_one_commit_in_the_service() -> None:
    unit = "with self._unit_of_work() as unit:\n    unit.tasks.add(task)\n"
    assert len(found(rules.unit_of_work_without_commit, unit)) == 1
    assert found(rules.unit_of_work_without_commit, f"{unit}    unit.commit()\n") == []
    assert len(found(rules.commit_in_a_repository, "self._session.commit()\nself._session.rollback()\n")) == 2


def test_rules_apply_to_their_files() -> None:
    assert rules.broad_except in rules.of("app/services/tasks.py")
    assert rules.broad_except not in rules.of("app/services/jobs.py")
    assert rules.of("app/observability/logs.py") == ()
    assert findings("app/services/tasks.py") == []
