"""Generates a resource from templates: its own files in each layer, and its lines in shared files.

The templates are those of Jinja, and use the word gadgets. ``lines.txt`` names the shared files, and below each the
lines to add; each line is placed among similar lines.
"""

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final, Self

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from app.cli import revision_ids
from app.cli.resource import grpc_code
from app.cli.resource.design import Design
from app.cli.resource.files import PROBLEMS, write_rules_of_nginx, written
from app.cli.resource.parent import parent_of
from app.config import VERSION

TEMPLATE: Final = Path(__file__).parent / "template"
GRPC_TEMPLATE: Final = Path(__file__).parent / "grpc_template"
LINES: Final = TEMPLATE / "lines.txt"
CHANGELOG: Final = Path("CHANGELOG.md")
MIGRATIONS: Final = Path("migrations", "versions")
WORD: Final = re.compile("[a-z]{2,14}")
SAMPLE: Final = re.compile("gadgets?|Gadgets?|GADGETS?")
ENGINE: Final = Environment(
    loader=FileSystemLoader([TEMPLATE, GRPC_TEMPLATE]),
    undefined=StrictUndefined,
    variable_start_string="<<",
    variable_end_string=">>",
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 -- Python code, no HTML
)
SINGULAR: Final = (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x"), ("s", ""))


@dataclass(frozen=True, slots=True)
class Words:
    """The plural and the singular of a resource's name."""

    many: str
    one: str

    @classmethod
    def of(cls, many: str, one: str | None = None) -> Self:
        """Return both words.

        Raises:
            ValueError: a word cannot be used in code.
        """
        if one is None:
            one = next((many.removesuffix(end) + put for end, put in SINGULAR if many.endswith(end)), many)
        for word in (many, one):
            if not WORD.fullmatch(word):
                raise ValueError(f"{word!r} is not a name for a resource, which is a word of 2 to 14 small letters")
            if keyword.iskeyword(word) or word in vars(builtins) or word in _template_words():
                raise ValueError(f"{word!r} is reserved in Python or in the code of a resource")
        if many in RESERVED_WORDS:
            raise ValueError(f"{many!r} is reserved in SQL")
        if many == one:
            raise ValueError(f"{many!r} is not a plural: name the plural, and the singular with --singular")
        return cls(many, one)

    def put_into(self, text: str) -> str:
        """Return a template with these words; columns stay aligned."""
        text = re.sub("gadgets {2,}", lambda found: f"{self.many:<{len(found[0]) - 1}} ", text)
        return SAMPLE.sub(self._spelled, text)

    def _spelled(self, found: re.Match[str]) -> str:
        word = self.many if found[0][-1] in "sS" else self.one
        return word.upper() if found[0].isupper() else word.capitalize() if found[0].istitle() else word


def write(root: Path, words: Words, design: Design | None = None) -> dict[Path, bool]:
    """Write every file of the resource, or none. Return the paths, each with true if the file existed before.

    Raises:
        ValueError: the name is taken, or the tree does not match the templates.
    """
    design = design or Design.of(words.many)
    for each in design.members:
        check_target(root, each.target)
    for each in design.members:
        if each.is_parent:
            design = design.under(parent_of(root, each.name, each.target))
    made = dict(_new_files(root, words, design))
    if design.has_grpc:
        made |= grpc_code.generated(root, {path: text for path, text in made.items() if path.suffix == ".proto"})
    made.update(_changed_files(root, words, design))
    made.update(announced(root, words.put_into(design.changelog_entry)))
    if design.parent is None:
        return written(root, made.items())
    made[PROBLEMS] = (root / PROBLEMS).read_text()
    return written(root, made.items(), then=lambda: write_rules_of_nginx(root))


def _new_files(root: Path, words: Words, design: Design) -> Iterator[tuple[Path, str]]:
    """Yield the resource's own files."""
    before = head(root)
    facts = {"revision": revision_ids.new_id(before), "before": before, "version": VERSION}
    for name in _templates(design):
        path = Path(words.put_into(name.removesuffix(".txt").replace("REVISION", facts["revision"])))
        if (root / path).exists():
            raise ValueError(f"{path} already exists")
        yield path, words.put_into(_rendered(name, design, **facts))


def _templates(design: Design) -> list[str]:
    """Return the templates of a resource's own files."""
    folders = (TEMPLATE, GRPC_TEMPLATE) if design.has_grpc else (TEMPLATE,)
    found = ((folder, path) for folder in folders for path in folder.rglob("*.*.txt"))
    return sorted(str(path.relative_to(folder)) for folder, path in found)


def _rendered(name: str, design: Design, **facts: str) -> str:
    """Return a template with the members of a design."""
    return ENGINE.get_template(name).render(design.context(), **facts)


def head(root: Path) -> str:
    """Return the newest migration."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 -- serving processes import this package, without Alembic

    heads = ScriptDirectory(str((root / MIGRATIONS).parent)).get_heads()
    if len(heads) != 1:
        raise ValueError(f"the migrations have {len(heads)} heads instead of one: run flask db merge heads")
    return heads[0]


def _changed_files(root: Path, words: Words, design: Design) -> Iterator[tuple[Path, str]]:
    """Yield the shared files with the resource's lines."""
    for name, lines in _lines(design).items():
        if not (root / name).is_file():
            raise ValueError(f"{name} is missing: run this in a checkout")
        text = (root / name).read_text()
        if name.endswith(".py") and words.many in _names(text):
            raise ValueError(f"{name} already uses the name {words.many!r}")
        before = ""
        for line in lines:
            text = _placed(text, line, words, before or name)
            before = words.put_into(line).replace("@", "")
        yield Path(name), text


def check_target(root: Path, target: str) -> None:
    """Check that members can refer to a resource, if this is not empty.

    Raises:
        ValueError: it doesn't exist, or its ID is not a UUID.
    """
    model = root / "app" / "models" / f"{target}.py"
    if target and not model.is_file():
        raise ValueError(f"the resource {target!r} does not exist: app/models/{target}.py is missing")
    if target and (other := re.search(r"(?m)^    id: Mapped\[((?!UUID)\w+)", model.read_text())):
        raise ValueError(f"{target!r} can't be referred to: its id is {other[1]}, and references are UUID")


def announced(root: Path, entry: str) -> Iterator[tuple[Path, str]]:
    """Yield CHANGELOG.md with an entry for clients, which ``make contract`` requires, if it has an unreleased
    section.
    """
    path = root / CHANGELOG
    heading = re.search("(?m)^## Unreleased.*\n+", path.read_text()) if path.is_file() else None
    if heading:
        yield CHANGELOG, heading.string[: heading.end()] + entry + heading.string[heading.end() :]


def _placed(text: str, line: str, words: Words, before: str) -> str:
    """Return a text with one more line, in alphabetical order among similar lines.

    Similar lines match the whole template line, or its beginning up to the last or the first word. Otherwise they are
    the imports from the same package, or the place is after the line added before.
    """
    new, present = words.put_into(line).replace("@", ""), text.splitlines()
    ends = [each.end() for each in SAMPLE.finditer(line)]
    package = re.match(r"from \w+\.", line)
    others = [re.escape(package[0]) + ".*"] if package else []
    likes = (_like(line), *(f"{_like(line[:end])}.*" for end in (ends[-1], ends[0])), *others, re.escape(before))
    found = next(
        filter(None, ([n for n, each in enumerate(present) if re.fullmatch(like, each)] for like in likes)), []
    )
    if not found:
        raise ValueError(f"{before} has no line similar to {new.strip()!r}")
    found = _of_one_statement(found, present)
    at = next((n for n in found if present[n] > new), found[-1] + 1)
    while at < len(present) and present[at] < new and present[at].split()[-1:] == new.split()[-1:]:
        at += 1  # lines with the same ending belong to the same list
    return "\n".join([*present[:at], new, *present[at:], ""])


def _of_one_statement(found: list[int], lines: list[str]) -> list[int]:
    """Return the numbers of those indented lines that belong to the same statement as the first one."""
    if not lines[found[0]].startswith(" "):
        return found
    ends = (n for n in range(found[0], len(lines)) if lines[n] and not lines[n].startswith(" "))
    end = next(ends, len(lines))
    return [n for n in found if n < end]


def _like(line: str) -> str:
    """Return a pattern of the same line for another resource, which differs in the text between two @."""
    parts = re.split("@([^@]*)@", line)
    likes = (r"\w+".join(map(re.escape, SAMPLE.split(part))) for part in parts[::2])
    own = (_like_own(part) for part in parts[1::2])
    like = "".join(chain.from_iterable(zip_longest(likes, own, fillvalue="")))
    return re.sub(r"(?<=w\+)(\\ ){2,}", " +", like)


def _like_own(part: str) -> str:
    """Return a pattern of a word, or of the beginning of a nested path, which other resources do not need to have."""
    like = re.sub(r"\w+", r"\\w+", re.escape(part))
    return like if part.isidentifier() else f"(?:{like})?"


def _lines(design: Design) -> dict[str, list[str]]:
    """Return the lines to add to each shared file."""
    found: dict[str, list[str]] = {}
    for line in _rendered(LINES.name, design).splitlines():
        if SAMPLE.search(line):
            found[next(reversed(found))].append(line)
        else:
            found[line] = []
    return found


def _template_words() -> set[str]:
    """Return the names in the templates; a resource with such a name would be ambiguous."""
    facts = dict.fromkeys(("revision", "before", "version"), "")
    design = Design.of("gadgets", is_owned=True)
    templates = _templates(design)
    names = {name for template in templates for name in _names(_rendered(template, design, **facts))}
    return {name for name in names if not SAMPLE.search(name)}


def _names(program: str) -> set[str]:
    """Return the names of a program's modules, classes, functions, variables and attributes."""
    kinds = ((ast.Name, "id"), (ast.arg, "arg"), (ast.alias, "name"), (ast.ClassDef, "name"), (ast.FunctionDef, "name"))
    return {getattr(each, name) for each in ast.walk(ast.parse(program)) for kind, name in kinds if type(each) is kind}
