"""Registrations without a password, and jobs that supersede older ones."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
compatible_since = "0011"


def upgrade() -> None:
    """Apply. The previous release runs on the new schema. It writes passwords, which are not used.

    Exception: the previous release returns 500 for the activation of a registration that the new release created,
    because it has no password. The token remains valid, and the new release activates the account.
    """
    op.alter_column("registrations", "password_hash", nullable=True)
    op.add_column("jobs", sa.Column("supersedes", sa.Text(), nullable=True))


def downgrade() -> None:
    """Revert. Users who have not activated their account must register again."""
    op.drop_column("jobs", "supersedes")
    op.execute("DELETE FROM registrations WHERE password_hash IS NULL")
    op.alter_column("registrations", "password_hash", nullable=False)
