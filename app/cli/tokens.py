"""``flask tokens``: bearer tokens for people and scripts."""

import re
from datetime import timedelta
from typing import Any, Final

import click
from flask import current_app

from app import errs
from app.cli.terminal import Failed, Group, lines, reason
from app.config import readers
from app.errs.users import UserNotFound
from app.models.token_lifetimes import MAX_LIFETIME
from app.request_context import ADMIN
from app.rest import scopes
from app.wiring import Services

group = Group("tokens", help="Bearer tokens.")
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Lifetime(click.ParamType[timedelta]):
    """A number of seconds, minutes, hours or days: ``90s``, ``15m``, ``12h``, ``30d``."""

    name = "lifetime"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the duration."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd]?)", str(value))
        if found is None:
            self.fail(f"{value!r} is not a duration such as 90s, 15m, 12h or 30d", param, ctx)
        seconds = int(found[1]) * UNITS[found[2] or "s"]
        if seconds > MAX_LIFETIME.total_seconds():
            self.fail("a token is valid for ten years at most", param, ctx)
        return timedelta(seconds=seconds)


@group.command("issue")
@click.option("--subject", required=True, help="The subject of the token.")
@click.option("--scope", multiple=True, help="Scopes, separated by spaces. It can be repeated.")
@click.option(
    "--expires",
    type=Lifetime(),
    default="1h",
    show_default=True,
    help="Its lifetime: 90s, 15m, 12h, 30d, or seconds.",
)
@click.option("--admin", is_flag=True, help="Add the scope admin, which implies all.")
def issue(subject: str, scope: tuple[str, ...], expires: timedelta, admin: bool) -> None:
    """Print a token. If its subject is the ID of a user, it ends early when that user's sessions end."""
    services: Services = current_app.extensions["app-services"]
    named = {*readers.words(" ".join(scope)), *([ADMIN] if admin else [])}
    if fault := scopes.unknown(named):
        raise Failed(f"--scope {fault}")
    try:
        lines(services.sessions.issue(subject, scopes=named, lifetime=expires))
    except ValueError as fault:
        raise Failed(f"{fault}.") from None
    except UserNotFound:
        raise Failed(f"The user {subject} is disabled or deleted.") from None


@group.command("retire-key")
@click.option("--kid", help="The name of the key in JWT_KEYS. Without it: JWT_SECRET, of tokens without a key name.")
@click.confirmation_option(prompt="All access tokens of this key are rejected within 5 seconds. Continue?")
def retire_key(kid: str | None) -> None:
    """Reject all access tokens signed with a leaked key; docs/operate/secrets.md has the whole procedure."""
    services: Services = current_app.extensions["app-services"]
    try:
        services.sessions.retire_key(kid)
    except KeyError:
        raise Failed("There is no such key. --kid names one of JWT_KEYS; without it, JWT_SECRET must be set.") from None
    lines("retired: configure another key, and restart")


@group.command("end-sessions")
@click.confirmation_option(prompt="All users have to log in again. Continue?")
def end_sessions() -> None:
    """End the sessions of all users, and revoke all their tokens."""
    services: Services = current_app.extensions["app-services"]
    try:
        lines(f"{services.sessions.end_all()} sessions ended")
    except errs.Error as error:
        raise Failed(f"Some sessions are not ended; run the command again: {reason(error)}.") from None
