"""``flask products``: the products that can be ordered, and their prices."""

from pathlib import Path

import click
from flask import current_app

from app.cli.terminal import Failed, Group, lines
from app.errs.requests import ValidationFailed
from app.services.products import ProductService
from app.wire import price_csv
from app.wiring import Services

group = Group("products", help="The products that can be ordered, and their prices.")


@group.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--if-none", is_flag=True, help="Only if there are no products yet.")
def load_products(file: Path, if_none: bool) -> None:
    """Add or replace the prices in FILE, a CSV with the columns sku, currency and price, in one transaction."""
    if if_none and _products().exist():
        return
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            count = _products().load(price_csv.rows(opened))
    except ValidationFailed as failed:
        messages = [each.message for each in failed.violations] + ([failed.detail] if failed.detail else [])
        raise Failed("Nothing was loaded.", *messages) from None
    lines(f"{count} prices loaded")


@group.command("list")
def list_products() -> None:
    """Print every price: sku, currency, price."""
    for offer in _products().all():
        lines(f"{offer.sku}  {offer.currency.name}  {offer.price}")


def _products() -> ProductService:
    services: Services = current_app.extensions["app-services"]
    return services.products
