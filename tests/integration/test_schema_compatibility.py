"""A schema that is newer than the code: the releases that run on it, and the result of ``flask db upgrade``."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text

from app.cli import schema_upgrade
from app.config import ROOT
from app.extensions import db
from app.repositories.readiness import STORED, expected_head
from tests.response_checks import CheckedClient

pytestmark = pytest.mark.slow

NEWER = '''"""One migration more."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{new}", "{head}", None, None
{declared}


def upgrade() -> None:
    op.add_column("tasks", sa.Column("colour", sa.Text(), nullable=True))
    op.create_table("colours", sa.Column("name", sa.Text(), primary_key=True))
    {also}


def downgrade() -> None:
    op.drop_table("colours")
    op.drop_column("tasks", "colour")
'''
HEAD = expected_head() or ""
NEXT, MERGED = (f"{int(HEAD) + number:04d}" for number in (1, 2))
OLDEST = schema_upgrade.compatible_since(ScriptDirectory(str(ROOT / "migrations")), [HEAD])
Upgrade = Callable[..., Path]


@pytest.fixture
def released(make_application: Callable[..., Flask], make_database: Callable[[str], str]) -> Iterator[Flask]:
    """Return the application of this release on a separate database."""
    app = make_application(database_url=make_database("released"))
    with app.app_context():
        flask_migrate.upgrade()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def newer(tmp_path: Path) -> Upgrade:
    """Return a factory of the migrations of the next release."""

    def make(declared: str, also: str = "") -> Path:
        folder = tmp_path / "migrations"
        shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
        text = NEWER.format(new=NEXT, head=HEAD, declared=declared, also=also)
        (folder / "versions" / f"{NEXT}_newer.py").write_text(text)
        return folder

    return make


def upgraded(app: Flask, folder: Path) -> None:
    """Migrate the database as the next release does."""
    with app.app_context():
        flask_migrate.upgrade(directory=str(folder))


def flask(app: Flask, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of this release on the database of an application."""
    with app.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
    environ = os.environ | {"APP_ENV": "development", "DATABASE_URL": url, "JWT_SECRET": "x" * 32}
    return subprocess.run(
        [sys.executable, "-m", "flask", *words], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def readiness(app: Flask) -> int:
    """Return the status of ``/readyz``."""
    return CheckedClient(app).get("/readyz").status_code


def create_and_read(app: Flask, token: str) -> None:
    """Use tasks as a client of this release does."""
    client, bearer = CheckedClient(app), {"Authorization": f"Bearer {token}"}
    made = client.post("/v1/tasks", json={"task": {"title": "Buy milk"}}, headers=bearer)
    assert made.status_code == 201
    place = made.headers["Location"]
    changed = client.patch(place, json={"title": "Buy oats"}, headers=bearer | {"If-Match": made.headers["ETag"]})
    assert changed.status_code == 200
    assert client.get(place, headers=bearer).get_json()["title"] == "Buy oats"
    assert client.delete(place, headers=bearer).status_code == 200


class TestReadiness:
    def test_the_previous_release_stays_ready_and_serves_after_a_compatible_migration(
        self, released: Flask, newer: Upgrade, token: Callable[..., str]
    ) -> None:
        upgraded(released, newer(f'compatible_since = "{HEAD}"'))
        assert readiness(released) == 200
        create_and_read(released, token())

    @pytest.mark.parametrize("declared", [f'compatible_since = "{NEXT}"', ""])
    def test_it_is_not_ready_after_a_migration_that_does_not_declare_that(
        self, released: Flask, newer: Upgrade, declared: str
    ) -> None:
        upgraded(released, newer(declared))
        assert readiness(released) == 503

    def test_a_later_compatible_migration_does_not_hide_an_earlier_incompatible_one(
        self, released: Flask, newer: Upgrade
    ) -> None:
        folder = newer("")
        after = NEWER.format(new=f"{int(NEXT) + 1:04d}", head=NEXT, declared=f'compatible_since = "{HEAD}"', also="")
        after = after.replace("colour", "shade")
        (folder / "versions" / "after.py").write_text(after)
        upgraded(released, folder)
        assert readiness(released) == 503

    @pytest.mark.parametrize(("since", "expected"), [(HEAD, 200), (MERGED, 503)])
    def test_of_two_lines_the_merge_revision_counts_from_the_first_migration_on(
        self, released: Flask, newer: Upgrade, since: str, expected: int
    ) -> None:
        """``make upstream`` writes one where a fork and upstream both have new migrations."""
        folder = newer(f'compatible_since = "{OLDEST}"')
        before = ScriptDirectory(str(ROOT / "migrations")).get_revision(HEAD).down_revision
        path = folder / "versions" / f"{NEXT}_newer.py"
        path.write_text(path.read_text().replace(f'= "{NEXT}", "{HEAD}"', f'= "{NEXT}", {before!r}'))
        facts = f'"{MERGED}", ("{HEAD}", "{NEXT}"), "{since}"\n'
        (folder / "versions" / f"{MERGED}_merge.py").write_text(
            f"revision, down_revision, compatible_since = {facts}\n\ndef upgrade() -> None:\n    pass\n"
        )
        for revision in (NEXT, "head"):
            with released.app_context():
                flask_migrate.upgrade(directory=str(folder), revision=revision)
            assert readiness(released) == expected
            assert (flask(released, "db", "upgrade").returncode == 0) is (expected == 200)

    def test_a_downgrade_takes_the_declaration_back(self, released: Flask, newer: Upgrade) -> None:
        folder = newer("")
        upgraded(released, folder)
        with released.app_context():
            flask_migrate.downgrade(directory=str(folder))
            with db.engine.connect() as connection:
                comment = connection.execute(text("SELECT obj_description('alembic_version'::regclass)")).scalar_one()
        assert comment == STORED.format(oldest=OLDEST, revision=HEAD)
        assert readiness(released) == 200

    @pytest.mark.parametrize(
        "comment",
        [
            *(None, "", "compatible_since=0001", STORED.format(oldest="0001", revision="x")),
            *(STORED.format(oldest=oldest, revision=NEXT) for oldest in ("x", "²", NEXT)),
            STORED.format(oldest="0001", revision=HEAD),
        ],
    )
    def test_a_newer_schema_without_a_usable_declaration_is_not_ready(
        self, released: Flask, comment: str | None
    ) -> None:
        literal = "NULL" if comment is None else f"'{comment}'"
        with released.app_context(), db.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{NEXT}'")
            connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS {literal}")
        assert readiness(released) == 503


class TestUpgrade:
    def test_an_older_release_leaves_a_compatible_schema_as_it_is(self, released: Flask, newer: Upgrade) -> None:
        upgraded(released, newer(f'compatible_since = "{HEAD}"'))
        done = flask(released, "db", "upgrade")
        assert (done.returncode, "newer than this release, which runs on it" in done.stderr) == (0, True), done.stderr

    def test_an_older_release_fails_on_another_schema_with_one_sentence(self, released: Flask, newer: Upgrade) -> None:
        upgraded(released, newer(""))
        done = flask(released, "db", "upgrade")
        (output,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
        assert done.returncode != 0
        assert output.startswith(f"candor: the schema is at {NEXT}, which this release does not know")

    @pytest.mark.nightly
    def test_several_at_once_wait_for_one_another(
        self, make_application: Callable[..., Flask], make_database: Callable[[str], str]
    ) -> None:
        app = make_application(database_url=make_database("crowded"))
        with app.app_context():
            url = db.engine.url.render_as_string(hide_password=False)
        environ = os.environ | {"APP_ENV": "development", "DATABASE_URL": url, "JWT_SECRET": "x" * 32}
        command = [sys.executable, "-m", "flask", "db", "upgrade"]
        processes = [
            subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(3)
        ]
        output = [process.communicate()[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], output
        assert sum("Running upgrade  -> " in each for each in output) == 1
        assert readiness(app) == 200

    def test_one_that_waits_is_in_the_way_of_no_index_that_is_made_concurrently(
        self, released: Flask, newer: Upgrade
    ) -> None:
        also = """with op.get_context().autocommit_block():
        op.execute("SELECT pg_sleep(1)")
        op.create_index("ix_colour", "tasks", ["colour"], postgresql_concurrently=True)"""
        folder = newer(f'compatible_since = "{HEAD}"', also)
        with released.app_context():
            url = db.engine.url.render_as_string(hide_password=False)
        environ = os.environ | {"APP_ENV": "development", "DATABASE_URL": url, "JWT_SECRET": "x" * 32}
        command = [sys.executable, "-m", "flask", "db", "upgrade", "--directory", str(folder)]
        with released.app_context(), db.engine.connect() as connection:
            connection.execute(schema_upgrade.TRY_LOCK, {"key": schema_upgrade.LOCK})
            connection.commit()
            processes = [
                subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(2)
            ]
            for process in processes:
                late = threading.Timer(60, process.kill)
                late.start()
                assert any("another process migrates this database" in line for line in process.stderr or ())
                late.cancel()
            connection.execute(schema_upgrade.UNLOCK, {"key": schema_upgrade.LOCK})
        output = [process.communicate(timeout=60)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], output


class TestDeclarations:
    def test_every_migration_declares_which_code_runs_on_its_schema(self) -> None:
        for each in ScriptDirectory(str(ROOT / "migrations")).walk_revisions():
            declared = getattr(each.module, "compatible_since", None)
            assert isinstance(declared, str), f"{each.path}: declare compatible_since; see UPGRADING.md"
            assert "0001" <= declared <= each.revision, f"{each.path}: compatible_since is not one of its predecessors"

    def test_the_newest_limit_is_stored(self, tmp_path: Path) -> None:
        versions = tmp_path / "versions"
        versions.mkdir()
        for revision, before, since in (("0001", None, "0001"), ("0002", "0001", "0002"), ("0003", "0002", "0001")):
            text = f"revision, down_revision, compatible_since = {revision!r}, {before!r}, {since!r}\n"
            (versions / f"{revision}_x.py").write_text(text)
        script = ScriptDirectory(str(tmp_path))
        found = [schema_upgrade.compatible_since(script, heads) for heads in ((), ("0001",), ("0002",), ("0003",))]
        assert found == [None, "0001", "0002", "0002"]
