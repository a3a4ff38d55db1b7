"""``flask users``: what an operator does with accounts."""

from collections.abc import Iterator
from contextlib import contextmanager

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
        listed = readers.scopes(" ".join(scopes))
    except ValueError as fault:
        raise click.ClickException(f"A scope {fault}.") from None
    with _told(email):
        _print(_services().users.grant(email, listed))


@group.command("revoke")
@click.argument("email")
@click.argument("scopes", nargs=-1, required=True)
def revoke(email: str, scopes: tuple[str, ...]) -> None:
    """Take SCOPES from the account with this address, within 5 seconds."""
    with _told(email):
        _print(_services().users.withdraw(email, scopes))


@group.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Let the account with this address log in no more."""
    with _told(email):
        _print(_services().users.disable(email))


@group.command("enable")
@click.argument("email")
def enable(email: str) -> None:
    """Let the account with this address log in again."""
    with _told(email):
        _print(_services().users.enable(email))


@contextmanager
def _told(email: str) -> Iterator[None]:
    """Say that nobody has this address, when that is so."""
    try:
        yield
    except UserNotFound:
        raise click.ClickException(f"Nobody has the address {email}.") from None


def _services() -> Services:
    services: Services = current_app.extensions["candor-services"]
    return services


def _print(user: UserView) -> None:
    click.echo(f"{user.id}  {user.email}  {' '.join(user.scopes)}{'  disabled' if user.is_disabled else ''}")
