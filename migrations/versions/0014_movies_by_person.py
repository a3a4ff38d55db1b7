"""Movies are found by who has created or updated them, for the deletion of an account."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
compatible_since = "0011"


def upgrade() -> None:
    """Apply, while rows are written; an index that an interrupted run has left is made again."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it would end the wait for older transactions, and leave an invalid index
        for column in ("create_username", "update_username"):
            op.drop_index(f"ix_movies_{column}", "movies", if_exists=True, postgresql_concurrently=True)
            op.create_index(f"ix_movies_{column}", "movies", [column], postgresql_concurrently=True)
        op.execute("SET lock_timeout = '1s'")


def downgrade() -> None:
    """Take back."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for column in ("create_username", "update_username"):
            op.drop_index(f"ix_movies_{column}", "movies", if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '1s'")
