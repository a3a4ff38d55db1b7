"""Removes the code of a part from Python modules: statements, entries and imports that mention it, and tests of it.

A mention is a name or a string that the pattern of the part finds, or a name that was defined by code that is removed.
It removes the smallest unit around it: an imported name, an entry of a collection on separate lines, a keyword
argument on its own line, or a statement. In a function of tests, it removes the function. A comment ``# part: NAME``
marks the unit at its line instead: then only this unit is removed.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

MARK: Final = re.compile(r"#.*\bpart: ([\w, ]+)")
WORDS: Final = re.compile(r"[a-z]+(?::[a-z]+)?(?: [a-z]+(?::[a-z]+)?)+")
"""A list of scopes, which loses the scopes of the part."""
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_COLLECTIONS: Final = (ast.List, ast.Tuple, ast.Set)


@dataclass
class Module:
    """A module, the names in it that are no longer defined, and the number of tests that were removed."""

    path: Path
    text: str
    undefined: set[str] = field(default_factory=set)
    removed_tests: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Removal:
    """The removal of a part from all modules: a pattern of mentions, and the modules and fixtures that are gone."""

    part: str
    mention: re.Pattern[str] | None
    scopes: frozenset[str] = frozenset()
    modules: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    """Names of modules that were removed: the module, and the name."""


def thin(module: Module, removal: Removal, *, fixtures: Iterable[str] = ()) -> bool:
    """Remove the part from a module. Return whether it changed."""
    before = module.text
    if not _may_mention(module, removal, {*module.undefined, *fixtures}):
        return False
    while (after := _once(module, removal, {*module.undefined, *fixtures})) != module.text:
        module.text = after
    if module.text != before:
        module.text = _without_unused(before, module.text)
    return module.text != before


def _may_mention(module: Module, removal: Removal, undefined: set[str]) -> bool:
    """Return whether a module needs a closer look: most need none."""
    words, imported = _words(module.text)
    modules = removal.modules | {source for source, _ in removal.names}
    return (
        f"part: {removal.part}" in module.text
        or bool(undefined & words)
        or bool(modules & imported)
        or any(_found(removal.mention, word) for word in words)
        or any(scope in word for scope in removal.scopes for word in words)
    )


@cache
def _words(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names and strings of a module, and the modules and names that it imports."""
    words, imported = set(), set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.Constant(value=str(word)):
                words.add(word)
            case ast.keyword(arg=str(word)) | ast.FunctionDef(name=word) | ast.ClassDef(name=word):
                words.add(word)
            case ast.Import(names=names):
                imported |= {each.name for each in names}
            case ast.ImportFrom(module=str(source), names=names):
                words.add(source)
                imported |= {source, *(f"{source}.{each.name}" for each in names)}
                words |= {each.asname or each.name for each in names}
    return frozenset(words | imported), frozenset(imported)


def _without_unused(before: str, after: str) -> str:
    """Return a text without the imports that it no longer uses."""
    former = _used(ast.parse(before))
    while True:
        source = _Source(after)
        unused = (former - _used(source.tree)).__contains__
        names: list[ast.AST] = [
            each
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for each in node.names
            if unused((each.asname or each.name).partition(".")[0])
        ]
        whole = {each: None for node in source.grown(names) for each in (node,)}
        cut = [each for each in whole if source.parents[each] not in whole]
        if not cut:
            return after
        after = source.without(cut, {})


def _used(tree: ast.AST) -> set[str]:
    """Return the names that a module reads, those in annotations and lists of names included."""
    words = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    read |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return read.union(*(re.findall(r"\w+", each) for each in words))


def _is_test(path: Path) -> bool:
    """Return whether functions of a module only make sense as a whole."""
    return path.parts[0] == "tests" and path.parts[1] not in ("fakes", "docs")


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _once(module: Module, removal: Removal, undefined: set[str]) -> str:
    source = _Source(module.text)
    units, words = source.units(removal, undefined, name_of(module.path), is_test=_is_test(module.path))
    module.removed_tests += [
        each.name for each in units if isinstance(each, _FUNCTIONS) and each.name.startswith("test_")
    ]
    gone = set(_bound_by(units, source))
    text = source.without(units, words)
    if gone:
        module.undefined |= gone - _bound(ast.parse(text))
    return text


class _Source:
    """A parsed module."""

    def __init__(self, text: str) -> None:
        self.text, self.lines = text, text.splitlines(keepends=True)
        self.tree = ast.parse(text)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        starts, total = [0], 0
        for line in self.lines:
            total += len(line)
            starts.append(total)
        self._starts = starts

    # positions

    def offset(self, line: int, column: int) -> int:
        """Return the position of a node's line and column, which counts bytes."""
        content = self.lines[line - 1] if line <= len(self.lines) else ""
        return self._starts[line - 1] + len(content.encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the beginning and the end of a node in the text."""
        first, end = _ends(node)
        begin = min([first, *(_ends(each)[0] for each in getattr(node, "decorator_list", ()))])
        if begin != first:  # the sign before a decorator
            return self.text.rindex("@", 0, self.offset(*begin)), self.offset(*end)
        return self.offset(*begin), self.offset(*end)

    def own_lines(self, node: ast.AST) -> tuple[int, int] | None:
        """Return the lines of a node, unless other code is on them."""
        first, last = self._pair(node) or (node, node)
        begin, end = self.span(first)[0], self.span(last)[1]
        start = self.text.rfind("\n", 0, begin) + 1
        stop = self.text.find("\n", end) + 1 or len(self.text)
        rest = self.text[end:stop].strip()
        if self.text[start:begin].strip() or not re.fullmatch(r",?\s*(?:#.*)?", rest):
            return None
        return start, stop

    # units

    def units(
        self, removal: Removal, undefined: set[str], module: str, *, is_test: bool
    ) -> tuple[list[ast.AST], dict[ast.Constant, str]]:
        """Return the outermost nodes to remove, and strings to replace."""
        marked = self._marked(removal.part)
        found: dict[ast.AST, None] = {}
        words: dict[ast.Constant, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and (less := _less(node, removal.scopes)):
                words[node] = less
            elif self._mentions(node, removal, undefined, module):
                found[self._unit(node, marked, is_test=is_test)] = None
        found |= dict.fromkeys(marked.values())
        found.pop(self.tree, None)
        if not found:
            return [], words
        grown = self.grown(found)
        outermost = [each for each in grown if not any(above in grown for above in self.above(each))]
        return outermost, {
            node: text for node, text in words.items() if not any(above in grown for above in self.above(node))
        }

    def _marked(self, part: str) -> dict[int, ast.AST]:
        """Return the units of marks by each of their lines."""
        marks = []
        if f"part: {part}" not in self.text and f", {part}" not in self.text:
            return {}
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            mark = MARK.search(token.string) if token.type == tokenize.COMMENT else None
            if mark and part in re.split(r"[, ]+", mark[1]):
                marks.append(token.start[0])
        found: dict[int, ast.AST] = {}
        for line in marks:
            around = [
                node
                for node in ast.walk(self.tree)
                if self._can_go(node) and self.own_lines(node) and self._first(node) <= line <= self._last(node)
            ]
            if not around:
                raise ValueError(f"line {line}: nothing to remove at this mark")
            unit = min(around, key=lambda node: (self._last(node) - self._first(node), -self.span(node)[0]))
            found |= dict.fromkeys(range(self._first(unit), self._last(unit) + 1), unit)
        return found

    def _first(self, node: ast.AST) -> int:
        return self.text.count("\n", 0, self.span(node)[0]) + 1

    def _last(self, node: ast.AST) -> int:
        return _ends((self._pair(node) or (node, node))[1])[1][0]

    def _mentions(self, node: ast.AST, removal: Removal, undefined: set[str], module: str) -> bool:
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                return name in undefined or _found(removal.mention, name)
            case ast.alias(name=name, asname=other):
                above = self.parents[node]
                source = above.module or "" if isinstance(above, ast.ImportFrom) else ""
                full = f"{source}.{name}" if source else name
                return (
                    full in removal.modules
                    or source in removal.modules
                    or (source, name) in removal.names
                    or _found(removal.mention, name)
                    or _found(removal.mention, other)
                )
            case ast.ImportFrom(module=name):
                return _found(removal.mention, name)
            case ast.Attribute(attr=name) | ast.keyword(arg=name):
                return _found(removal.mention, name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                return _found(removal.mention, name)
            case ast.Constant(value=str(text)):
                listed = text in undefined and self._is_listed(node)
                return listed or (not self._is_docstring(node) and _found(removal.mention, text))
        return False

    def _is_listed(self, node: ast.AST) -> bool:
        """Return whether a string is an entry of ``__all__``."""
        return any(
            isinstance(each, ast.Assign)
            and any(isinstance(name, ast.Name) and name.id == "__all__" for name in each.targets)
            for each in self.above(node)
        )

    def _is_docstring(self, node: ast.AST) -> bool:
        return isinstance(self.parents.get(node), ast.Expr)

    def _unit(self, node: ast.AST, marked: dict[int, ast.AST], *, is_test: bool) -> ast.AST:
        if unit := marked.get(getattr(node, "lineno", 0)):
            return unit
        chain = [node, *self.above(node)]
        functions = [each for each in chain if isinstance(each, _FUNCTIONS)] if is_test else []
        if functions and not any(self._is_case(each, functions[-1]) for each in chain):
            return functions[-1]
        return next((each for each in chain if self._is_unit(each)), self.tree)

    def _is_case(self, node: ast.AST, test: ast.AST) -> bool:
        """Return whether a node is a case of a parametrized test, which can go alone."""
        above = self.parents.get(node)
        call = self.parents.get(above) if isinstance(above, _COLLECTIONS) else None
        return isinstance(call, ast.Call) and call in getattr(test, "decorator_list", ()) and len(call.args) > 1

    def _can_go(self, node: ast.AST) -> bool:
        above = self.parents.get(node)
        return (
            isinstance(node, ast.stmt | ast.alias)
            or isinstance(above, _COLLECTIONS)
            or (isinstance(node, ast.keyword) and isinstance(above, ast.Call))
            or (isinstance(above, ast.Dict) and node in above.keys)
        )

    def _is_unit(self, node: ast.AST) -> bool:
        above = self.parents.get(node)
        if isinstance(node, ast.stmt | ast.alias):
            return True
        if isinstance(above, ast.Dict):
            return self._pair(node) is not None
        if isinstance(node, ast.keyword):
            return isinstance(above, ast.Call) and self.own_lines(node) is not None
        if not isinstance(above, _COLLECTIONS):
            return False
        if isinstance(above, ast.Tuple) and isinstance(self.parents.get(above), _COLLECTIONS):
            return False  # a part of an entry
        if self.own_lines(node):
            return True
        around = self.parents.get(above)
        if isinstance(around, ast.Call):
            if around in getattr(self.parents.get(around), "decorator_list", ()):
                return True  # a case of a test
            around = self.parents.get(around)
        same = len({type(each) for each in above.elts}) == 1
        return isinstance(around, ast.Assign | ast.AnnAssign) and around in self.tree.body and same

    def _pair(self, node: ast.AST) -> tuple[ast.AST, ast.AST] | None:
        """Return the key and the value of an entry of a dictionary."""
        above = self.parents.get(node)
        if not isinstance(above, ast.Dict):
            return None
        at = above.keys.index(node) if node in above.keys else above.values.index(node)  # type: ignore[arg-type]
        key = above.keys[at]
        return (key, above.values[at]) if key else None

    def grown(self, found: Iterable[ast.AST]) -> set[ast.AST]:
        """Add statements that would be empty, and the texts below removed assignments."""
        grown = set(found)
        while True:
            more = {each for node in ast.walk(self.tree) if node not in grown for each in self._emptied(node, grown)}
            if more <= grown:
                return grown
            grown |= more

    def _emptied(self, node: ast.AST, gone: set[ast.AST]) -> Iterator[ast.AST]:
        if isinstance(node, ast.Import | ast.ImportFrom) and gone.issuperset(node.names):
            yield node
        if isinstance(node, _COLLECTIONS) and node.elts and gone.issuperset(node.elts):
            around = self.parents[node]
            if isinstance(around, ast.Call) and around in getattr(self.parents.get(around), "decorator_list", ()):
                yield self.parents[around]
        if isinstance(node, ast.ClassDef | ast.If | ast.With | ast.For | ast.FunctionDef | ast.Module):
            rest = [each for each in node.body if each not in gone and not self._is_text(each)]
            if not rest and not isinstance(node, ast.Module) and any(each in gone for each in node.body):
                yield node
            for each, following in zip(node.body, node.body[1:], strict=False):
                if each in gone and isinstance(each, ast.Assign | ast.AnnAssign) and self._is_text(following):
                    yield following

    def _is_text(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, from the inside out."""
        while (above := self.parents.get(node)) is not None:
            yield above
            node = above

    # the result

    def without(self, units: list[ast.AST], words: dict[ast.Constant, str]) -> str:
        """Return the text without some nodes."""
        cuts = [(*self._cut(each), "") for each in units]
        cuts += [(*self.span(node), f'"{text}"') for node, text in words.items()]
        text, end = self.text, len(self.text) + 1
        for begin, stop, instead in sorted(cuts, reverse=True):
            if stop <= end:
                text = text[:begin] + instead + text[stop:]
                end = begin
        return text

    def _cut(self, node: ast.AST) -> tuple[int, int]:
        first, last = self._pair(node) or (node, node)
        begin, end = self.span(first)[0], self.span(last)[1]
        start = self.text.rfind("\n", 0, begin) + 1
        stop = self.text.find("\n", end) + 1 or len(self.text)
        rest = self.text[end:stop].strip()
        if not self.text[start:begin].strip() and re.fullmatch(r",?\s*(?:#.*)?", rest):
            return start, stop
        if after := re.match(r"\s*,\s*", self.text[end:]):
            return begin, end + after.end()
        if before := re.search(r",\s*$", self.text[:begin]):
            return before.start(), end
        return begin, end


def _ends(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    if not isinstance(node, ast.stmt | ast.expr | ast.alias | ast.keyword | ast.arg):
        return (1, 0), (1, 0)
    return (node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)


def _found(pattern: re.Pattern[str] | None, text: str | None) -> bool:
    return pattern is not None and text is not None and pattern.search(text) is not None


def _less(node: ast.Constant, scopes: frozenset[str]) -> str | None:
    """Return a list of scopes without those of the part."""
    if not isinstance(node.value, str) or not WORDS.fullmatch(node.value):
        return None
    words = node.value.split()
    kept = [word for word in words if word not in scopes]
    return " ".join(kept) if kept and kept != words else None


def _bound_by(units: Iterable[ast.AST], source: _Source) -> Iterator[str]:
    """Yield the names that removed nodes of a module bind."""
    for unit in units:
        is_outer = not any(isinstance(above, ast.ClassDef | ast.FunctionDef) for above in source.above(unit))
        if isinstance(unit, ast.alias):
            yield (unit.asname or unit.name).partition(".")[0]
        elif is_outer:
            yield from _bound(unit)


def _bound(tree: ast.AST) -> set[str]:
    """Return the names that a tree binds outside functions and classes."""
    found: set[str] = set()
    todo = [tree]
    while todo:
        node = todo.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
                continue
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(each.asname or each.name).partition(".")[0] for each in names}
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
        todo += ast.iter_child_nodes(node)
    return found


def fixtures_of(text: str) -> set[str]:
    """Return the names of the fixtures that a module defines."""
    return {
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, _FUNCTIONS) and any("fixture" in ast.unparse(each) for each in node.decorator_list)
    }


def has_tests(text: str) -> bool:
    """Return whether a module has a test."""
    return any(isinstance(node, _FUNCTIONS) and node.name.startswith("test_") for node in ast.walk(ast.parse(text)))
