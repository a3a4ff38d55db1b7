"""Migrations: one line of numbered revisions, which create exactly the schema that the models describe."""

import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

import flask_migrate
import pytest
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import to_tuple
from flask import Flask
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import DataError

from app.cli import schema_comparison
from app.config import ROOT
from app.errs import Error
from app.errs.platform import NotReady
from app.extensions import db
from app.models import Base
from app.repositories.autocommit_reads import Reads
from app.repositories.readiness import DatabaseChecks, expected_head
from tests.response_checks import CheckedClient
from tests.sent_statements import sent_by

pytestmark = pytest.mark.slow

INDEXED: Final = re.compile(r"CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?\w+ ON ")
STRICT_FROM: Final = "0012"
"""Migrations before this one were not applied where tables are large."""
BEHIND: Final = "0000"
FIRST, SECOND = (str(int(expected_head() or 0) + number) for number in (1, 2))
"""Revisions before and after all others."""
VERSION: Final = text("SELECT version_num FROM alembic_version")


CHECKED = "ALTER TABLE users DROP CONSTRAINT ck_users_name_length, ADD CONSTRAINT ck_users_name_length"
REFERENCED = (
    "ALTER TABLE refresh_tokens DROP CONSTRAINT fk_refresh_tokens_user_id_users,"
    " ADD CONSTRAINT fk_refresh_tokens_user_id_users"
)


@pytest.fixture
def directory() -> ScriptDirectory:
    """Return the revisions."""
    return ScriptDirectory(str(ROOT / "migrations"))


def tables(connection: Connection) -> set[str]:
    """Return the existing tables."""
    return set(inspect(connection).get_table_names())


class TestRevisions:
    def test_ids_are_numbers_greater_than_those_before_and_files_begin_with_them(
        self, directory: ScriptDirectory
    ) -> None:
        line = list(directory.walk_revisions())
        for script in line:
            assert all(int(before) < int(script.revision) for before in to_tuple(script.down_revision, ()))
        assert all(Path(script.path).name.startswith(f"{script.revision}_") for script in line)

    def test_the_newest_is_what_readiness_expects(self, directory: ScriptDirectory) -> None:
        assert expected_head() == directory.get_current_head()

    def test_a_folder_without_any_expects_nothing(self, tmp_path: Path) -> None:
        assert expected_head(tmp_path) is None


def perform(migration: ops.UpgradeOps | ops.DowngradeOps | None) -> None:
    """Execute the operations of a generated migration."""
    assert migration is not None
    with db.engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        for each in migration.ops:
            for operation in getattr(each, "ops", [each]):
                operations.invoke(operation)


class TestDefinitions:
    """A definition that differs from the models is found, and the generated migration corrects it."""

    @pytest.fixture
    def migrated(self, bare: Flask) -> Flask:
        """Return an application on a separate migrated database."""
        flask_migrate.upgrade()
        return bare

    @pytest.mark.parametrize(
        "change",
        [
            f"{CHECKED} CHECK (char_length(name) <= 99)",
            "ALTER TABLE users DROP CONSTRAINT ck_users_name_length",
            "ALTER TABLE users ADD CONSTRAINT ck_users_other CHECK (name <> '')",
            "ALTER TABLE jobs DROP CONSTRAINT pk_jobs, ADD CONSTRAINT pk_jobs PRIMARY KEY (id, kind)",
            f"{REFERENCED} FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE DEFERRABLE",
            f"{REFERENCED} FOREIGN KEY (user_id) REFERENCES users (id)",
            f"{REFERENCED} FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID",
            "DROP INDEX uq_users_email; CREATE UNIQUE INDEX uq_users_email ON users (email) WHERE name <> ''",
            "DROP INDEX uq_users_email; CREATE UNIQUE INDEX uq_users_email ON users (email DESC)",
            "DROP INDEX uq_users_email; CREATE UNIQUE INDEX uq_users_email ON users (email) INCLUDE (name)",
            "DROP INDEX uq_users_email; CREATE UNIQUE INDEX uq_users_email ON users (email text_pattern_ops)",
            "CREATE INDEX ix_users_extra ON users (name)",
        ],
    )
    def test_one_of_a_constraint_or_an_index(
        self, migrated: Flask, change: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with db.engine.begin() as connection:
            connection.exec_driver_sql(change)
        with db.engine.connect() as connection:
            found = schema_comparison.differences(connection, Base.metadata)
        assert found
        with pytest.raises(SystemExit):
            flask_migrate.check()
        assert all(str(each) in caplog.text for each in found)
        for _ in range(2):  # the second migration validates constraints
            with db.engine.begin() as connection:
                for each in schema_comparison.differences(connection, Base.metadata):
                    connection.exec_driver_sql(str(schema_comparison.Redefine(each).sqltext))
        with db.engine.connect() as connection:
            assert schema_comparison.differences(connection, Base.metadata) == []

    @pytest.mark.parametrize(
        "change",
        [
            "ALTER TABLE users ALTER name SET DEFAULT 'x'",
            "ALTER TABLE users ALTER name TYPE varchar(100)",
            'ALTER TABLE users ALTER name TYPE text COLLATE "C"',
            "ALTER TABLE users ALTER name DROP NOT NULL",
        ],
    )
    def test_one_of_a_column(self, migrated: Flask, change: str) -> None:
        with db.engine.begin() as connection:
            connection.exec_driver_sql(change)
        with pytest.raises(SystemExit):
            flask_migrate.check()

    def test_the_migration_that_is_generated_can_be_taken_back(self) -> None:
        shorter, longer = (f"CHECK (char_length(name) <= {most})" for most in (200, 300))
        difference = schema_comparison.Difference("users", "constraint", "ck_users_name_length", shorter, longer)
        upgrade = ops.UpgradeOps([schema_comparison.Redefine(difference)])
        assert f"op.execute('{CHECKED} {longer} NOT VALID')" in render_python_code(upgrade)
        assert f"op.execute('{CHECKED} {shorter}')" in render_python_code(upgrade.reverse())

    def test_the_next_migration_validates_a_constraint(self) -> None:
        """It reads the table without a lock that stops the service."""
        check = "CHECK (char_length(name) <= 300)"
        difference = schema_comparison.Difference("users", "constraint", "ck_users_name", f"{check} NOT VALID", check)
        upgrade = ops.UpgradeOps([schema_comparison.Redefine(difference)])
        assert "op.execute('ALTER TABLE users VALIDATE CONSTRAINT ck_users_name')" in render_python_code(upgrade)
        taken_back = "ALTER TABLE users DROP CONSTRAINT ck_users_name, ADD CONSTRAINT ck_users_name"
        assert f"op.execute('{taken_back} {check} NOT VALID')" in render_python_code(upgrade.reverse())

    @pytest.mark.parametrize(
        "change",
        [
            "ALTER TABLE tasks DROP COLUMN description",
            "ALTER TABLE tasks ADD COLUMN extra integer, ADD CONSTRAINT ck_tasks_extra_small CHECK (extra < 9)",
        ],
    )
    def test_a_column_with_a_constraint_is_migrated_up_and_down(self, migrated: Flask, change: str) -> None:
        """A constraint is added after its column and dropped before it."""
        with db.engine.begin() as connection:
            connection.exec_driver_sql(change)
            before = schema_comparison.differences(connection, Base.metadata)
            script = produce_migrations(MigrationContext.configure(connection), Base.metadata)
        assert script.upgrade_ops is not None
        assert "-- to be written" not in render_python_code(script.upgrade_ops)
        for migration, found in ((script.upgrade_ops, []), (script.downgrade_ops, before)):
            perform(migration)
            with db.engine.connect() as connection:
                left = schema_comparison.differences(connection, Base.metadata)
            if migration is script.upgrade_ops:
                left = [each for each in left if each.database != f"{each.models} NOT VALID"]
            assert left == found

    def test_a_table_is_dropped_before_those_that_it_refers_to(self, migrated: Flask) -> None:
        """Alembic drops tables in any order."""
        chain = [f"chained_{n}" for n in range(7)]
        with db.engine.begin() as connection:
            for before, name in pairwise(["users", *chain]):
                connection.exec_driver_sql(
                    f"CREATE TABLE {name} (id uuid PRIMARY KEY REFERENCES {before} (id), x integer)"
                )
                connection.exec_driver_sql(f"CREATE INDEX ix_{name} ON {name} (x)")
            script = produce_migrations(MigrationContext.configure(connection), Base.metadata)
        for migration, left in ((script.upgrade_ops, set()), (script.downgrade_ops, {*chain})):
            perform(migration)
            with db.engine.connect() as connection:
                assert tables(connection) & {*chain} == left

    def test_nothing_is_left_of_the_comparison(self, migrated: Flask) -> None:
        with db.engine.connect() as connection:
            before = connection.exec_driver_sql("SELECT count(*) FROM pg_class").scalar_one()
            assert schema_comparison.differences(connection, Base.metadata) == []
            assert connection.exec_driver_sql("SELECT count(*) FROM pg_class").scalar_one() == before


class TestUpgrade:
    def test_there_and_back_and_there_again(self, bare: Flask) -> None:
        made = {*Base.metadata.tables, "alembic_version"}
        for upgraded in (True, False, True):
            flask_migrate.upgrade() if upgraded else flask_migrate.downgrade(revision="base")
            with db.engine.connect() as connection:
                assert tables(connection) == (made if upgraded else {"alembic_version"})
        flask_migrate.check()

    def test_each_migration_is_a_transaction(self, bare: Flask, tmp_path: Path) -> None:
        """Migrations before a failed one stay applied, and their locks are released."""
        folder = tmp_path / "migrations"
        shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
        added = (FIRST, "CREATE TABLE first (id int)"), (SECOND, "SELECT 1 / 0")
        before = expected_head()
        for revision, statement in added:
            lines = [
                "from alembic import op",
                f'revision, down_revision = "{revision}", "{before}"',
                "branch_labels = depends_on = None",
                f"def upgrade(): op.execute({statement!r})",
            ]
            (folder / "versions" / f"{revision}.py").write_text("\n".join(lines))
            before = revision
        with pytest.raises(DataError):
            flask_migrate.upgrade(directory=str(folder))
        with db.engine.connect() as connection:
            assert "first" in tables(connection)
            assert connection.execute(VERSION).scalars().all() == [FIRST]

    def test_indexes_of_existing_tables_are_made_concurrently_in_separate_migrations(self, bare: Flask) -> None:
        """Otherwise no row can be written while PostgreSQL reads the whole table, and longer if it is locked before."""
        with sent_by(db.engine) as statements:
            flask_migrate.upgrade()
        checked, found = 0, by_revision(statements)
        for revision, sent in found.items():
            made = {*re.findall(r"CREATE TABLE (\w+)", "\n".join(sent))}
            indexes = [each for each in sent if INDEXED.match(each)]
            late = [each for each in indexes if INDEXED.sub("", each).split()[0] not in made]
            if revision < STRICT_FROM or not late:
                continue
            assert all("CONCURRENTLY" in each for each in late), revision
            assert not [each for each in sent if each.startswith(("ALTER TABLE", "CREATE TABLE"))], revision
            checked += len(late)
        assert checked or (ROOT / "fork.toml").exists()


def by_revision(statements: list[str]) -> dict[str, list[str]]:
    """Return the statements of each migration: it ends with the revision that is stored."""
    found, sent = {}, list[str]()
    for each in statements:
        stored = re.search(r"INTO alembic_version .*'(\w+)'|SET version_num='(\w+)'", each)
        if stored:
            found[stored[1] or stored[2]] = sent
            sent = []
        else:
            sent.append(each)
    return found


class TestReadiness:
    def reason(self, app: Flask, url: str, revision: str | None) -> str | None:
        """Return the reason that the check fails at a revision; an empty string when it passes."""
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num text)"))
            connection.execute(text("DELETE FROM alembic_version"))
            if revision is not None:
                connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
        try:
            with app.app_context():
                checks = DatabaseChecks(Reads(lambda: engine)).all()
                assert checks["migrations"]()
        except Error as error:
            return error.detail
        finally:
            engine.dispose()
        return None

    def test_at_head_it_passes(self, app: Flask, make_database: Callable[[str], str]) -> None:
        url = make_database("revisions")
        head = expected_head()
        assert head is not None
        assert self.reason(app, url, head) is None
        for revision in (BEHIND, FIRST, None, "elsewhere"):
            reason = f"the schema is at {revision or 'no migration'}, this code is written for {head}"
            assert self.reason(app, url, revision) == reason

    def test_an_empty_database_is_not_at_head(self, bare: Flask) -> None:
        checks = DatabaseChecks(Reads(lambda: db.engine)).all()
        assert checks["database"]()
        with pytest.raises(Error):
            checks["migrations"]()

    @pytest.mark.parametrize("stored", [BEHIND, FIRST])
    def test_readyz_names_migrations_of_another_release(
        self, make_application: Callable[..., Flask], make_database: Callable[[str], str], stored: str
    ) -> None:
        url = make_database("off")
        off = make_application(database_url=url)
        with off.app_context():
            flask_migrate.upgrade()
            with db.engine.begin() as connection:
                update = text("UPDATE alembic_version SET version_num = :revision")
                connection.execute(update, {"revision": stored})
            response = CheckedClient(off).get("/readyz")
            db.engine.dispose()
        assert response.status_code == 503
        assert response.json is not None
        assert response.json["code"] == NotReady.code
        assert response.json["checks"] | {"draining": "ok"} == {
            "database": "ok",
            "migrations": "failed",
            "draining": "ok",
        }

    def test_a_database_that_cannot_be_written_is_not_ready(
        self, make_application: Callable[..., Flask], make_database: Callable[[str], str]
    ) -> None:
        url = make_database("readonly")
        only = make_application(database_url=url)
        name = url.rpartition("/")[2].partition("?")[0]
        with only.app_context():
            flask_migrate.upgrade()
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
            db.engine.dispose()
            response = CheckedClient(only).get("/readyz")
            db.engine.dispose()
        assert response.json is not None
        assert (response.json["checks"]["database"], response.json["checks"]["migrations"]) == ("failed", "ok")
