"""Rules of the files in ``app``: creations, transactions, exceptions."""

import ast
from collections.abc import Callable, Iterator
from typing import Final

Findings = Iterator[tuple[int, str]]
Rule = Callable[[ast.Module], Findings]

CATCHING_SERVICES: Final = frozenset({"app/services/jobs.py", "app/services/revocations.py"})
"""The services that run code of others: a job handler, and a poll. They report every exception."""
MACHINERY: Final = frozenset(
    f"app/repositories/{name}.py"
    for name in ("compiled_statement", "libpq_commands", "pool", "stale_plans", "transaction", "unit_of_work")
)
"""The modules of repositories that are the transaction, not a part of one."""
COLLECTIONS: Final = ("app/services/", "app/repositories/", "app/models/", "app/rest/handlers/", "app/rpc/handlers/")
CALLERS: Final = ("app/services/", "app/cli/", "app/rest/handlers/", "app/rpc/handlers/")
"""Folders whose code begins units of work."""
CREATED: Final = ("CREATED", "201")


def of(path: str) -> tuple[Rule, ...]:
    """Return the rules of a file."""
    found: list[Rule] = []
    if path.startswith("app/rest/handlers/"):
        found.append(creation_without_once)
    if path.startswith("app/repositories/") and path not in MACHINERY:
        found.append(commit_in_a_repository)
    if path.startswith(CALLERS):
        found.append(unit_of_work_without_commit)
    if path.startswith((*COLLECTIONS, "app/clients/", "app/wire/")) and path not in {*CATCHING_SERVICES, *MACHINERY}:
        found.append(broad_except)
    return tuple(found)


def creation_without_once(tree: ast.Module) -> Findings:
    """Yield handlers that create and are not repeatable.

    They respond with 201 to a POST, or are a custom method whose name begins with ``batchCreate``.
    """
    for view, is_post in _views(tree):
        names = [_name(each) for each in view.decorator_list]
        creates = any(_is_creation(each) for each in view.decorator_list)
        if is_post and creates and "once" not in names:
            yield (
                view.lineno,
                (
                    f"{view.name} creates without @once, therefore a client that repeats the request creates two:"
                    " write @once directly below @blp.route (from app.rest.idempotency import once)"
                ),
            )


def _views(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Yield the functions with decorators, and whether they respond to POST."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            routes = [each for each in node.decorator_list if _name(each) in {"route", "post"}]
            sent = ast.unparse(ast.Module([ast.Expr(each) for each in routes], []))
            yield node, node.name == "post" or "POST" in sent or any(_name(each) == "post" for each in routes)


def _is_creation(decorator: ast.expr) -> bool:
    if not isinstance(decorator, ast.Call):
        return False
    if _name(decorator) == "response":
        return any(ast.unparse(each).endswith(CREATED) for each in decorator.args[:1])
    return _name(decorator) == "route" and ":batchCreate" in ast.unparse(decorator)


def _name(node: ast.expr) -> str:
    """Return the last part of the name of a decorator or a called function."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def commit_in_a_repository(tree: ast.Module) -> Findings:
    """Yield commits and rollbacks of a repository, whose changes would then stay although the use case fails."""
    for call in _calls(tree):
        if (name := _name(call.func)) in {"commit", "rollback"} and isinstance(call.func, ast.Attribute):
            yield (
                call.lineno,
                (
                    f"a repository ends the transaction of its use case: remove {name}(), and write unit.commit()"
                    " in the service, as the last statement of `with self._unit_of_work() as unit:`"
                ),
            )


def unit_of_work_without_commit(tree: ast.Module) -> Findings:
    """Yield units of work that are always rolled back."""
    for node in ast.walk(tree):
        for item in node.items if isinstance(node, ast.With | ast.AsyncWith) else ():
            if not (isinstance(item.context_expr, ast.Call) and _name(item.context_expr).lstrip("_") == "unit_of_work"):
                continue
            unit = ast.unparse(item.optional_vars) if item.optional_vars else "unit"
            ends = {ast.unparse(each.func) for each in _calls(node)}
            if f"{unit}.commit" not in ends:
                yield (
                    item.context_expr.lineno,
                    (
                        f"this unit of work has no {unit}.commit(), therefore its changes are rolled back: write"
                        f" {unit}.commit() as the last statement of the block, also if the block only reads"
                    ),
                )


def broad_except(tree: ast.Module) -> Findings:
    """Yield handlers of every exception, which hide bugs, deadlines and lost connections."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            spelled = f"except {ast.unparse(node.type)}" if node.type else "except"
            yield (
                node.lineno,
                (
                    f"`{spelled}` hides bugs and passed deadlines: write the errors that you handle, such as `except"
                    " TaskNotFound`, or `except Error as error` and compare error.kind; all others propagate unchanged"
                ),
            )


def _is_broad(caught: ast.expr | None) -> bool:
    named = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(each is None or _name(each) in {"Exception", "BaseException"} for each in named)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))
