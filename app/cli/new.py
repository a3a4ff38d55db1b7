"""``flask new``: code to begin with."""

import click
from flask.cli import AppGroup

from app.cli.resource import Words, write
from app.cli.terminal import Failed, lines
from app.config import ROOT

group = AppGroup("new", help="Code to begin with.")


@group.command("resource")
@click.argument("name")
@click.option("--singular", help="What one of them is called, where that is not the name without its s.")
def resource(name: str, singular: str | None) -> None:
    """Write a resource on every floor, with its migration and its tests; NAME is a word in the plural."""
    try:
        words = Words.of(name, singular)
        for path, was_there in sorted(write(ROOT, words).items()):
            lines(f"  {'changed' if was_there else 'new':<8} {path}")
    except ValueError as fault:
        raise Failed(f"{fault}.") from None
    lines(f"Now: make db, make test, and a token: flask tokens issue --subject alice --scope {words.many}")
