"""The migrations are one line, and create the schema that the models describe."""

import re

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import CheckConstraint, text

from app.config import ROOT
from app.extensions import db
from app.models import Base

CONSTRAINTS = text("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = to_regclass(:table)")


def test_there_is_one_base_and_one_head() -> None:
    directory = ScriptDirectory(str(ROOT / "migrations"))
    heads = sorted(str(each) for each in directory.get_heads())
    assert len(heads) == 1, (
        f"the migrations {' and '.join(heads)} follow the same one: if one is applied nowhere, write the ID of the"
        f' other as its down_revision; otherwise run: flask db merge -m "merge" {" ".join(heads)}'
    )
    assert len(directory.get_bases()) == 1


def test_the_models_have_no_change_without_a_migration(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with app.app_context():
        try:
            flask_migrate.check()
        except SystemExit:
            found = [
                line
                for each in caplog.messages
                for line in re.findall(r"(?m)^(?:\w+ \S+ of \w+: .*|Detected .*)$", each)
            ]
            listed = "\n  ".join(dict.fromkeys(found))
            pytest.fail(
                f'the models and the migrations differ: run make migration m="what changes" and read it\n  {listed}'
            )


def test_checks_have_the_names_of_the_models(app: Flask) -> None:
    """Alembic does not compare them, and the translation of errors uses them."""
    with app.app_context(), db.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            named = {str(each.name) for each in table.constraints if isinstance(each, CheckConstraint)}
            assert set(connection.execute(CONSTRAINTS, {"table": table.name}).scalars()) == named
