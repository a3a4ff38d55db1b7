"""``flask new``: generators of code."""

import click
from flask.cli import AppGroup

from app.cli.resource import Words, write
from app.cli.resource.additions import add
from app.cli.resource.design import Design
from app.cli.terminal import Failed, lines
from app.config import ROOT

group = AppGroup("new", help="Generate code.")


@group.command("resource")
@click.argument("name")
@click.argument("members", nargs=-1)
@click.option("--singular", help="The singular, if it is not NAME without its final s.")
@click.option("--owned", is_flag=True, help="Rows belong to the user who creates them.")
@click.option("--transition", "transitions", multiple=True, help="A custom method: send=draft:sent.")
def resource(
    name: str, members: tuple[str, ...], singular: str | None, owned: bool, transitions: tuple[str, ...]
) -> None:
    """Generate a resource in all layers, with its migration and tests; NAME is a plural noun.

    MEMBERS are such as number:text:20:unique, amount:money, due:date:optional, status:enum=draft,sent, order:ref=orders
    and the types int, bool, timestamp and uuid. The default is title:text:200.
    """
    try:
        words = Words.of(name, singular)
        design = Design.of(words.many, members, is_owned=owned, transitions=transitions)
        for path, was_there in sorted(write(ROOT, words, design).items()):
            lines(f"  {'changed' if was_there else 'new':<8} {path}")
    except ValueError as fault:
        raise Failed(f"{fault}.") from None
    lines(f"Now: make db, make test, and a token: flask tokens issue --subject alice --scope {words.many}")


@group.command("member")
@click.argument("name")
@click.argument("member")
def member(name: str, member: str) -> None:
    """Add an optional MEMBER to the resource NAME, with a migration: memo:text:200:optional."""
    try:
        for path, was_there in sorted(add(ROOT, name, member).items()):
            lines(f"  {'changed' if was_there else 'new':<8} {path}")
    except ValueError as fault:
        raise Failed(f"{fault}.") from None
    lines("Now: make db, make test.")
