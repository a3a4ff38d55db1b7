"""The parent of a nested resource: the use case that returns it, which also decides if a caller may read it."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WIRING: Final = Path("app", "wiring", "__init__.py")


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent: its column and table, its errors, how it is read, and how its service is made."""

    column: str
    table: str
    errors: tuple[str, ...]
    """The errors of its use case. The first one means that the parent does not exist."""
    takes_caller: bool
    service: str
    """The expression in ``app/wiring`` that makes its service."""

    @property
    def absent(self) -> str:
        """The error for a parent that does not exist."""
        return self.errors[0]

    @property
    def pascal(self) -> str:
        """The name of the table in class names."""
        return self.table.capitalize()

    @property
    def one(self) -> str:
        """The parent in sentences."""
        return self.column.removesuffix("_id").replace("_", " ")

    @property
    def argument(self) -> str:
        """The caller in a call of its use case."""
        return ", by=by" if self.takes_caller else ""

    def path(self, parent_id: str) -> str:
        """Return the path of a parent."""
        return f"/v1/{self.table}/{parent_id}"


def parent_of(root: Path, column: str, table: str) -> Parent:
    """Return the parent that a column refers to.

    Raises:
        ValueError: no service has a ``get`` that needs no more than the ID and the caller.
    """
    path = root / "app" / "services" / f"{table}.py"
    named = re.findall(r"(?m)^class (\w+)\(", _text(root / "app" / "errs" / f"{table}.py"))
    for each in ast.walk(ast.parse(_text(path))):
        if not isinstance(each, ast.ClassDef) or not each.name.endswith("Service"):
            continue
        for method in each.body:
            if isinstance(method, ast.FunctionDef) and method.name == "get":
                arguments = zip(method.args.kwonlyargs, method.args.kw_defaults, strict=True)
                taken = [arg.arg for arg, default in arguments if default is None]
                made = re.search(rf"(?m)^        {table}=({each.name}\(.*\)),$", _text(root / WIRING))
                errors = tuple(name for name in _declared(method) if name in named)
                if len(method.args.args) == 2 and {*taken} <= {"by"} and made and errors:
                    return Parent(column, table, errors, "by" in taken, made[1])
    raise ValueError(f"{table!r} can't be a parent: app/services/{table}.py needs get(id, *, by) in a service")


def _declared(method: ast.FunctionDef) -> list[str]:
    """Return the errors that a use case declares, in their order."""
    calls = (each for each in method.decorator_list if isinstance(each, ast.Call))
    return [ast.unparse(arg) for call in calls if ast.unparse(call.func) == "raises" for arg in call.args]


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
