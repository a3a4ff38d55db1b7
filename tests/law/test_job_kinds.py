"""Every kind of job that the code queues has a handler; otherwise its jobs wait forever."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import pytest
from sqlalchemy.orm import Session, scoped_session

from app.config import ROOT, Settings
from app.models.jobs import KIND
from app.wiring import wire

APP: Final = ROOT / "app"


def queued() -> Iterator[tuple[str, str]]:
    """Yield every place that queues a job, as ``file:line``, with the kind."""
    for path in sorted(APP.rglob("*.py")):
        text = path.read_text()
        for function in ast.walk(ast.parse(text)) if re.search(r"\bNewJob\(", text) else ():
            if isinstance(function, ast.FunctionDef):
                yield from _of(function, path.relative_to(ROOT))


def _of(function: ast.FunctionDef, path: Path) -> Iterator[tuple[str, str]]:
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("NewJob"):
            given = call.args[0] if call.args else next(each.value for each in call.keywords if each.arg == "kind")
            for kind in _kinds(given, function, path):
                yield f"{path}:{call.lineno}", kind


def _kinds(given: ast.expr, function: ast.FunctionDef, path: Path) -> Iterator[str]:
    """Yield the values of an expression: its texts, those of a local variable, or a constant of the module."""
    if isinstance(given, ast.Name):
        assigned = [each.value for each in ast.walk(function) if isinstance(each, ast.Assign) and _is(each, given.id)]
        if not assigned:
            yield str(getattr(importlib.import_module(".".join(path.with_suffix("").parts)), given.id))
        for value in assigned:
            yield from _kinds(value, function, path)
    else:
        texts = (each.value for each in ast.walk(given) if isinstance(each, ast.Constant))
        yield from (text for text in texts if isinstance(text, str) and KIND.fullmatch(text))


def _is(assignment: ast.Assign, name: str) -> bool:
    return [ast.unparse(each) for each in assignment.targets] == [name]


def test_every_kind_that_is_queued_has_a_handler() -> None:
    session = cast("scoped_session[Session]", None)
    services = wire(Settings(jwt_secret="x" * 32), session, lambda: pytest.fail("a service has connected"))
    places = [*queued()]
    assert len(places) >= 4
    faults = [
        f"{place} queues jobs of the kind {kind}, which has no handler, therefore they wait forever: add"
        f' "{kind}": the function, to `handlers` of JobService in app/wiring/__init__.py'
        for place, kind in places
        if kind not in services.jobs.handlers
    ]
    assert not faults, "\n".join(faults)
