"""The optional parts of upstream, described in ``parts.toml``."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

KEPT: Final = "tasks"
"""The resource that the tests of every layer use."""
FILE: Final = Path(__file__).with_name("parts.toml")


class UnknownPartError(ValueError):
    """No part has this name."""


@dataclass(frozen=True)
class Part:
    """One part: its files, and the pattern of its mentions in other files."""

    name: str
    title: str
    others: tuple[str, ...] = ()
    """Parts that need this one."""
    paths: tuple[str, ...] = ()
    """Patterns of paths, as of ``Path.glob``."""
    code: str = ""
    """A pattern of names and strings in Python. The lines that use one belong to the part."""
    examples: tuple[str, ...] = ()
    """Pages that change it as an example."""
    not_in: tuple[str, ...] = ()
    """Patterns of paths where the same words mean something else."""
    scopes: tuple[str, ...] = ()
    """The scopes of the part, which strings with several scopes lose."""
    edits: tuple[dict[str, Any], ...] = field(default=())
    """Changes of other files, see ``forks.text_edits``."""

    @property
    def mention(self) -> "re.Pattern[str] | None":
        """Return the pattern of mentions in Python."""
        return re.compile(self.code) if self.code else None


_PARTS: Final[dict[str, Part]] = {}


def all_parts() -> Mapping[str, Part]:
    """Return all parts by name, in the order in which they are removed."""
    if not _PARTS:
        rename(str)
    return _PARTS


def rename(renamed: Callable[[str], str]) -> None:
    """Read the parts as a repository with another name has them."""
    found = tomllib.loads(renamed(FILE.read_text()))
    _PARTS.update((name, _part(name, each)) for name, each in found.items())


def _part(name: str, found: dict[str, Any]) -> Part:
    lists = {key: tuple(found.get(key, ())) for key in ("paths", "examples", "not_in", "scopes", "edits")}
    return Part(name, found["title"], tuple(found.get("with", ())), code=found.get("code", ""), **lists)


def add_generated(root: Path, text: str) -> None:
    """Add the resources of a list that ``flask new resource`` has generated in this repository."""
    for name in re.findall(r"\w+", text):
        files = (root / "tests" / "fakes" / f"{name}.py", root / "app" / "rest" / "handlers" / f"{name}.py")
        if name in all_parts() or name == KEPT or not all(file.exists() for file in files):
            continue
        model = (root / "app" / "models" / f"{name}.py").read_text()
        found = re.search(rf'class (\w+)\((?:(?!\nclass ).)*__tablename__ = "{name}"', model, re.DOTALL)
        if found:
            one = re.sub(r"(?<!^)(?=[A-Z])", "_", found[1]).lower()
            paths = (
                *(f"app/**/{name}.py", f"app/rpc/proto/{name}", f"app/rpc/gen/{name}"),
                *(f"tests/**/{name}.py", f"tests/**/test_{name}.py", f"tests/**/{name}"),
            )
            code = f"(?i){one}|{one.replace('_', '')}|{name}"
            edits = ({"file": "app/errs/__init__.py", "lines": [rf"── {name} "]},)
            elsewhere = ("tests/stack/test_new_widgets.py",)
            _PARTS[name] = Part(
                name, f"the resource {name}", paths=paths, code=code, not_in=elsewhere, scopes=(name,), edits=edits
            )


def chosen(text: str) -> tuple[str, ...]:
    """Return the parts of a list with commas, and those that need them, in the order of ``all_parts``.

    Raises:
        UnknownPartError: a name is unknown.
    """
    names = {word for word in re.split(r"[,\s]+", text) if word}
    if unknown := sorted(names - all_parts().keys()):
        raise UnknownPartError(f"no part is called {', '.join(unknown)}; the parts are {', '.join(all_parts())}")
    names |= {other for name in names for other in all_parts()[name].others}
    return tuple(name for name in all_parts() if name in names)
