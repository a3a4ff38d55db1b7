"""Access tokens issued for users without a session."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
compatible_since = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "issued_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expire_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_issued_tokens"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_issued_tokens_user_id_users", ondelete="CASCADE"),
    )
    op.create_index("ix_issued_tokens_user_id", "issued_tokens", ["user_id"])
    op.create_index("ix_issued_tokens_expire_time", "issued_tokens", ["expire_time"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("issued_tokens")
