"""Logger settings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
compatible_since = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "logger",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("log_error_stack", sa.Boolean(), nullable=False),
        sa.Column("update_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_logger"),
        sa.CheckConstraint("id = 1", name=op.f("ck_logger_one")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("logger")
