"""``flask new``: generators of code."""

import click
from flask.cli import AppGroup

from app.cli.resource import Words, write
from app.cli.terminal import Failed, lines
from app.config import ROOT

group = AppGroup("new", help="Generate code.")


@group.command("resource")
@click.argument("name")
@click.option("--singular", help="The singular, if it is not NAME without its final s.")
def resource(name: str, singular: str | None) -> None:
    """Generate a resource in all layers, with its migration and tests; NAME is a plural noun."""
    try:
        words = Words.of(name, singular)
        for path, was_there in sorted(write(ROOT, words).items()):
            lines(f"  {'changed' if was_there else 'new':<8} {path}")
    except ValueError as fault:
        raise Failed(f"{fault}.") from None
    lines(f"Now: make db, make test, and a token: flask tokens issue --subject alice --scope {words.many}")
