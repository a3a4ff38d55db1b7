"""``flask users``: what an operator does with accounts."""

import click
from flask import current_app
from flask.cli import AppGroup

from app.config import readers
from app.errs.users import UserNotFound
from app.models.users import UserView
from app.wiring import Services

group = AppGroup("users", help="Accounts.")


@group.command("list")
def list_users() -> None:
    """Print every account: id, address, scopes, and whether it is disabled."""
    for user in _services().users.all():
        _print(user)


@group.command("grant")
@click.argument("email")
@click.argument("scopes", nargs=-1, required=True)
def grant(email: str, scopes: tuple[str, ...]) -> None:
    """Give the account with this address more SCOPES, which its next token has."""
    try:
        _print(_services().users.grant(email, readers.scopes(" ".join(scopes))))
    except ValueError as fault:
        raise click.ClickException(f"A scope {fault}.") from None
    except UserNotFound:
        raise click.ClickException(f"Nobody has the address {email}.") from None


@group.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Let the account with this address log in no more."""
    try:
        _print(_services().users.disable(email))
    except UserNotFound:
        raise click.ClickException(f"Nobody has the address {email}.") from None


def _services() -> Services:
    services: Services = current_app.extensions["candor-services"]
    return services


def _print(user: UserView) -> None:
    click.echo(f"{user.id}  {user.email}  {' '.join(user.scopes)}{'  disabled' if user.is_disabled else ''}")
