"""The output of commands: no printed text can control the terminal, whatever its source.

Every command prints with ``lines`` or ``page`` and fails with ``Failed``; a test finds commands that do not.
"""

import click
from flask.cli import AppGroup

from app import errs
from app.errs.platform import DeadlineExceeded, InsufficientStorage, ServiceUnavailable
from app.observability import redaction
from app.observability.unprintable_characters import escaped, escaped_json


class Failed(click.ClickException):
    """A command failed; each argument is a line of the reason."""

    def __init__(self, *texts: str) -> None:
        super().__init__("\n".join(map(escaped, texts)))


class Group(AppGroup):
    """A group of commands that report a database failure in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (DeadlineExceeded, InsufficientStorage, ServiceUnavailable) as error:
            raise Failed(f"The database operation failed: {reason(error)}.") from None


def reason(error: errs.Error) -> str:
    """Return the reason of a failure in one line."""
    return " ".join(redaction.redact_exception(errs.root_cause(error)).split()).rstrip(".")


def lines(*texts: str) -> None:
    """Print each text on its own line."""
    for text in texts:
        click.echo(escaped(text))


def page(text: str, *, ends: bool = True) -> None:
    """Print a text of several lines, all from source code; ``ends`` adds the final newline."""
    click.echo("\n".join(map(escaped, text.split("\n"))), nl=ends)


def json(text: bytes) -> None:
    """Print JSON."""
    click.echo(escaped_json(text.decode()))
