"""``flask new``: generators of code."""

from collections.abc import Callable
from pathlib import Path

import click
from flask.cli import AppGroup

from app.cli import snippets
from app.cli.resource import Words, write
from app.cli.resource.additions import add
from app.cli.resource.design import Design
from app.cli.terminal import Failed, lines
from app.config import ROOT

group = AppGroup("new", help="Generate code.")


@group.command("resource")
@click.argument("name")
@click.argument("members", nargs=-1)
@click.option("--singular", help="The singular, if it is not NAME without its final s.")
@click.option("--owned", is_flag=True, help="Rows belong to the user who creates them.")
@click.option("--transition", "transitions", multiple=True, help="A custom method: send=draft:sent.")
@click.option("--grpc", "has_grpc", is_flag=True, help="Serve it over gRPC too.")
def resource(
    name: str, members: tuple[str, ...], singular: str | None, owned: bool, transitions: tuple[str, ...], has_grpc: bool
) -> None:
    """Generate a resource in all layers, with its migration and tests; NAME is a plural noun.

    MEMBERS are such as number:text:20:unique, amount:money, due:date:optional, status:enum=draft,sent, order:ref=orders
    and the types int, bool, timestamp and uuid. The default is title:text:200.
    """

    def written() -> dict[Path, bool]:
        words = Words.of(name, singular)
        design = Design.of(words.many, members, is_owned=owned, transitions=transitions, has_grpc=has_grpc)
        return write(ROOT, words, design)

    _listed(written, f"make db, make test, and a token: flask tokens issue --subject alice --scope {name}")


def _listed(write_part: Callable[[], dict[Path, bool]], then: str) -> None:
    """Write files, and print their paths."""
    try:
        for path, was_there in sorted(write_part().items()):
            lines(f"  {'changed' if was_there else 'new':<8} {path}")
    except ValueError as fault:
        raise Failed(f"{fault}.") from None
    lines(f"Now: {then}")


@group.command("setting")
@click.argument("setting")
@click.argument("sentence")
def setting(setting: str, sentence: str) -> None:
    """Add a SETTING, such as tasks_open:bool=true, described by a SENTENCE. The types are bool, int and url."""
    _listed(lambda: snippets.setting(ROOT, setting, sentence), "pass it to the code that needs it, and make docs.")


@group.command("job")
@click.argument("kind")
def job(kind: str) -> None:
    """Add a background job with a handler; KIND is such as tasks.expire."""
    _listed(lambda: snippets.job(ROOT, kind), "write the handler, and add the job in a use case.")


@group.command("metric")
@click.argument("name")
@click.argument("sentence")
def metric(name: str, sentence: str) -> None:
    """Add a counter; NAME ends in _total, and a SENTENCE describes it."""
    _listed(lambda: snippets.metric(ROOT, name, sentence), "count in a use case, and make docs.")


@group.command("error")
@click.argument("module")
@click.argument("name")
@click.argument("sentence")
def error(module: str, name: str, sentence: str) -> None:
    """Add the error NAME to app/errs/MODULE.py, such as tasks task_locked; the SENTENCE is its title."""
    _listed(
        lambda: snippets.error(ROOT, module, name, sentence),
        "raise and declare it in a use case, provoke it in a test, add an entry to CHANGELOG.md, and make docs.",
    )


@group.command("client")
@click.argument("name")
def client(name: str) -> None:
    """Add a client of the HTTP service NAME, with a setting for its address."""
    _listed(lambda: snippets.client(ROOT, name), "write its requests, use it in a service, and make docs.")


@group.command("member")
@click.argument("name")
@click.argument("member")
def member(name: str, member: str) -> None:
    """Add an optional MEMBER to the resource NAME, with a migration: memo:text:200:optional."""
    _listed(lambda: add(ROOT, name, member), "make db, make test.")
