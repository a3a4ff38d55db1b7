"""Indexes for every order and filter of the list of tasks."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
compatible_since = "0011"

ORDERS = {f"ix_tasks_created_by_{member}": member for member in ("title", "status", "priority", "update_time")}
TAGS = "ix_tasks_tags"


def upgrade() -> None:
    """Apply without blocking writes. An index that an interrupted run has left is created again."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # a timeout during the wait for other transactions leaves an invalid index
        drop()
        for name, member in ORDERS.items():
            op.create_index(name, "tasks", ["created_by", member, "id"], postgresql_concurrently=True)
        gin = {"postgresql_using": "gin", "postgresql_with": {"fastupdate": "off"}}
        op.create_index(TAGS, "tasks", ["tags"], postgresql_concurrently=True, **gin)
        op.execute("SET lock_timeout = '1s'")


def downgrade() -> None:
    """Revert."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        drop()
        op.execute("SET lock_timeout = '1s'")


def drop() -> None:
    """Drop these indexes, if they exist, without locking the table."""
    for name in (*ORDERS, TAGS):
        op.drop_index(name, "tasks", if_exists=True, postgresql_concurrently=True)
