"""Blocks that are data: a function for each language raises ``ValueError`` if the tool rejects the block."""

import ast
import configparser
import csv
import importlib
import io
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in requirements/dev.lock

from tests.docs.comparison import marked

EXPLAINED: Final = ("select", "insert", "update", "delete", "with", "values", "table", "merge")
FRAMES: Final = (
    "{block}",
    "{block}\nevents {{}}",
    "events {{}}\nhttp {{\n{block}\n}}",
    "events {{}}\nhttp {{\nserver {{\nlisten unix:socket;\n{block}\n}}\n}}",
    "events {{}}\nhttp {{\nserver {{\nlisten unix:socket;\nlocation / {{\n{block}\n}}\n}}\n}}",
)
"""Contexts in which a part of an nginx configuration can be valid: main, http, server, location."""
DIAGRAMS: Final = {"mermaid", "dot", "graphviz"}
"""Rendered when the documentation is built."""


def parse_json(text: str) -> None:
    """Check JSON, in which ``…`` stands for omitted content."""
    try:
        json.loads(marked(text))
    except json.JSONDecodeError as error:
        raise ValueError(str(error)) from error


def parse_yaml(text: str) -> None:
    """Check YAML."""
    try:
        list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def parse_toml(text: str) -> None:
    """Check TOML."""
    tomllib.loads(text)


def parse_ini(text: str) -> None:
    """Check an INI file, a part of a section, or a unit of systemd: keys may repeat."""
    has_section = any(line.startswith("[") for line in text.splitlines())
    try:
        parser = configparser.RawConfigParser(strict=False, delimiters="=")
        parser.read_string(text if has_section else f"[part]\n{text}")
    except configparser.Error as error:
        raise ValueError(str(error)) from error


def parse_csv(text: str) -> None:
    """Check that all rows have as many cells as the first."""
    rows = list(csv.reader(io.StringIO(text), strict=True))
    if len({len(row) for row in rows}) != 1:
        raise ValueError("the rows have different numbers of cells")


def compile_python(text: str) -> None:
    """Compile Python, and check its imports."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ValueError(str(error)) from error
    for node in ast.walk(tree):
        for module, name in _imports(node):
            try:
                imported = importlib.import_module(module)
                if name and not hasattr(imported, name):
                    importlib.import_module(f"{module}.{name}")
            except ImportError as error:
                raise ValueError(str(error)) from error


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from ((node.module, alias.name) for alias in node.names)


def parse_nginx(text: str) -> None:
    """Check an nginx configuration by ``nginx -t``, as a part of each block that it could be in."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")
    if not nginx:
        pytest.skip("nginx is not installed (apt-get install nginx)")
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for frame in FRAMES:
            file = Path(folder, "nginx.conf")
            file.write_text(f"pid {folder}/pid;\nerror_log stderr;\n" + frame.format(block=text))
            done = subprocess.run([nginx, "-t", "-p", folder, "-c", file], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            failures.append(done.stderr)
    raise ValueError("\n".join(failures))


def parse_sql(text: str, database_url: str) -> None:
    """Check SQL by PostgreSQL: queries and changes of rows are planned, other statements parsed; none is executed."""
    url = database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements(text):
            is_planned = statement.split(None, 1)[0].lower() in EXPLAINED
            try:
                if is_planned:
                    connection.execute(f"EXPLAIN {statement}".encode())
                else:
                    connection.execute(f"DO $checked$ BEGIN IF false THEN {statement}; END IF; END $checked$".encode())
            except psycopg.Error as error:
                raise ValueError(f"{error}\n{statement}") from error


def statements(text: str) -> list[str]:
    """Return the statements of a script; lines that only psql understands, such as ``\\watch``, are left out."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith(("\\", "--")))
    found, current = [], ""
    for line in lines:
        current += f"{line.partition(' -- ')[0]}\n"
        if line.partition(" -- ")[0].rstrip().endswith(";") and current.count("$$") % 2 == 0:
            found.append(current.strip().rstrip(";"))
            current = ""
    if current.strip():
        raise ValueError(f"a statement does not end with a semicolon: {current.strip()}")
    return found


PARSERS: Final[dict[str, Callable[[str], None]]] = {
    "csv": parse_csv,
    "ini": parse_ini,
    "json": parse_json,
    "nginx": parse_nginx,
    "systemd": parse_ini,
    "toml": parse_toml,
    "yaml": parse_yaml,
    "yml": parse_yaml,
}
