"""The ``flask`` commands, one file per group."""

import os

from flask import Flask

from app.cli import (
    contract,
    error_catalogue,
    explain_request,
    jobs,
    migrations,
    new,
    products,
    proxy_config,
    rpc_server,
    tokens,
    users,
    worker,
)
from app.cli.status import command as status


def register(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(contract.group)
    app.cli.add_command(error_catalogue.group)
    app.cli.add_command(explain_request.explain)
    app.cli.add_command(jobs.group)
    app.cli.add_command(rpc_server.group)
    app.cli.add_command(new.group)
    app.cli.add_command(products.group)
    app.cli.add_command(proxy_config.group)
    app.cli.add_command(status.status)
    app.cli.add_command(tokens.group)
    app.cli.add_command(users.group)
    app.cli.add_command(worker.work)
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        migrations.bind(app)
