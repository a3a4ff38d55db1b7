"""Rules of migrations: none may stop the service while PostgreSQL reads or rewrites a table.

A table that the same migration creates is empty, and everything is allowed there. The rules are those of squawk
(https://squawkhq.com/docs/rules) that apply to operations of Alembic; ``op.execute`` is read as SQL.
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

Findings = Iterator[tuple[int, str]]

STRICT_FROM: Final = "0014"
"""Migrations before this one were not applied where tables are large."""
VOLATILE: Final = re.compile(
    r"\b(gen_random_uuid|uuid_generate_v\d\w*|uuidv[47]|random|clock_timestamp|nextval)\b", re.IGNORECASE
)
LONG_SQL: Final = (
    (
        re.compile(r"\bCREATE\s+(UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)", re.IGNORECASE),
        "CREATE INDEX blocks writes while PostgreSQL reads the table: write CONCURRENTLY, in an autocommit_block()",
    ),
    (
        re.compile(r"\bSET\s+NOT\s+NULL\b", re.IGNORECASE),
        "SET NOT NULL reads the table under a lock: first validate a CHECK (… IS NOT NULL) that was added NOT VALID",
    ),
    (
        re.compile(
            r"\bADD\s+CONSTRAINT\s+\w+\s+(CHECK|FOREIGN\s+KEY)\b(?!.*\bNOT\s+VALID\b)", re.IGNORECASE | re.DOTALL
        ),
        "ADD CONSTRAINT reads the table under a lock: write NOT VALID, and VALIDATE CONSTRAINT in the next migration",
    ),
)


def locks(tree: ast.Module) -> Findings:
    """Yield the operations that lock a table with rows for long."""
    revision = next((each for each in _strings(tree, "revision")), "")
    upgrade = next((each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "upgrade"), None)
    if upgrade is None or (revision.isdecimal() and int(revision) < int(STRICT_FROM)):
        return
    helpers = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    nodes = list(_reached(upgrade, helpers, set()))
    created = {_argument(each, 0) for each in nodes if _operation(each) == "create_table"}
    if created and None in created:
        return  # the names of the tables are computed
    for call in nodes:
        table = _argument(call, 1 if _operation(call) in SECOND else 0)
        if table is None or table not in created:
            yield from ((call.lineno, sentence) for sentence in _faults(call))


SECOND: Final = frozenset({"create_index", "create_check_constraint", "create_foreign_key", "create_unique_constraint"})
"""Operations whose second argument is the table."""


def _faults(call: ast.Call) -> Iterator[str]:
    match _operation(call):
        case "create_index" if not _is_true(call, "postgresql_concurrently"):
            yield (
                "create_index blocks writes while PostgreSQL reads the table: write postgresql_concurrently=True, in a"
                " separate migration, with op.get_context().autocommit_block()"
            )
        case "create_check_constraint" | "create_foreign_key" if not _is_true(call, "postgresql_not_valid"):
            yield (
                f"{_operation(call)} reads the table under a lock: write postgresql_not_valid=True, and execute ALTER"
                " TABLE … VALIDATE CONSTRAINT in the next migration"
            )
        case "create_unique_constraint":
            yield (
                "create_unique_constraint blocks writes while PostgreSQL reads the table: create a unique index with"
                " postgresql_concurrently=True instead"
            )
        case "alter_column":
            yield from _altered(call)
        case "add_column":
            yield from _added(call)
        case "execute":
            text = ast.unparse(call)
            yield from (sentence for pattern, sentence in LONG_SQL if pattern.search(text))


def _altered(call: ast.Call) -> Iterator[str]:
    if _keyword(call, "nullable") == "False":
        yield (
            "nullable=False reads the table under a lock: first add a check (column IS NOT NULL) with NOT VALID and"
            " validate it in the next migration, then PostgreSQL reads nothing"
        )
    if _keyword(call, "type_"):
        yield (
            "a changed type rewrites the table under a lock: add a column with the new type, write both in one release,"
            " and drop the old one in the next"
        )


def _added(call: ast.Call) -> Iterator[str]:
    column = next((each for each in call.args if isinstance(each, ast.Call) and _last(each.func) == "Column"), None)
    if column is None:
        return
    default = _keyword(column, "server_default")
    if default and VOLATILE.search(default):
        yield (
            "a volatile default rewrites the table under a lock: add the column without a default, set the default with"
            " op.alter_column, and fill existing rows in batches"
        )
    if _keyword(column, "nullable") == "False" and not default and "Identity" not in ast.unparse(column):
        yield (
            "a column that is NOT NULL without a default fails on a table with rows, and in the previous release: write"
            " nullable=True, or a constant server_default"
        )


def _reached(function: ast.FunctionDef, helpers: dict[str, ast.FunctionDef], seen: set[str]) -> Iterator[ast.Call]:
    """Yield the calls of a function and of the functions of the file that it calls."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield node
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in helpers and name not in seen:
                seen.add(name)
                yield from _reached(helpers[name], helpers, seen)


def _operation(call: ast.Call) -> str:
    """Return the name of an operation of Alembic; an empty string for another call."""
    is_operation = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in {"op", "batch_op"}
    return _last(call.func) if is_operation else ""


def _last(name: ast.expr) -> str:
    return name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""


def _argument(call: ast.Call, position: int) -> str | None:
    """Return a text argument; ``None`` if it is missing or computed."""
    given = call.args[position : position + 1]
    return given[0].value if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str) else None


def _keyword(call: ast.Call, name: str) -> str:
    return next((ast.unparse(each.value) for each in call.keywords if each.arg == name), "")


def _is_true(call: ast.Call, name: str) -> bool:
    return _keyword(call, name) == "True"


def _strings(tree: ast.Module, name: str) -> Iterator[str]:
    for node in tree.body:
        named = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        if name in {ast.unparse(each) for each in named} and isinstance(value, ast.Constant):
            yield str(value.value)


RULES: Final = (locks,)
