"""Designs of resources, and a checkout with the files that they need."""

import shutil
from pathlib import Path

from app.cli import resource
from app.cli.resource import MIGRATIONS
from app.cli.resource.design import Design
from app.cli.resource.grpc_code import PROTO
from app.config import ROOT

RICH = Design.of(
    "gizmos",
    [
        "order:ref=orders",  # part: orders
        *("number:text:20:unique-per=buyer_id", "amount:money", "state:enum=draft,sent,paid"),
        *("due:date:optional", "count:int", "is_open:bool", "at:timestamp", "trace:uuid", "note:text:500:optional"),
    ],
    is_owned=True,
    transitions=["send=draft:sent", "pay=draft,sent:paid"],
)
"""A design with every type of member."""
SERVED = Design.of("gizmos", ["number:text:20", "status:enum=draft,sent"], has_grpc=True)
SHARED = [*resource._lines(Design.of("gizmos"))]
SHARED_BY_TRANSITIONS = [*resource._lines(RICH)]


def checkout(folder: Path) -> Path:
    """Write the files that a resource needs into a folder."""
    for name in (
        *SHARED_BY_TRANSITIONS,
        "pyproject.toml",
        "app/models/orders.py",  # part: orders
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / MIGRATIONS, folder / MIGRATIONS)
    if (ROOT / PROTO).is_dir():
        shutil.copytree(ROOT / PROTO.parent, folder / PROTO.parent, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def contents(tree: Path) -> dict[str, bytes]:
    """Return every file of a tree."""
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*.*")
        if path.is_file() and path.suffix != ".pyc"
    }
