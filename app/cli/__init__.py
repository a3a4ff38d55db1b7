"""The ``flask`` commands, a group a file; jobs and rpc move in here."""

import os

from flask import Flask

from app.cli import errors, explain, migrations, tokens, users


def register(app: Flask) -> None:
    """Put the commands in place."""
    app.cli.add_command(errors.group)
    app.cli.add_command(explain.explain)
    app.cli.add_command(tokens.group)
    app.cli.add_command(users.group)
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        migrations.bind(app)
