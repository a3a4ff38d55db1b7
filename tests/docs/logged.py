"""The names of the fields that the code logs, found in its syntax tree."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from app.config import ROOT
from app.resilience.breaker_counts import Counts

NAMES: Final = frozenset({"fields", "about", "own", "line", "chain"})
"""Variables with fields of a log entry."""
FUNCTIONS: Final = frozenset({"logged", "_entry", "fields", "start_fields", "cause_chain", "__call__"})
"""Functions that return fields of a log entry."""
CALLS: Final = frozenset({"access", "audit", "info", "report"})
"""Calls with fields of a log entry."""
KEYWORDS: Final = frozenset({"fields", "more", "extra"})
INNER: Final = frozenset({"total", "created", "failed"})
"""Keys of the object that the field ``batch`` is."""
FOLDERS: Final = frozenset({"observability", "cli", "rest", "rpc", "wiring", "services"})
LOGS: Final = re.compile(
    r'"fields"|\blogs\.|def logged|_log\b|job_log|log\.info|startup\.announce|spent_ms|error_reporting'
)


def names() -> set[str]:
    """Return the names of all fields of log entries."""
    found: set[str] = set()
    for file in (ROOT / "app").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if (
            file.relative_to(ROOT / "app").parts[0] in FOLDERS
            and file.name != "log_field_meanings.py"
            and LOGS.search(text)
        ):
            for node in ast.walk(ast.parse(text)):
                found |= _added(node).union(*map(keys, _values(node)))
    return (found | {*Counts._fields}) - {"fields"} - INNER


def _added(node: ast.AST) -> set[str]:
    """Return the field that a statement such as ``fields["job"] = …`` adds."""
    match node:
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key)))]):
            return {key} if name in NAMES else set()
    return set()


def _values(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions of a node that are fields of a log entry."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMES:
            yield value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in NAMES:
            yield value
        case ast.AugAssign(target=ast.Name(id=name), value=value) if name in NAMES:
            yield value
        case ast.FunctionDef(name=name) if name in FUNCTIONS:
            yield from (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value)
        case ast.Call():
            yield from _arguments(node)


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in CALLS:
        yield from call.args
    yield from (each.value for each in call.keywords if each.arg in KEYWORDS)


def keys(value: ast.expr) -> set[str]:
    """Return the keys of the dictionaries in an expression; within ``fields``, those of its value."""
    match value:
        case ast.Dict(keys=found, values=values):
            named = {key.value for key in found if isinstance(key, ast.Constant) and isinstance(key.value, str)}
            inner = (each for key, each in zip(found, values, strict=True) if _is_inner(key))
            return named.union(*map(keys, inner))
        case ast.BinOp(left=left, right=right):
            return keys(left) | keys(right)
        case ast.IfExp(body=left, orelse=right):
            return keys(left) | keys(right)
    return set()


def _is_inner(key: ast.expr | None) -> bool:
    return key is None or (isinstance(key, ast.Constant) and key.value == "fields")
