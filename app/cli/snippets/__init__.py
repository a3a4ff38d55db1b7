"""Generates small additions with a test: a setting, a job, a metric, an error, or a client of another service.

A template has sections. ``=== PATH`` begins a new file. ``=== PATH :: PATTERN`` adds lines to a file, before the first
line that matches the pattern, or at the end of the file for the pattern ``end``.
"""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import FileSystemLoader

from app.cli import resource
from app.cli.resource.files import written
from app.config import VERSION

TEMPLATES: Final = Path(__file__).parent / "templates"
SECTION: Final = re.compile(r"(?m)^=== (\S+)(?: :: (.+))?\n")
END: Final = "end"
ENGINE: Final = resource.ENGINE.overlay(loader=FileSystemLoader(TEMPLATES))


@dataclass(frozen=True, slots=True)
class SettingType:
    """A type of setting: its annotation, reader, and values that it accepts and rejects, as Python code."""

    annotation: str
    reader: str
    accepted: str
    rejected: str


SETTINGS: Final = {
    "bool": SettingType("bool", "readers.boolean", '"true"', '"no"'),
    "int": SettingType("int", "readers.integer(0, 1_000_000)", '"1"', '"-1"'),
    "url": SettingType("str", "readers.public_url", '"https://www.example.com"', '"example"'),
}


def setting(root: Path, word: str, sentence: str) -> dict[Path, bool]:
    """Write a setting: ``tasks_open:bool=true``.

    Raises:
        ValueError: the word is invalid, or a file has another form than the templates expect.
    """
    name, _, described = word.partition(":")
    kind, _, default = described.partition("=")
    if kind not in SETTINGS or not default:
        raise ValueError(f"{word!r} is not a setting: write tasks_open:bool=true, with {', '.join(SETTINGS)}")
    value = {"bool": default.capitalize(), "int": default}.get(kind, f'"{default}"')
    if (kind == "bool" and value not in ("True", "False")) or (kind == "int" and not default.isdecimal()):
        raise ValueError(f"{default!r} is not a default of the type {kind}")
    facts = {"name": _name(name), "sentence": _sentence(sentence), "default": default, "value": value}
    return _written(root, "setting.jinja", type=SETTINGS[kind], **facts)


def job(root: Path, kind: str) -> dict[Path, bool]:
    """Write a job with its handler: ``tasks.expire``.

    Raises:
        ValueError: as for a setting.
    """
    subject, dot, verb = kind.partition(".")
    if not dot:
        raise ValueError(f"{kind!r} is not the kind of a job: write tasks.expire")
    return _written(root, "job.jinja", kind=kind, module=f"{_name(subject)}_{_name(verb)}", pascal=_pascal(kind))


def metric(root: Path, name: str, sentence: str) -> dict[Path, bool]:
    """Write a counter: ``tasks_sent_total``.

    Raises:
        ValueError: as for a setting.
    """
    if not name.endswith("_total"):
        raise ValueError(f"{name!r} is not a counter, whose name ends in _total")
    return _written(root, "metric.jinja", name=_name(name), sentence=_sentence(sentence))


def error(root: Path, module: str, name: str, sentence: str) -> dict[Path, bool]:
    """Write a named error into a module of ``app/errs``: ``tasks task_locked``.

    Raises:
        ValueError: as for a setting.
    """
    facts = {"module": _name(module), "name": _name(name), "pascal": _pascal(name)}
    return _written(root, "error.jinja", sentence=_sentence(sentence), version=VERSION, **facts)


def client(root: Path, name: str) -> dict[Path, bool]:
    """Write a client of another HTTP service, with the setting of its address: ``billing``.

    Raises:
        ValueError: as for a setting.
    """
    return _written(root, "client.jinja", name=_name(name), pascal=_pascal(name))


def _written(root: Path, template: str, **facts: Any) -> dict[Path, bool]:
    return written(root, _files(root, ENGINE.get_template(template).render(**facts)))


def _files(root: Path, rendered: str) -> Iterator[tuple[Path, str]]:
    """Yield the new and the changed files of a rendered template."""
    changed: dict[str, str] = {}
    _, *sections = SECTION.split(rendered)
    for path, pattern, text in zip(sections[::3], sections[1::3], sections[2::3], strict=True):
        content = text.strip("\n") + "\n"
        if pattern is None:
            if (root / path).exists():
                raise ValueError(f"{path} already exists")
            changed[path] = content
            continue
        if path not in changed and not (root / path).is_file():
            raise ValueError(f"{path} is missing: run this in a checkout")
        changed[path] = _placed(changed.get(path) or (root / path).read_text(), content, pattern, path)
    for path, text in changed.items():
        yield Path(path), text


def _placed(text: str, content: str, pattern: str, path: str) -> str:
    """Return a text with more lines. Blank lines before the place stay after them."""
    if content in text:
        raise ValueError(f"{path} already has {content.strip().splitlines()[0]!r}")
    if pattern == END:
        return f"{text.rstrip()}\n\n{content}"
    lines = text.splitlines(keepends=True)
    at = next((n for n, line in enumerate(lines) if re.match(pattern, line)), None)
    if at is None:
        raise ValueError(f"{path} has no line like {pattern}")
    while at and not lines[at - 1].strip():
        at -= 1
    return "".join([*lines[:at], content, *lines[at:]])


def _name(text: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9]*(?:_[a-z0-9]+)*", text) or len(text) > 40 or keyword.iskeyword(text):
        raise ValueError(f"{text!r} is not a name: use up to 40 small letters, digits and underscores")
    return text


def _pascal(text: str) -> str:
    return "".join(map(str.capitalize, re.split("[._]", text)))


def _sentence(text: str) -> str:
    if not re.fullmatch(r'[A-Z][^"\\\n]{2,90}\.', text):
        raise ValueError(
            f"{text!r} is not a sentence: begin with a capital, end with a period, use up to 90 characters"
        )
    return text
