"""Products and orders."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
compatible_since = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "products",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("currency", sa.SmallInteger(), nullable=False),
        sa.Column("price", sa.Numeric(9, 2), nullable=False),
        sa.Column("update_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sku", "currency", name="pk_products"),
        sa.CheckConstraint("char_length(sku) BETWEEN 1 AND 64", name=op.f("ck_products_sku_length")),
        sa.CheckConstraint("currency BETWEEN 1 AND 3", name=op.f("ck_products_currency_known")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_products_price_not_negative")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("currency", sa.SmallInteger(), nullable=False),
        sa.Column("total", sa.Numeric(14, 2), nullable=False),
        sa.Column("create_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("update_time", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.CheckConstraint("char_length(customer_id) BETWEEN 1 AND 500", name=op.f("ck_orders_customer_id_length")),
        sa.CheckConstraint("status BETWEEN 1 AND 3", name=op.f("ck_orders_status_known")),
        sa.CheckConstraint("currency BETWEEN 1 AND 3", name=op.f("ck_orders_currency_known")),
        sa.CheckConstraint("total >= 0", name=op.f("ck_orders_total_not_negative")),
    )
    for member in ("create_time", "update_time"):
        op.create_index(f"ix_orders_customer_id_{member}", "orders", ["customer_id", member, "id"])
        op.create_index(f"ix_orders_{member}", "orders", [member, "id"])
    op.create_table(
        "order_items",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(9, 2), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "number", name="pk_order_items"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_items_order_id_orders", ondelete="CASCADE"),
        sa.CheckConstraint("number BETWEEN 1 AND 100", name=op.f("ck_order_items_number_small")),
        sa.CheckConstraint("char_length(sku) BETWEEN 1 AND 64", name=op.f("ck_order_items_sku_length")),
        sa.CheckConstraint("quantity BETWEEN 1 AND 1000", name=op.f("ck_order_items_quantity_possible")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_order_items_unit_price_not_negative")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("order_items")
    op.drop_table("orders")
    op.drop_table("products")
