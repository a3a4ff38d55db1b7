"""A registration has no password; of mails that wait to be sent, the newest supersedes the others of its kind."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
compatible_since = "0011"


def upgrade() -> None:
    """Apply. The previous release runs on it: it writes the passwords, and they are not used.

    Exception: it answers 500 to the activation of a registration that the new release took, which has no password. The
    token remains valid, and the new release activates it.
    """
    op.alter_column("registrations", "password_hash", nullable=True)
    op.add_column("jobs", sa.Column("supersedes", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take back; who has not activated the account yet registers again."""
    op.drop_column("jobs", "supersedes")
    op.execute("DELETE FROM registrations WHERE password_hash IS NULL")
    op.alter_column("registrations", "password_hash", nullable=False)
