"""Runbooks: each alert has one with the same sections; its queries parse, and its links and commands exist."""

import json
import re
import shlex
from pathlib import Path
from typing import Final

import pytest
from flask import Flask

from app import product
from app.config import ROOT
from app.config.postgresql_url import SESSION
from app.observability import metrics
from app.observability.log_field_meanings import LOGGERS
from tests.law.test_alerts import EACH, RULES, RUNBOOKS, SUFFIXES, kebab, needs_promtool, promtool

SECTIONS: Final = ["Meaning", "Confirm", "Fix", "Escalate", "Roll back"]
ALERTS: Final = [each.partition("\n")[0] for each in EACH]
SHARED: Final = {"index", "postgresql-sessions"}
"""Pages that do not belong to an alert."""
FOLDERS: Final = ("runbooks", "operate", "evidence")
PAGES: Final = sorted(path for folder in FOLDERS for path in (ROOT / "docs" / folder).glob("*.md"))
BLOCK: Final = r"^ *```{}\n(.*?)^ *```$"
WITHOUT: Final = re.compile(r"\{[^}]*\}|\b(?:by|on|group_left|group_right) \([^)]*\)|\b[a-z_]+ ?(?=\()")
"""Selectors, lists of labels and functions in a query."""
WORD: Final = re.compile(r"[a-z][a-z_:0-9]*")
_NUMBERED: Final = re.compile(r"^ {3}", re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a page in a language."""
    return [_NUMBERED.sub("", text) for text in re.findall(BLOCK.format(language), page, re.MULTILINE | re.DOTALL)]


def promql() -> list[str]:
    """Return the queries of all runbooks."""
    return [query for path in RUNBOOKS.glob("*.md") for query in blocks(path.read_text(), "promql")]


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as the forge generates them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {kebab(name) for name in ALERTS} | SHARED


@pytest.mark.parametrize("name", ALERTS)
def test_each_page_has_the_required_sections(name: str) -> None:
    page = (RUNBOOKS / f"{kebab(name)}.md").read_text()
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS
    assert blocks(page, "promql")
    assert blocks(page, "console") or blocks(page, "sql")
    for section in re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]:
        assert section.strip()


def test_the_index_lists_each_alert_with_its_severity() -> None:
    rows = dict(
        re.findall(r"^\| \[(\w+)\]\(([a-z-]+)\.md\) \| \w+ \|", (RUNBOOKS / "index.md").read_text(), re.MULTILINE)
    )
    assert rows == {name: kebab(name) for name in ALERTS}


@needs_promtool
def test_the_queries_are_promql(tmp_path: Path) -> None:
    rules = [{"record": f"runbook:query:{number}", "expr": query} for number, query in enumerate(promql())]
    assert len(rules) > len(ALERTS)
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": "runbooks", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(path))


def test_the_queries_use_metrics_that_exist(app: Flask) -> None:
    families = list(metrics.REGISTRY.collect())
    known = {family.name + suffix for family in families for suffix in SUFFIXES[family.type]} | {"up"}
    recorded = set(re.findall(r"record: (\S+)", (RULES / "recording.yml").read_text()))
    for query in promql():
        names = {name for name in WORD.findall(WITHOUT.sub("", query)) if "_" in name or ":" in name or name in known}
        assert names, query
        assert names <= known | recorded, query


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_links_are_valid(page: Path) -> None:
    """Each link within these folders leads to an existing page and heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        place, _, anchor = target.partition("#")
        path = (page.parent / place).resolve() if place else page
        if "://" in target or not (path.parent.name in FOLDERS and path.suffix == ".md"):
            continue
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_commands_of_the_service_exist(app: Flask, page: Path) -> None:
    """Every ``flask …`` of the page, in blocks and in the text, names a command and options that exist."""
    for text in re.findall(
        r"\bflask ((?:errors|explain|jobs|products|rpc|tokens|users|worker|db)\b[^`\n|)\"]*)", page.read_text()
    ):
        command: object = app.cli
        words = shlex.split(text.replace("…", ""), comments=True)
        for word in words:
            subcommands = getattr(command, "commands", {})
            if word not in subcommands:
                break
            command = subcommands[word]
        assert command is not app.cli, text
        options = {option for parameter in getattr(command, "params", ()) for option in parameter.opts}
        unknown = {word for word in words if word.startswith("--")} - options - {"--help"}
        assert not unknown, text


def test_the_pooler_page_sets_the_session_parameters_of_the_service() -> None:
    page = (ROOT / "docs" / "operate" / "pgbouncer.md").read_text()
    set_there = dict(re.findall(r"^ALTER ROLE candor SET \"?(\w+)\"? = '?(.+?)'?;$", page, re.MULTILINE))
    limits = {"statement_timeout": "10s", "lock_timeout": "2s", "client_connection_check_interval": "250"}
    assert set_there == {name: value.replace("\\", "") for name, value in SESSION.items()} | limits


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_metrics_and_loggers_of_the_page_exist(app: Flask, page: Path) -> None:
    text = page.read_text()
    families = list(metrics.REGISTRY.collect())
    known = {family.name + suffix for family in families for suffix in (*SUFFIXES[family.type], "")}
    named = set(re.findall(r"^\| `([a-z_]+)`(?:, `([a-z_]+)`)? \| .*runbooks/", text, re.MULTILINE))
    assert {name for pair in named for name in pair if name} <= known
    assert set(re.findall(r"`([a-z_]+_total)", text)) <= known
    loggers = set(
        re.findall(
            r"\bcandor\.([a-z]+)\b(?!\.)", re.sub(r"\]\([^)]*\)|\S*candor\.(?:env|conf|target|git|dump|log)", "", text)
        )
    )
    assert {name for name in loggers if product.logger(name).name not in LOGGERS} - {"request_id"} == set()
