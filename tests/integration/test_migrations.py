"""Migrations: one line of numbered revisions, which make exactly the schema that the models describe."""

from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import CheckConstraint, Connection, create_engine, inspect, text

from app import create_app
from app.cli import definitions, migrations
from app.config import ROOT, Settings
from app.errs import Error
from app.errs.platform import NotReady
from app.extensions import db
from app.models import Base
from app.repositories.readiness import DatabaseChecks, expected_head
from app.repositories.reads import Reads
from tests.integration.conftest import Database
from tests.oracle import CheckedClient

CONSTRAINTS = text("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = to_regclass(:table)")

CHECKED = "ALTER TABLE users DROP CONSTRAINT ck_users_name_length, ADD CONSTRAINT ck_users_name_length"
REFERENCED = (
    "ALTER TABLE refresh_tokens DROP CONSTRAINT fk_refresh_tokens_user_id_users,"
    " ADD CONSTRAINT fk_refresh_tokens_user_id_users"
)


@pytest.fixture
def directory() -> ScriptDirectory:
    """Return the revisions."""
    return ScriptDirectory(str(ROOT / "migrations"))


@pytest.fixture
def bare(make_database: Callable[[str], str]) -> Iterator[Flask]:
    """Return an application on a database with nothing in it."""
    app = create_app(Settings(database_url=make_database("bare"), jwt_secret="x" * 32, log_level="WARNING"))
    migrations.bind(app)
    with app.app_context():
        yield app
        db.engine.dispose()


def tables(connection: Connection) -> set[str]:
    """Return the tables there are."""
    return set(inspect(connection).get_table_names())


class TestRevisions:
    def test_they_form_one_line(self, directory: ScriptDirectory) -> None:
        assert len(directory.get_heads()) == len(directory.get_bases()) == 1
        assert not any(script.is_branch_point or script.is_merge_point for script in directory.walk_revisions())

    def test_they_are_numbered_without_a_gap_and_so_are_their_files(self, directory: ScriptDirectory) -> None:
        line = list(directory.walk_revisions())[::-1]
        assert [script.revision for script in line] == [f"{number:04d}" for number in range(1, len(line) + 1)]
        assert all(Path(script.path).name.startswith(f"{script.revision}_") for script in line)

    def test_the_newest_is_what_readiness_expects(self, directory: ScriptDirectory) -> None:
        assert expected_head() == directory.get_current_head()

    def test_a_folder_without_any_expects_nothing(self, tmp_path: Path) -> None:
        assert expected_head(tmp_path) is None


class TestSchema:
    def test_it_is_what_the_models_describe(self, app: Flask) -> None:
        with app.app_context():
            flask_migrate.check()

    def test_checks_bear_the_models_names(self, database: Database) -> None:
        """Alembic does not compare them, and errors are told by them."""
        with database.engine.connect() as connection:
            for table in Base.metadata.sorted_tables:
                named = {str(each.name) for each in table.constraints if isinstance(each, CheckConstraint)}
                assert set(connection.execute(CONSTRAINTS, {"table": table.name}).scalars()) == named


class TestDefinitions:
    """A definition that the models do not have is found, and the migration that is generated makes it theirs."""

    @pytest.fixture
    def migrated(self, bare: Flask) -> Flask:
        """Return an application on a migrated database of its own."""
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
            found = definitions.differences(connection, Base.metadata)
        assert found
        with pytest.raises(SystemExit):
            flask_migrate.check()
        assert all(str(each) in caplog.text for each in found)
        with db.engine.begin() as connection:
            for each in found:
                connection.exec_driver_sql(str(definitions.Redefine(each).sqltext))
        with db.engine.connect() as connection:
            assert definitions.differences(connection, Base.metadata) == []

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
        difference = definitions.Difference("users", "constraint", "ck_users_name_length", shorter, longer)
        upgrade = ops.UpgradeOps([definitions.Redefine(difference)])
        assert f"op.execute('{CHECKED} {longer}')" in render_python_code(upgrade)
        assert f"op.execute('{CHECKED} {shorter}')" in render_python_code(upgrade.reverse())

    def test_nothing_is_left_of_the_comparison(self, migrated: Flask) -> None:
        with db.engine.connect() as connection:
            before = connection.exec_driver_sql("SELECT count(*) FROM pg_class").scalar_one()
            assert definitions.differences(connection, Base.metadata) == []
            assert connection.exec_driver_sql("SELECT count(*) FROM pg_class").scalar_one() == before


class TestUpgrade:
    def test_there_and_back_and_there_again(self, bare: Flask) -> None:
        made = {*Base.metadata.tables, "alembic_version"}
        for upgraded in (True, False, True):
            flask_migrate.upgrade() if upgraded else flask_migrate.downgrade(revision="base")
            with db.engine.connect() as connection:
                assert tables(connection) == (made if upgraded else {"alembic_version"})
        flask_migrate.check()


class TestReadiness:
    def reason(self, app: Flask, url: str, revision: str | None) -> str | None:
        """Return why the check fails at a revision; nothing when it passes."""
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
        behind, ahead = (f"{int(head) + step:04d}" for step in (-1, 1))
        for revision in (behind, ahead, None, "elsewhere"):
            said = f"the schema is at {revision or 'no migration'}, this code is written for {head}"
            assert self.reason(app, url, revision) == said

    def test_an_empty_database_is_not_at_head(self, bare: Flask) -> None:
        checks = DatabaseChecks(Reads(lambda: db.engine)).all()
        assert checks["database"]()
        with pytest.raises(Error):
            checks["migrations"]()

    @pytest.mark.parametrize("step", [-1, 1])
    def test_readyz_names_migrations_one_revision_off(
        self, make_application: Callable[..., Flask], make_database: Callable[[str], str], step: int
    ) -> None:
        url = make_database("off")
        off = make_application(database_url=url)
        with off.app_context():
            flask_migrate.upgrade()
            with db.engine.begin() as connection:
                revision = {"revision": f"{int(expected_head() or 0) + step:04d}"}
                connection.execute(text("UPDATE alembic_version SET version_num = :revision"), revision)
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
