"""``flask users``: management of accounts by an operator."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click
from flask import current_app

from app.cli.terminal import Failed, Group, lines
from app.config import readers
from app.errs.users import UserNotFound
from app.models.users import UserView
from app.rest import scopes
from app.wiring import Services

group = Group("users", help="Accounts.")


@group.command("list")
def list_users() -> None:
    """Print every account: id, address, scopes, and if it is disabled."""
    for user in _services().users.all():
        _print(user)


@group.command("grant")
@click.argument("email")
@click.argument("names", metavar="SCOPES...", nargs=-1, required=True)
def grant(email: str, names: tuple[str, ...]) -> None:
    """Add SCOPES to the account with this address; its next token has them."""
    listed = readers.words(" ".join(names))
    _check(listed)
    with _reporting(email):
        _print(_services().users.grant(email, listed))


@group.command("revoke")
@click.argument("email")
@click.argument("names", metavar="SCOPES...", nargs=-1, required=True)
def revoke(email: str, names: tuple[str, ...]) -> None:
    """Remove SCOPES from the account with this address, within 5 seconds."""
    listed = readers.words(" ".join(names))
    _check(listed, held_by=email)
    with _reporting(email):
        _print(_services().users.revoke(email, listed))


@group.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Disable logins of the account with this address."""
    with _reporting(email):
        _print(_services().users.disable(email))


@group.command("enable")
@click.argument("email")
def enable(email: str) -> None:
    """Enable logins of the account with this address again."""
    with _reporting(email):
        _print(_services().users.enable(email))


def _check(listed: Iterable[str], *, held_by: str = "") -> None:
    """Accept known scopes, and scopes that the account with this address has from an earlier release.

    Raises:
        ClickException: another scope was named.
    """
    if not scopes.unknown(listed):
        return
    user = _services().users.find_by_email(held_by) if held_by else None
    if fault := scopes.unknown({*listed}.difference(user.scopes if user else ())):
        raise Failed(f"This {fault}")


@contextmanager
def _reporting(email: str) -> Iterator[None]:
    """Fail with a message if no account has this address."""
    try:
        yield
    except UserNotFound:
        raise Failed(f"No account has the address {email}.") from None


def _services() -> Services:
    services: Services = current_app.extensions["app-services"]
    return services


def _print(user: UserView) -> None:
    lines(f"{user.id}  {user.email}  {' '.join(user.scopes)}{'  disabled' if user.is_disabled else ''}")
