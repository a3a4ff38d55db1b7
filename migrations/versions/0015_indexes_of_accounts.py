"""Indexes to find sessions, revocations, stored responses, superseded emails and dead jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
compatible_since = "0011"

INDEXES = (
    ("ix_jobs_supersedes", "jobs", ["supersedes"], "supersedes IS NOT NULL"),
    ("ix_jobs_update_time", "jobs", ["update_time"], "state = 2"),
    ("ix_revoked_tokens_xid_seq", "revoked_tokens", ["xid", "seq"], None),
    ("ix_refresh_tokens_session_id_create_time", "refresh_tokens", ["session_id", "create_time"], None),
    ("ix_idempotency_keys_owner", "idempotency_keys", ["owner"], None),
)
REPLACED = (("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"], None),)


def upgrade() -> None:
    """Apply without blocking writes. An index that an interrupted run has left is created again."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # a timeout during the wait for other transactions leaves an invalid index
        make(*INDEXES)
        drop(*REPLACED)
        op.execute("SET lock_timeout = '1s'")


def downgrade() -> None:
    """Revert."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        make(*REPLACED)
        drop(*INDEXES)
        op.execute("SET lock_timeout = '1s'")


def make(*indexes: tuple[str, str, list[str], str | None]) -> None:
    """Create these indexes without locking their tables."""
    drop(*indexes)
    for name, table, columns, where in indexes:
        which = None if where is None else sa.text(where)
        op.create_index(name, table, columns, postgresql_where=which, postgresql_concurrently=True)


def drop(*indexes: tuple[str, str, list[str], str | None]) -> None:
    """Drop these indexes, if they exist."""
    for name, table, *_ in indexes:
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
