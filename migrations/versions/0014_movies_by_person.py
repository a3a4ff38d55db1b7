"""Indexes on the users who created or updated movies, for the deletion of accounts."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
compatible_since = "0011"


def upgrade() -> None:
    """Apply without blocking writes. An index that an interrupted run has left is created again."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # a timeout during the wait for other transactions leaves an invalid index
        for column in ("create_username", "update_username"):
            op.drop_index(f"ix_movies_{column}", "movies", if_exists=True, postgresql_concurrently=True)
            op.create_index(f"ix_movies_{column}", "movies", [column], postgresql_concurrently=True)
        op.execute("SET lock_timeout = '1s'")


def downgrade() -> None:
    """Revert."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for column in ("create_username", "update_username"):
            op.drop_index(f"ix_movies_{column}", "movies", if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '1s'")
