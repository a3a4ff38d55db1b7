"""Failed requests, by request ID."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
compatible_since = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "failures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_failures"),
    )
    op.create_index("ix_failures_request_id", "failures", ["request_id"])
    op.create_index("ix_failures_at", "failures", ["at"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("failures")
