"""Movies are found by who has created or updated them, for the deletion of an account."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
compatible_since = "0011"


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_movies_create_username", "movies", ["create_username"])
    op.create_index("ix_movies_update_username", "movies", ["update_username"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_movies_update_username", "movies")
    op.drop_index("ix_movies_create_username", "movies")
