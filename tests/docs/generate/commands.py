"""Commands: ``flask`` and ``make``."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from flask_migrate.cli import db

from tests.docs.generate.application import app
from tests.docs.generate.markdown import block, code, document, link, prose, table

MAKEFILE: Final = Path(__file__).resolve().parents[3] / "Makefile"
ID: Final = "0198c1f4-7b8a-7c31-9d55-0d6f3f0a2b11"
EXAMPLES: Final = {
    "contract accept": "",
    "contract check": "",
    "db branches": "",
    "db check": "",
    "db current": "",
    "db downgrade": "",
    "db edit": "head",
    "db heads": "",
    "db history": "",
    "db init": "",
    "db list-templates": "",
    "db merge": "heads",
    "db migrate": '-m "add tasks"',
    "db revision": '-m "fill a column"',
    "db show": "head",
    "db stamp": "head",
    "db upgrade": "",
    "edge apache": "",
    "edge caddy": "",
    "edge envoy": "--listen 0.0.0.0:443 --certificate /etc/ssl/candor/fullchain.pem --key /etc/ssl/candor/privkey.pem",
    "edge haproxy": "--instance 10.0.0.7:8000 --instance 10.0.0.8:8000",
    "edge nginx": "",
    "edge traefik": "--instance 10.0.0.7:8000 --instance 10.0.0.8:8000",
    "errors explain": "TASK_NOT_FOUND",
    "errors list": "",
    "errors nginx": "",
    "explain": ID,
    "jobs drop": ID,
    "jobs list": "--dead",
    "jobs retry": ID,
    "jobs show": ID,
    "new client": "billing",
    "new error": 'tasks task_locked "The task is locked."',
    "new job": "tasks.expire",
    "new member": "invoices memo:text:200:optional",
    "new metric": 'tasks_sent_total "Tasks that were sent."',
    "new resource": "gadgets",
    "new setting": 'tasks_open:bool=true "Whether the service accepts new tasks."',
    "openapi list-config-prefixes": "",
    "openapi print": "--format json",
    "openapi write": "openapi.json",
    "products list": "",
    "products load": "prices.csv",
    "rpc serve": "",
    "status": "--once",
    "tokens end-sessions": "--yes",
    "tokens issue": "--subject alice --scope tasks --expires 12h",
    "tokens retire-key": "--kid 2026-01 --yes",
    "users disable": "alice@example.com",
    "users enable": "alice@example.com",
    "users grant": "alice@example.com admin",
    "users list": "",
    "users revoke": "alice@example.com admin",
    "worker": "--threads 4",
}
"""Arguments of an example of each command. A test parses each of them."""
STOCK: Final = ("run", "shell", "routes")
"""Commands of Flask itself, which its manual describes."""


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Yield every command of this service with its name."""
    cli = app().cli
    commands = {**cli.commands, "db": db}
    for name in STOCK:
        commands.pop(name, None)
    yield from _leaves("", click.Group("flask", commands))


def _leaves(prefix: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name, each in sorted(group.commands.items()):
        if isinstance(each, click.Group):
            yield from _leaves(f"{prefix}{name} ", each)
        else:
            yield prefix + name, each


def page() -> str:
    """Return the page of the ``flask`` commands.

    Raises:
        KeyError: a command has no example.
    """
    found = list(leaves())
    overview = [(link(code(f"flask {name}"), "", f"flask {name}"), _first(each)) for name, each in found]
    return document(
        "Command line",
        "app/cli",
        "`flask` is `.venv/bin/flask`. While `make run` runs, it uses the same database and the same secret under `.local/`. "
        "Every command reads the [settings](settings.md) from the environment. `flask run`, `flask shell` and `flask routes` "
        "are Flask's own commands. For tasks of developers, see [Make targets](make.md).",
        table(("Command", "Purpose"), overview),
        *(_command(name, each) for name, each in found),
    )


def _first(command: click.Command) -> str:
    return re.split(r"(?<=[.;])\s", prose(command.help or ""))[0].rstrip(";")


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"flask {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    rows = []
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            names, text = parameter.get_help_record(context) or ("", "")
            rows.append((code(names), prose(text)))
    text = f"## flask {name}\n\n{prose(command.help or '')}\n\n" + block(f"flask {name} {usage}", "text")
    if rows:
        text += "\n\n" + table(("Option", "Meaning"), rows)
    return f"{text}\n\nExample:\n\n" + block(f"flask {name} {EXAMPLES[name]}", "text")


def make_page() -> str:
    """Return the page of the targets of make."""
    targets = re.findall(r"^([a-z-]+):.*?## (.*)$", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    return document(
        "Make targets",
        "Makefile",
        "`make` without a target prints this list. Targets create the virtual environments that they need from hashed locks.",
        table(("Target", "Purpose"), [(code(f"make {name}"), text) for name, text in targets]),
    )
