"""Tasks, and the responses stored by Idempotency-Key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
compatible_since = "0001"

SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("due_date", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("create_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("update_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("tags", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 200", name=op.f("ck_tasks_title_length")),
        sa.CheckConstraint("char_length(description) <= 1000", name=op.f("ck_tasks_description_length")),
        sa.CheckConstraint("status BETWEEN 1 AND 4", name=op.f("ck_tasks_status_known")),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name=op.f("ck_tasks_priority_known")),
        sa.CheckConstraint("cardinality(tags) <= 10", name=op.f("ck_tasks_tags_few")),
        sa.CheckConstraint("isfinite(due_date)", name=op.f("ck_tasks_due_date_finite")),
    )
    same_title: sa.ColumnClause[str] = sa.literal_column(f"btrim(normalize(title, NFC), '{SPACES}')")
    op.create_index("uq_tasks_created_by_title", "tasks", ["created_by", same_title], unique=True)
    op.create_index("ix_tasks_created_by_create_time", "tasks", ["created_by", "create_time", "id"])
    op.create_index("ix_tasks_created_by_due_date", "tasks", ["created_by", "due_date", "id"])
    op.create_index("ix_tasks_create_time", "tasks", ["create_time", "id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("expire_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_expire_time", "idempotency_keys", ["expire_time"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("idempotency_keys")
    op.drop_table("tasks")
