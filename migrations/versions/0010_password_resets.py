"""Password resets without a user: a request for an address without an account then takes the same time."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
compatible_since = "0001"


def upgrade() -> None:
    """Apply."""
    op.drop_constraint("fk_password_resets_user_id_users", "password_resets", type_="foreignkey")


def downgrade() -> None:
    """Revert."""
    op.execute("DELETE FROM password_resets WHERE user_id NOT IN (SELECT id FROM users)")
    op.create_foreign_key(
        "fk_password_resets_user_id_users", "password_resets", "users", ["user_id"], ["id"], ondelete="CASCADE"
    )
