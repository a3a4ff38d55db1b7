"""The output of commands: no printed text can control the terminal, whatever its source.

Every command prints with ``lines`` or ``page`` and fails with ``Failed``; a test finds commands that do not.
"""

import shutil
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Final

import click
from flask.cli import AppGroup

from app import errs
from app.errs.platform import DeadlineExceeded, InsufficientStorage, ServiceUnavailable
from app.observability import redaction
from app.observability.unprintable_characters import escaped, escaped_json

HOME: Final = "\x1b[H"
CLEAR_LINE: Final = "\x1b[K"
CLEAR_BELOW: Final = "\x1b[J"


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


def screen(texts: Iterable[str], *, redraws: bool) -> None:
    """Print lines in the place of those before, cut to the size of the terminal.

    Without ``redraws``, and if the output is not a terminal, print plain lines.
    """
    if not redraws or not sys.stdout.isatty():
        lines(*texts, *([""] if redraws else []))
        return
    width, height = shutil.get_terminal_size()
    shown = (escaped(text)[:width] + CLEAR_LINE for text in islice(texts, height - 1))
    click.echo(HOME + "\n".join(shown) + CLEAR_BELOW)


def json(text: bytes) -> None:
    """Print JSON."""
    click.echo(escaped_json(text.decode()))
