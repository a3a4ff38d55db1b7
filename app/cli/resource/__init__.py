"""A resource's first files, from the templates beside this module: one for each floor, and the lines in files of all.

The templates speak of gadgets. ``lines.txt`` names files, and below each the lines it needs; a line finds its place
among those that are like it.
"""

import ast
import builtins
import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from app.config import VERSION

TEMPLATE: Final = Path(__file__).parent / "template"
LINES: Final = TEMPLATE / "lines.txt"
CHANGELOG: Final = Path("CHANGELOG.md")
ENTRY: Final = (
    "- `POST`, `GET /v1/gadgets`; `GET`, `PUT`, `DELETE /v1/gadgets/{id}`, with the scope `gadgets`;"
    " 404 `GADGET_NOT_FOUND`.\n"
)
MIGRATIONS: Final = Path("migrations", "versions")
WORD: Final = re.compile("[a-z]{2,14}")
SAMPLE: Final = re.compile("gadgets?|Gadgets?|GADGETS?")
SINGULAR: Final = (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x"), ("s", ""))
OWN_NAMES: Final = 'lint.isort.known-first-party = ["app", "tests"]'
TIDY: Final = (("check", "--fix-only", "--select", "I", "--config", OWN_NAMES), ("format",))


@dataclass(frozen=True, slots=True)
class Words:
    """What many of a resource are called, and one of them."""

    many: str
    one: str

    @classmethod
    def of(cls, many: str, one: str | None = None) -> Self:
        """Return both.

        Raises:
            ValueError: a word cannot be taken into a program.
        """
        if one is None:
            one = next((many.removesuffix(end) + put for end, put in SINGULAR if many.endswith(end)), many)
        for word in (many, one):
            if not WORD.fullmatch(word):
                raise ValueError(f"{word!r} is no name for a resource, which is a word of 2 to 14 small letters")
            if keyword.iskeyword(word) or word in vars(builtins) or word in _template_words():
                raise ValueError(f"{word!r} means something else to Python or in the code of a resource")
        if many in RESERVED_WORDS:
            raise ValueError(f"{many!r} means something else to SQL")
        if many == one:
            raise ValueError(f"{many!r} is no plural: name many of them, and one by --singular")
        return cls(many, one)

    def put_into(self, text: str) -> str:
        """Return a template with these words in place of its own; columns stay where they are."""
        text = re.sub("gadgets {2,}", lambda found: f"{self.many:<{len(found[0]) - 1}} ", text)
        return SAMPLE.sub(self._spelled, text)

    def _spelled(self, found: re.Match[str]) -> str:
        word = self.many if found[0][-1] in "sS" else self.one
        return word.upper() if found[0].isupper() else word.capitalize() if found[0].istitle() else word


def write(root: Path, words: Words) -> dict[Path, bool]:
    """Write every file of the resource, or none; return their paths, each with whether it was there before.

    Raises:
        ValueError: the name is taken, or the tree is not what the templates were made for.
    """
    files = _tidied(root, dict((*_new_files(root, words), *_changed_files(root, words), *_announced(root, words))))
    before: dict[Path, bytes | None] = {}
    try:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            before[path] = (root / path).read_bytes() if (root / path).exists() else None
            (root / path).write_text(text)
    except OSError as error:
        for path, content in before.items():
            (root / path).unlink(missing_ok=True) if content is None else (root / path).write_bytes(content)
        raise ValueError(f"{error.filename} cannot be written: {error.strerror}") from error
    return {path: content is not None for path, content in before.items()}


def _new_files(root: Path, words: Words) -> Iterator[tuple[Path, str]]:
    """Yield the files that are the resource's alone."""
    newest = max((int(path.name[:4]) for path in (root / MIGRATIONS).glob("[0-9]*.py")), default=0)
    facts = {"NUMBER": f"{newest + 1:04d}", "BEFORE": f"{newest:04d}", "VERSION": VERSION}
    for template in sorted(TEMPLATE.rglob("*.py.txt")):
        name, text = str(template.relative_to(TEMPLATE)).removesuffix(".txt"), template.read_text()
        for fact, value in facts.items():
            name, text = name.replace(fact, value), text.replace(fact, value)
        path = Path(words.put_into(name))
        if (root / path).exists():
            raise ValueError(f"{path} is there already")
        yield path, words.put_into(text)


def _changed_files(root: Path, words: Words) -> Iterator[tuple[Path, str]]:
    """Yield the files of all, with the lines that the resource adds to them."""
    for name, lines in _lines().items():
        if not (root / name).is_file():
            raise ValueError(f"{name} is missing: this is written for a checkout")
        text = (root / name).read_text()
        if name.endswith(".py") and words.many in _names(text):
            raise ValueError(f"{name} calls something {words.many!r} already")
        before = ""
        for line in lines:
            text = _placed(text, line, words, before or name)
            before = words.put_into(line)
        yield Path(name), text


def _announced(root: Path, words: Words) -> Iterator[tuple[Path, str]]:
    """Yield CHANGELOG.md with an entry for callers, which ``make contract`` wants, if it has an unreleased section."""
    path = root / CHANGELOG
    heading = re.search("(?m)^## Unreleased.*\n+", path.read_text()) if path.is_file() else None
    if heading:
        yield CHANGELOG, heading.string[: heading.end()] + words.put_into(ENTRY) + heading.string[heading.end() :]


def _placed(text: str, line: str, words: Words, before: str) -> str:
    """Return a text with one line more, in its place by the alphabet among those that are like it.

    Those are alike to the end; or else begin alike; or else it is the line that was added before.
    """
    new, present = words.put_into(line), text.splitlines()
    last = list(SAMPLE.finditer(line))[-1].end()
    likes = (f"{_like(line)}", f"{_like(line[:last])}.*", re.escape(before))
    found = next(
        filter(None, ([n for n, each in enumerate(present) if re.fullmatch(like, each)] for like in likes)), []
    )
    if not found:
        raise ValueError(f"{before} has no line like {new.strip()!r} to put it beside")
    at = next((n for n in found if present[n] > new), found[-1] + 1)
    while at < len(present) and present[at] < new and present[at].split()[-1:] == new.split()[-1:]:
        at += 1  # what only ends alike is of the same list
    return "\n".join([*present[:at], new, *present[at:], ""])


def _like(line: str) -> str:
    """Return a pattern of lines that say the same of another resource."""
    return re.sub(r"(?<=w\+)(\\ ){2,}", " +", r"\w+".join(map(re.escape, SAMPLE.split(line))))


def _lines() -> dict[str, list[str]]:
    """Return the lines that each file of all is to have."""
    found: dict[str, list[str]] = {}
    for line in LINES.read_text().splitlines():
        if SAMPLE.search(line):
            found[next(reversed(found))].append(line)
        else:
            found[line] = []
    return found


def _template_words() -> set[str]:
    """Return the names that the templates go by; a resource of one of them would be mistaken for what bears it."""
    names = {name for path in TEMPLATE.rglob("*.py.txt") for name in _names(path.read_text())}
    return {name for name in names if not SAMPLE.search(name)}


def _names(program: str) -> set[str]:
    """Return what a program calls its modules, classes, functions, variables and attributes."""
    kinds = ((ast.Name, "id"), (ast.arg, "arg"), (ast.alias, "name"), (ast.ClassDef, "name"), (ast.FunctionDef, "name"))
    return {getattr(each, name) for each in ast.walk(ast.parse(program)) for kind, name in kinds if type(each) is kind}


def _tidied(root: Path, files: dict[Path, str]) -> dict[Path, str]:
    """Return files as ruff has them: how lines break, and in what order import lines stand, depends on the words."""
    with TemporaryDirectory() as folder:
        for path, text in files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(text)
        for step in TIDY:
            command = [sys.executable, "-m", "ruff", *step, "--quiet", "--config", str(root / "pyproject.toml"), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- ours
            if done.returncode:
                raise ValueError(f"ruff, which make lint installs, said {' '.join(done.stderr.split())[-200:]!r}")
        return {path: (Path(folder) / path).read_text() for path in files}
