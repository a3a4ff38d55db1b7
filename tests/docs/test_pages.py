"""Every code block of the documentation is executed or parsed, or ``blocks.toml`` has the reason why it isn't."""

from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest

from tests.docs.evaluation import Evaluation
from tests.docs.pages import ROOT, all_pages, blocks_of, front_matter
from tests.docs.service import Service
from tests.docs.table import Entry, entries, entries_of

pytestmark = pytest.mark.slow

PAGES = [page for page in all_pages() if blocks_of(page)]


@pytest.mark.parametrize("page", PAGES)
def test_blocks(page: str, start_service: Callable[[], Service], database_url: str) -> None:
    failures = Evaluation(start_service, database_url, entries_of(page)).run(blocks_of(page))
    assert not failures, "\n\n".join(failures)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: f"{entry.page}: {entry.block or 'the page'}")
def test_each_entry_is_about_a_block(entry: Entry) -> None:
    found = [page for page in all_pages() if fnmatchcase(page, entry.page)]
    assert found, "there is no such page: remove the entry"
    assert any(entry.matches(block) for page in found for block in blocks_of(page)), "no such block: remove the entry"


@pytest.mark.parametrize("page", all_pages())
def test_a_test_that_executes_a_page_names_it(page: str) -> None:
    for entry in entries_of(page):
        if entry.treatment == "executed":
            text = (ROOT / entry.by).read_text(encoding="utf-8")
            name = page.rpartition("/")[2]
            names: set[str] = {page, f'"{name}"'} | ({page.split("/")[1]} if "*" in entry.page else set())
            assert any(each in text for each in names), f"{entry.by} does not mention {page}"


@pytest.mark.parametrize("page", all_pages())
def test_the_front_matter_has_known_keys(page: str) -> None:
    assert front_matter(page).keys() <= {"executed", "orphan", "myst", "description"}
