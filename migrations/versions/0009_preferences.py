"""Preferences of users."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
compatible_since = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("theme", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_preferences"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_preferences_user_id_users", ondelete="CASCADE"),
        sa.CheckConstraint("char_length(locale) BETWEEN 2 AND 35", name=op.f("ck_preferences_locale_length")),
        sa.CheckConstraint("char_length(time_zone) BETWEEN 1 AND 64", name=op.f("ck_preferences_time_zone_length")),
        sa.CheckConstraint("theme IN ('system', 'light', 'dark')", name=op.f("ck_preferences_theme_known")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("preferences")
