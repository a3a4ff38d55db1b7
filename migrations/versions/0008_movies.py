"""Movies."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
compatible_since = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "movies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("external_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("rated", sa.Text(), nullable=True),
        sa.Column("release_date", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("run_time", sa.Integer(), nullable=True),
        sa.Column("director", sa.Text(), nullable=True),
        sa.Column("writer", sa.Text(), nullable=True),
        sa.Column("create_username", sa.Text(), nullable=False),
        sa.Column("create_timestamp", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("update_username", sa.Text(), nullable=False),
        sa.Column("update_timestamp", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_movies"),
        sa.UniqueConstraint("external_id", name="uq_movies_external_id"),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 200", name=op.f("ck_movies_title_length")),
        sa.CheckConstraint("char_length(rated) <= 10", name=op.f("ck_movies_rated_length")),
        sa.CheckConstraint("isfinite(release_date)", name=op.f("ck_movies_release_date_finite")),
        sa.CheckConstraint("run_time BETWEEN 1 AND 100000", name=op.f("ck_movies_run_time_possible")),
        sa.CheckConstraint("char_length(director) <= 200", name=op.f("ck_movies_director_length")),
        sa.CheckConstraint("char_length(writer) <= 200", name=op.f("ck_movies_writer_length")),
    )
    op.create_index("ix_movies_create_timestamp", "movies", ["create_timestamp", "external_id"])
    op.create_index("ix_movies_title", "movies", ["title", "external_id"])
    op.create_index("ix_movies_director", "movies", ["director", "external_id"])
    op.create_index("ix_movies_release_date", "movies", ["release_date", "external_id"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("movies")
