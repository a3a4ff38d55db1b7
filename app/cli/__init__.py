"""The ``flask`` commands, a group a file; jobs, users and rpc move in here."""

from flask import Flask

from app.cli import errors, tokens


def register(app: Flask) -> None:
    """Put the commands in place."""
    app.cli.add_command(errors.group)
    app.cli.add_command(tokens.group)
