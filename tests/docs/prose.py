"""Extraction of the prose of a file: paragraphs, docstrings, comments, messages, test names. It doesn't check them."""

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

CODE: Final = "CODE"
"""Placeholder for inline code and interpolated values."""
KINDS: Final = ("heading", "paragraph", "cell", "docstring", "comment", "string", "name", "identifier", "text")
MARKDOWN: Final = frozenset({"heading", "paragraph", "cell"})
HASH: Final = frozenset(
    {
        ".toml",
        ".conf",
        ".service",
        ".socket",
        ".target",
        ".timer",
        ".yml",
        ".yaml",
        ".sh",
        ".ini",
        ".in",
        ".example",
        ".cfg",
    }
)
SLASHES: Final = frozenset({".proto", ".js", ".mjs", ".ts", ".go", ".css"})
PLAIN: Final = frozenset({".txt", ".html", ".mako"})
SQL: Final = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|SET|BEGIN|GRANT|LOCK|COPY|TRUNCATE|EXPLAIN|LISTEN|NOTIFY)\b"
)
WORD: Final = re.compile(r"[A-Za-z]{2,}")
PRAGMA: Final = re.compile(r"#\s*(noqa|type:|mypy:|pragma|fmt:|ruff:|!).*")
TEMPLATE: Final = re.compile(r"\{[{%#].*?[%}#]\}|\$\{.*?\}", re.DOTALL)
TAG: Final = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL)
MINIMUM: Final = 3
"""Words that make a string literal prose."""


@dataclass(frozen=True)
class Prose:
    """One piece of prose: its kind, the line it starts on, and its text with the line breaks of the source."""

    kind: str
    line: int
    text: str


def of(path: Path) -> list[Prose]:
    """Return the prose of a file, by its suffix. Files with an unknown suffix have none."""
    name, suffix = path.name, path.suffix
    if name.endswith(".py.txt"):
        suffix = ".py"
    if suffix not in {".py", ".md", ".sql"} | HASH | SLASHES | PLAIN and name not in {"Makefile", ".env.example"}:
        return []
    text = path.read_text(encoding="utf-8")
    match suffix:
        case ".py":
            return sorted(python(text), key=lambda prose: prose.line)
        case ".md":
            return list(markdown(TEMPLATE.sub(_blank, text)))
        case ".sql":
            return list(comments(text, "--"))
        case _ if suffix in SLASHES:
            return list(comments(text, "//"))
        case _ if suffix in PLAIN:
            return [Prose("text", 1, without_code(TAG.sub(_blank, TEMPLATE.sub(_blank, text))))]
        case _:
            return list(comments(text, "#"))


def markdown(text: str) -> Iterator[Prose]:
    """Yield headings, paragraphs and table cells; code blocks and inline code are left out."""
    kind, line = "paragraph", 1
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.map:
            line = token.map[0] + 1
        if token.type in {"heading_open", "td_open", "th_open", "paragraph_open"}:
            kind = {"h": "heading", "t": "cell", "p": "paragraph"}[token.type[0] if token.type != "th_open" else "t"]
        if token.type == "inline":
            yield Prose(kind, line, "".join(_inline(token)))


def _inline(token: Token) -> Iterator[str]:
    for child in token.children or ():
        match child.type:
            case "text":
                yield child.content
            case "code_inline":
                yield CODE + "\n" * child.content.count("\n")
            case "softbreak" | "hardbreak":
                yield "\n"
            case "image":
                yield child.content


def python(text: str) -> Iterator[Prose]:
    """Yield docstrings (of attributes too), comments, string literals that read as prose, and names."""
    yield from _python_comments(text)
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a template with placeholders
        return
    documented: set[int] = set()
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documented.add(id(node.value))
            yield Prose("docstring", node.value.lineno, without_code(node.value.value))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            kind = "name" if node.name.startswith(("test_", "Test")) else "identifier"
            yield Prose(kind, node.lineno, words(node.name))
        elif isinstance(node, ast.JoinedStr):
            inside.update(id(value) for value in node.values)
            parts = (value.value if isinstance(value, ast.Constant) else CODE for value in node.values)
            yield from _string(node.lineno, "".join(str(part) for part in parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented | inside:
            yield from _string(node.lineno, node.value)


def _string(line: int, text: str) -> Iterator[Prose]:
    if len(WORD.findall(text)) >= MINIMUM and " " in text and not SQL.match(text) and not _is_python(text):
        yield Prose("string", line, without_code(text))


def _is_python(text: str) -> bool:
    if "\n" not in text.strip():
        return False
    try:
        ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError):
        return False
    return True


def _python_comments(text: str) -> Iterator[Prose]:
    """Yield comments. Comments on consecutive lines without code are one comment."""
    start, lines, last = 0, list[str](), -1
    try:
        tokens = [
            token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
        ]
    except (tokenize.TokenError, SyntaxError):
        tokens = []
    for token in tokens:
        content = PRAGMA.sub("", token.string).lstrip("#: ")
        row, alone = token.start[0], not token.line[: token.start[1]].strip()
        if lines and row == last + 1 and alone:
            lines.append(content)
        else:
            if lines:
                yield Prose("comment", start, without_code("\n".join(lines)))
            start, lines = row, [content]
        last = row
    if lines:
        yield Prose("comment", start, without_code("\n".join(lines)))


def comments(text: str, sign: str) -> Iterator[Prose]:
    """Yield the comments of a file whose comments start with a sign; those on consecutive lines are one."""
    start, lines = 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], 1):
        found = re.search(rf"(?:^|\s){re.escape(sign)}+(.*)", line)
        if found and (alone := not line[: found.start()].strip()) and lines:
            lines.append(found[1].strip())
            continue
        if lines:
            yield Prose("comment", start, without_code("\n".join(lines)))
            lines = []
        if found:
            start, lines = number, [found[1].strip()]
            if not alone:
                yield Prose("comment", start, without_code(lines.pop()))


def without_code(text: str) -> str:
    """Replace inline code, quoted header fields and URLs by a placeholder."""
    text = re.sub(r"```.*?```", lambda found: CODE + "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    return re.sub(r"``[^`]+``|`[^`\n]+`|https?://\S+", CODE, text)


def _blank(found: re.Match[str]) -> str:
    return " " + "\n" * found[0].count("\n")


def words(name: str) -> str:
    """Return the words of an identifier: ``test_a_token`` and ``TestAToken`` are ``test a token``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip().lower()


def sentences(text: str) -> list[str]:
    """Split prose at full stops, question marks and exclamation marks."""
    return [sentence for sentence in re.split(r"(?<=[.!?])[)\"”]*\s+", text.strip()) if sentence]
