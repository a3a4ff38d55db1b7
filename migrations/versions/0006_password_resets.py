"""Password resets, and revoked access tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
compatible_since = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "password_resets",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expire_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name="pk_password_resets"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_password_resets_user_id_users", ondelete="CASCADE"),
    )
    op.create_index("ix_password_resets_user_id", "password_resets", ["user_id"])
    op.create_index("ix_password_resets_expire_time", "password_resets", ["expire_time"])
    op.create_table(
        "revoked_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("expire_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revoked_tokens"),
    )
    op.create_index("ix_revoked_tokens_expire_time", "revoked_tokens", ["expire_time"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("revoked_tokens")
    op.drop_table("password_resets")
