"""The tests of the kit pass after a table with a foreign key, a proto package and an email were added."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.mistakes.listed import ROOT, Change
from tests.mistakes.test_mistakes import LEFT_OUT, ran

pytestmark = pytest.mark.nightly
NOTES: Final = '''"""Notes on tasks."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import PERSONAL, Base


class Note(Base):
    """A note on a task."""

    __tablename__ = "notes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id"))
    text: Mapped[str] = mapped_column(Text, info=PERSONAL)

    __table_args__ = (Index("ix_notes_task_id", "task_id"),)
'''
MIGRATION: Final = '''"""Notes."""

import sqlalchemy as sa
from alembic import op

revision = "99991231235959"
down_revision = "{head}"
branch_labels = None
depends_on = None
compatible_since = "{head}"


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_notes_task_id_tasks"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_task_id", "notes", ["task_id"])


def downgrade() -> None:
    op.drop_table("notes")
'''
PROTO: Final = (
    'syntax = "proto3";\n\npackage other.v1;\n\n// An amount.\nmessage Money {\n  // In cents.\n  int64 cents = 1;\n}\n'
)
HTML: Final = (
    '{% extends "layout.html" %}\n{% block content %}\n<p>Your invoice is at {{ public_url }}.</p>\n{% endblock %}\n'
)
TESTS: Final = (
    *(
        f"tests/law/test_{each}.py"
        for each in ("schema", "models", "mail_templates", "job_kinds", "protobuf", "expiry")
    ),
    *("tests/law/test_every_list.py", "tests/law/test_ownership.py", "tests/law/test_machinery_errors.py"),
    *("tests/integration/test_list_bounds.py", "tests/integration/test_task_collection.py"),
    *("tests/integration/test_mail.py", "tests/integration/test_migrations.py", "tests/api/test_delete_task.py"),
    *("tests/api/test_erasure.py", "tests/rpc/test_machinery_errors.py", "tests/rpc/test_server.py"),
)
"""The tests that read all tables, emails or proto packages, or that empty tables."""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """Return a copy of the repository with the additions."""
    copy = tmp_path / ROOT.name
    shutil.copytree(ROOT, copy, ignore=lambda _, names: LEFT_OUT.intersection(names))
    head = max(path.name.partition("_")[0] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    (copy / "app" / "rpc" / "proto" / "other" / "v1").mkdir(parents=True)
    for change in (
        Change("app/models/notes.py", NOTES),
        Change("app/models/__init__.py", "    notes,\n    tasks,\n", "    tasks,\n"),
        Change("app/models/__init__.py", '    "notes",\n    "tasks",\n', '    "tasks",\n'),
        Change("migrations/versions/99991231235959_notes.py", MIGRATION.format(head=head)),
        Change("docs/policies/data-protection.md", "| `notes` | the text | kept | – |\n| `tasks` |", "| `tasks` |"),
        Change("app/clients/mail_templates/invoice.txt", "Your invoice\n\nYour invoice is at {{ public_url }}.\n"),
        Change("app/clients/mail_templates/invoice.html", HTML),
        Change("app/rpc/proto/other/v1/money.proto", PROTO),
    ):
        change.apply(copy)
    subprocess.run([sys.executable, "-m", "app.rpc.generate"], cwd=copy, check=True, timeout=120)
    yield copy
    shutil.rmtree(copy)


def test_the_tests_of_the_kit_pass(tree: Path, server_url: str) -> None:
    command = (sys.executable, "-m", "pytest", "-q", "-x", "-n0", "--show-capture=no", *TESTS)
    status, output, _ = ran(tree, command, server_url, timeout=1800)
    assert status == 0, output[-8000:]
