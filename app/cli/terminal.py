"""The output of commands: nothing that is printed acts on the terminal, whoever has sent it.

Every command prints by ``lines`` or ``page`` and fails with ``Failed``; a test finds those that do not.
"""

import click
from flask.cli import AppGroup

from app import errs
from app.errs.platform import DeadlineExceeded, InsufficientStorage, ServiceUnavailable
from app.observability import redaction
from app.observability.unprintable import escaped, escaped_json


class Failed(click.ClickException):
    """A command that did not succeed, and why; each argument is a line."""

    def __init__(self, *texts: str) -> None:
        super().__init__("\n".join(map(escaped, texts)))


class Group(AppGroup):
    """A group of commands that report a database that fails in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (DeadlineExceeded, InsufficientStorage, ServiceUnavailable) as error:
            raise Failed(f"The database has not done it: {reason(error)}.") from None


def reason(error: errs.Error) -> str:
    """Return why an operation failed, in one line."""
    return " ".join(redaction.redact_exception(errs.root_cause(error)).split()).rstrip(".")


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
