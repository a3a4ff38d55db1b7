"""The migrations of a later release of upstream, as a repository gets them that ``make init`` has changed.

Those that ``make init`` has replaced by one stay away, and the others attach to that one, which has the ID of the last.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory

FOLDER: Final = Path("migrations")
VERSIONS: Final = FOLDER / "versions"
_WORD: Final = re.compile(r"\w+")
_BODIES: Final = ("body", "orelse", "handlers", "finalbody")


def keep(root: Path, fork: Path) -> dict[Path, int]:
    """Change the migrations of upstream in ``root``, and return the files that lost statements, with their number.

    Migrations that the fork has may have been applied: they stay as the fork has them. New ones lose the statements
    about tables that the fork does not have.

    Raises:
        RuntimeError: the fork does not begin with a migration of upstream, or has another one with the same ID.
    """
    mine, theirs = (ScriptDirectory(str(each / FOLDER)) for each in (fork, root))
    present = {each.revision: Path(each.path) for each in mine.walk_revisions()}
    found = {each.revision: Path(each.path) for each in reversed([*theirs.walk_revisions()])}  # the oldest first
    base = mine.get_base()
    if base is None or base not in found:
        raise RuntimeError(f"upstream has no migration {base}, with which those of this repository begin")
    replaced = {each.revision for each in theirs.iterate_revisions(base, "base")} - {base}
    for revision in found.keys() & present.keys() - replaced - {base}:
        if found[revision].name != present[revision].name:
            raise RuntimeError(f"{found[revision].name} of upstream and your {present[revision].name} have the same ID")
    absent, lost = _created(found.values()) - _existing(present.values()), {}
    for revision, path in found.items():
        if revision in replaced or revision in present:
            path.unlink()
        elif count := _forget(path, absent):
            lost[path] = count
    for revision in found.keys() & present.keys() - replaced:
        (root / VERSIONS / present[revision].name).write_bytes(present[revision].read_bytes())
    return lost


def _created(paths: Iterable[Path]) -> set[str]:
    return {name for path in paths for name in _tables(ast.parse(path.read_text()), "create_table")}


def _existing(paths: Iterable[Path]) -> set[str]:
    """Return the tables after all migrations, if none creates a table again that was dropped."""
    paths = [*paths]
    upgrades = (
        each
        for path in paths
        for each in ast.parse(path.read_text()).body
        if isinstance(each, ast.FunctionDef) and each.name == "upgrade"
    )
    return _created(paths) - {name for each in upgrades for name in _tables(each, "drop_table")}


def _tables(tree: ast.AST, operation: str) -> Iterator[str]:
    """Yield the tables to which an operation of Alembic is applied."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == operation:
            yield from (str(each.value) for each in call.args[:1] if isinstance(each, ast.Constant))


def _forget(path: Path, tables: set[str]) -> int:
    """Remove the statements about some tables, and return their number.

    If a statement creates a table, for instance one that refers to them, that table is added to them.
    """
    text = path.read_text()
    tree, lines = ast.parse(text), text.splitlines(keepends=True)
    module = _Module(tree, tables)
    removed = list[ast.stmt]()
    for each in module.statements():
        removed.append(each)
        tables.update(_tables(each, "create_table"))
    for each in reversed(removed):
        lines[each.lineno - 1 : each.end_lineno] = [" " * each.col_offset + "pass\n"]
    path.write_text("".join(lines))
    return len(removed)


class _Module:
    """A migration, and the tables of which mentions are searched in it."""

    def __init__(self, tree: ast.Module, tables: set[str]) -> None:
        self._tables = tables
        self._functions = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
        assigned = [(each.targets, each.value) for each in tree.body if isinstance(each, ast.Assign)]
        self._constants = {
            target.id: value for targets, value in assigned for target in targets if isinstance(target, ast.Name)
        }

    def statements(self) -> Iterator[ast.stmt]:
        """Yield the statements that mention one. A block is yielded as a whole if its first line does."""
        for function in self._functions:
            yield from self._within(function.body)

    def _within(self, statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        for each in statements:
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                continue  # a docstring
            inner = [part for name in _BODIES for part in getattr(each, name, ())]
            if any(self._mentions(part) for part in ast.iter_child_nodes(each) if part not in inner):
                yield each
            else:
                yield from self._within(inner)

    def _mentions(self, node: ast.AST, seen: frozenset[str] = frozenset()) -> bool:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return not self._tables.isdisjoint(_WORD.findall(node.value))
        if isinstance(node, ast.Name) and node.id in self._constants.keys() - seen:
            return self._mentions(self._constants[node.id], seen | {node.id})
        return any(self._mentions(each, seen) for each in ast.iter_child_nodes(node))
