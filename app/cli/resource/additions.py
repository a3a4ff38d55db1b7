"""Adds a member to a resource of ``flask new resource``: to its model, schema and errors, with a migration."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.cli import resource as generator
from app.cli import revision_ids
from app.cli.resource import grpc_code
from app.cli.resource.design import CREATED_BY, Index, declared
from app.cli.resource.files import written
from app.cli.resource.members import Member
from app.config import VERSION

IMPORTS: Final = """from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.resource import money, reference
"""
"""All names that a column needs; those that this one does not use are removed."""


class Source:
    """A Python file to which lines are added. They use the word gadgets, as the templates do."""

    def __init__(self, root: Path, path: Path, words: "generator.Words | None" = None) -> None:
        if not (root / path).is_file():
            raise ValueError(f"{path} is missing: name a resource of flask new resource")
        self.path, self.text, self.words = path, (root / path).read_text(), words

    @property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text)

    def assignment(self, of: str, name: str) -> ast.Assign:
        """Return the assignment to a name in a class.

        Raises:
            ValueError: there is none.
        """
        bodies = (each.body for each in self.tree.body if isinstance(each, ast.ClassDef) and each.name == of)
        for each in next(bodies, []):
            if isinstance(each, ast.Assign) and _name(each) == name:
                return each
        raise ValueError(f"{self.path} has no {name} in {of}: it is not a file of flask new resource")

    def insert(self, line: int, text: str) -> None:
        """Insert lines after a line, counted from 1."""
        lines, new = self.text.splitlines(), self.words.put_into(text) if self.words else text
        self.text = "\n".join([*lines[:line], *new.splitlines(), *lines[line:], ""])

    def add_imports(self, text: str) -> None:
        """Insert imports after the docstring."""
        self.insert(self.tree.body[0].end_lineno or 1, text)


def add(root: Path, many: str, word: str) -> dict[Path, bool]:
    """Write a member into the files of a resource, or change nothing. Return the paths, as ``resource.write``.

    Raises:
        ValueError: the member is invalid, or the resource was not written by ``flask new resource``.
    """
    member = Member.of(word)
    if member.is_parent:
        raise ValueError("a parent decides the paths of a resource: name it when you generate the resource")
    if not member.is_optional:
        raise ValueError(f"existing rows have no {member.words}: write {word}:optional")
    generator.check_target(root, member.target)
    model = Source(root, Path("app", "models", f"{many}.py"))
    entity = next((each for each in model.tree.body if isinstance(each, ast.ClassDef) and _is_resource(each)), None)
    if entity is None:
        raise ValueError(f"{model.path} has no subclass of Resource: name a resource of flask new resource")
    words = generator.Words(many, entity.name.lower())
    model.words = words
    return written(root, _files(root, words, model, entity, member))


def _is_resource(each: ast.ClassDef) -> bool:
    return "Resource" in {ast.unparse(base) for base in each.bases}


def _files(
    root: Path, words: "generator.Words", model: Source, entity: ast.ClassDef, member: Member
) -> Iterator[tuple[Path, str]]:
    """Yield the changed files and the migration."""
    named = {_name(each): each for each in entity.body if isinstance(each, ast.Assign)}
    owner, parent = (_text(named[name]) if name in named else None for name in ("owner", "parent"))
    if member.per and member.per not in {owner, CREATED_BY, *_attributes(entity)}:
        raise ValueError(f"unique-per={member.per} does not name a member")
    if member.name in _attributes(entity):
        raise ValueError(f"{model.path} already has {member.name!r}")
    indexes = member.indexes("gadgets", parent or owner)
    yield _model(model, entity, member, indexes)
    wire = Source(root, Path("app", "wire", "schemas", f"{words.many}.py"), words)
    wire.insert(wire.assignment(f"{entity.name}Schema", "create_time").lineno - 1, f"    {member.field(None)}")
    yield wire.path, wire.text
    yield from _protocol(root, words, entity, member)
    if member.is_unique or member.target:
        yield from _declared_errors(root, words, member)
    for path, text in _migrations(root, member, indexes):
        yield Path(words.put_into(str(path))), words.put_into(text)
    yield from generator.announced(root, words.put_into(_entry(member)))


def _model(model: Source, entity: ast.ClassDef, member: Member, indexes: list[Index]) -> tuple[Path, str]:
    columns = [each for each in entity.body if isinstance(each, ast.AnnAssign)]
    table = model.assignment(entity.name, "__table_args__")
    if not isinstance(table.value, ast.Tuple) or not columns:
        raise ValueError(f"{model.path} has no tuple __table_args__: it is not a file of flask new resource")
    last = table.value.elts[-1].end_lineno or 1
    model.insert(last, "\n".join(f"        {declared(each)}," for each in indexes))
    model.insert(columns[-1].end_lineno or 1, f"    {member.attribute}")
    taken = f"from app.errs.gadgets import Gadget{member.pascal}Taken\n" if member.is_unique else ""
    model.add_imports(IMPORTS + taken)
    return model.path, model.text


def _protocol(root: Path, words: "generator.Words", entity: ast.ClassDef, member: Member) -> Iterator[tuple[Path, str]]:
    """Yield the files of the gRPC protocol with the member, if gRPC serves the resource."""
    path = grpc_code.path_of(words.many)
    if (root / path).is_file():
        text = grpc_code.with_member((root / path).read_text(), entity.name, member)
        yield from {path: text, **grpc_code.generated(root, {path: text})}.items()


def _migrations(root: Path, member: Member, indexes: list[Index]) -> Iterator[tuple[Path, str]]:
    """Yield the migration of the column, and that of its indexes, which are created without a transaction."""
    key = f"fk_gadgets_{member.name}_{member.target}" if member.target else ""
    before = generator.head(root)
    revision = revision_ids.new_id(before)
    for snippet, what in (("member", ""), ("index", "index_")):
        if snippet == "member" or indexes:
            template = generator.ENGINE.get_template(f"snippets/{snippet}.txt")
            facts = {"revision": revision, "before": before}
            path = generator.MIGRATIONS / f"{revision}_{what}{member.name}_of_gadgets.py"
            yield path, template.render(member=member, indexes=indexes, key=key, **facts)
            before, revision = revision, str(int(revision) + 1)


def _declared_errors(root: Path, words: "generator.Words", member: Member) -> Iterator[tuple[Path, str]]:
    """Yield the file of the errors, and the service, whose operations declare the error of the member."""
    name, origin = "ValidationFailed", "app.errs.requests"
    if member.is_unique:
        name, origin = f"Gadget{member.pascal}Taken", "app.errs.gadgets"
        errors = Source(root, Path("app", "errs", f"{words.many}.py"))
        template = generator.ENGINE.get_template("snippets/taken.txt")
        yield errors.path, errors.text + words.put_into(template.render(member=member, version=VERSION))
    service, raised = Source(root, Path("app", "services", f"{words.many}.py"), words), words.put_into(name)
    pattern = re.compile(r"@raises\(([^()]*)\)(?=\n(?:    @\w+\n)*    def (?:create|replace)\()")
    service.text = pattern.sub(lambda found: f"@raises({_once(found[1], raised)})", service.text)
    service.add_imports(f"from {origin} import {name}\n")
    yield service.path, service.text


def _once(listed: str, name: str) -> str:
    """Return the errors of a declaration with one more, unless it is among them."""
    names = [each.strip() for each in listed.split(",") if each.strip()]
    return ", ".join(names if name in names else [*names, name])


def _entry(member: Member) -> str:
    code = f" A second one is 409 `GADGET_{member.name.upper()}_TAKEN`." if member.is_unique else ""
    return f"- Gadgets have `{member.name}`, which can be null, in requests, responses, `filter` and `fields`.{code}\n"


def _attributes(entity: ast.ClassDef) -> set[str]:
    return {ast.unparse(each.target) for each in entity.body if isinstance(each, ast.AnnAssign)}


def _name(each: ast.Assign) -> str:
    return ast.unparse(each.targets[0])


def _text(each: ast.Assign) -> str:
    return str(ast.literal_eval(each.value))
