"""Incremental reads of revocations, superseded refresh tokens, and owners of stored responses."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
compatible_since = "0011"


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "revoked_tokens",
        sa.Column("xid", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False),
    )
    op.add_column("revoked_tokens", sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False))
    op.add_column("refresh_tokens", sa.Column("supersede_time", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("idempotency_keys", sa.Column("owner", sa.Text(), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("idempotency_keys", "owner")
    op.drop_column("refresh_tokens", "supersede_time")
    op.drop_column("revoked_tokens", "seq")
    op.drop_column("revoked_tokens", "xid")
