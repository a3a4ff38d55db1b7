"""The documentation as Sphinx builds it: without network and warnings, and each term leads to its page."""

import json
import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from app.config import ROOT
from tests.docs.test_reference import terms

SPHINX = ROOT / ".local" / "docs-venv" / "bin" / "python"
CLOSED = "http://127.0.0.1:9"
"""A proxy that does not exist: a build that fetches something fails."""
LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
WORD = re.compile(r"\w+")
STOP_WORDS = {"after"}
"""Terms that no search index has: a log field, which ``before`` and ``breaker`` find."""

pytestmark = pytest.mark.skipif(not SPHINX.exists(), reason="make edge installs Sphinx into .local/docs-venv")


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the documentation, with warnings as errors."""
    environment = {
        **os.environ,
        "http_proxy": CLOSED,
        "https_proxy": CLOSED,
        "HTTP_PROXY": CLOSED,
        "HTTPS_PROXY": CLOSED,
    }
    command = [
        str(SPHINX),
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-E",
        "-d",
        str(target / "doctrees"),
        "-b",
        "html",
    ]
    return subprocess.run(
        [*command, str(source), str(target / "html")], capture_output=True, text=True, env=environment, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT / "docs", target)
    assert done.returncode == 0, done.stdout + done.stderr
    return target / "html"


@pytest.fixture(scope="module")
def index(site: Path) -> dict[str, Any]:
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(
        text.removeprefix("Search.setIndex(").rstrip().removesuffix(";").removesuffix(")")
    )
    return found


class _Loaded(HTMLParser):
    """Collects the addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a script, style or image."""
        self.found += [value for name, value in attrs if name == LOADING.get(tag) and value]


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loaded = []
    for page in site.rglob("*.html"):
        parser = _Loaded()
        parser.feed(page.read_text(encoding="utf-8"))
        loaded += [f"{page.name}: {each}" for each in parser.found if re.match(r"(https?:)?//", each)]
    assert not loaded, loaded


def test_one_query_leads_to_the_page_of_each_term(index: dict[str, Any]) -> None:
    """Search titles first, as Sphinx ranks them. A term that isn't a title must be a word of its page."""
    stems = _stems({word for term, _ in terms() for word in _words(term)})
    known = sorted(each for each in set(terms()) if each[0] not in STOP_WORDS)
    lost = [f"{term}: {page}" for term, page in known if not _leads(index, term, page, stems)]
    assert not lost, "\n".join(lost)


def _leads(index: dict[str, Any], term: str, page: str, stems: dict[str, str]) -> bool:
    number = index["docnames"].index(f"reference/{page.removesuffix('.md')}")
    if any(document == number for document, _ in index["alltitles"].get(term, ())):
        return True
    return all(number in _documents(index, stems[word]) for word in _words(term))


def _words(term: str) -> list[str]:
    return [word.lower() for word in WORD.findall(term)]


def _documents(index: dict[str, Any], stem: str) -> set[int]:
    found: set[int] = set()
    for part in ("terms", "titleterms"):
        documents = index[part].get(stem, [])
        found |= {documents} if isinstance(documents, int) else set(documents)
    return found


def _stems(words: set[str]) -> dict[str, str]:
    """Return the stems that the search makes of words."""
    program = (
        "import json, sys, snowballstemmer; words = json.load(sys.stdin); "
        "print(json.dumps(dict(zip(words, snowballstemmer.stemmer('english').stemWords(words)))))"
    )
    done = subprocess.run(
        [str(SPHINX), "-c", program], input=json.dumps(sorted(words)), capture_output=True, text=True, check=True
    )
    stems: dict[str, str] = json.loads(done.stdout)
    return stems


class TestDiagrams:
    CONFIGURATION = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")

    def site(self, folder: Path, diagram: str) -> subprocess.CompletedProcess[str]:
        """Build a page with one diagram."""
        source = folder / "docs"
        source.mkdir()
        (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
        (folder / "app").symlink_to(ROOT / "app")
        (source / "conf.py").write_text(self.CONFIGURATION)
        (source / "static").mkdir()
        (source / "static" / "docs.css").write_text("")
        (source / "sphinx_extensions").symlink_to(ROOT / "docs" / "sphinx_extensions")
        (source / "index.md").write_text(f"# Page\n\n```mermaid\n{diagram}\n```\n\n[code](../pyproject.toml)\n")
        return build(source, folder)

    def test_a_diagram_is_svg_once_it_is_built(self, tmp_path: Path) -> None:
        done = self.site(tmp_path, "stateDiagram-v2\n  closed --> open: 60 % of 20 calls fail")
        assert done.returncode == 0, done.stderr
        page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
        assert "<svg" in page
        assert "60 % of 20 calls fail" in page
        assert "mermaid.min.js" not in page

    def test_a_syntax_error_fails_the_build(self, tmp_path: Path) -> None:
        done = self.site(tmp_path, "flowchart LR\n  a --> ")
        assert done.returncode != 0
        assert "mermaid: Diagram parse error" in done.stderr
