"""The output of commands: nothing that is printed acts on the terminal, whoever has sent it.

Every command prints by ``lines`` or ``page`` and fails with ``Failed``; a test finds those that do not.
"""

import click

from app.observability.unprintable import escaped, escaped_json


class Failed(click.ClickException):
    """A command that did not succeed, and why; each argument is a line."""

    def __init__(self, *texts: str) -> None:
        super().__init__("\n".join(map(escaped, texts)))


def lines(*texts: str) -> None:
    """Print each text on a line of its own."""
    for text in texts:
        click.echo(escaped(text))


def page(text: str, *, ends: bool = True) -> None:
    """Print a text of several lines, all of which stands in the source; ``ends`` adds the end of the last line."""
    click.echo("\n".join(map(escaped, text.split("\n"))), nl=ends)


def json(text: bytes) -> None:
    """Print JSON."""
    click.echo(escaped_json(text.decode()))
