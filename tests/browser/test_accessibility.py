"""The pages, examined by axe-core (WCAG 2.2, levels A and AA, and the best practices of axe)."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.browser.conftest import Browser
from tests.browser.test_docs import CREATE, DESK, PHONE
from tests.stack.conftest import ROOT, Served

SCRIPT: Final = "lib/python*/site-packages/axe_playwright_python/axe.min.js"
PAGES: Final = (
    "/",
    "/errors",
    "/errors/validation-failed",
    "/errors/violations",
    "/errors/violations/too-long",
)
OF_SWAGGER_UI: Final[Mapping[str, str]] = {
    "heading-order": "the heading of a tag is an h3 after the h2 of the title",
    "label": "the text area of a body has no label",
    "nested-interactive": "the summary of an operation is a button with a link in it",
    "region": "title and description stand outside its <main>",
    "scrollable-region-focusable": "a long example scrolls, and the keyboard doesn't reach it",
    "select-name": "the list of media types has no name",
}
"""Rules that the markup of Swagger UI 5 violates, and where. The list has no rules about colours and sizes."""


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the script of axe-core."""
    found = [*(ROOT / ".local" / "scanners-venv").glob(SCRIPT)]
    if not found:
        pytest.skip("axe-core is not installed: make edge installs it")
    return found[0].read_text()


def violations(browser: Browser, axe: str) -> dict[str, list[str]]:
    """Return the violated rules of the page, with the elements."""
    browser.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})  # the page's policy does not apply
    command = "axe.run().then(found => JSON.stringify(found.violations))"
    result = browser.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": command, "awaitPromise": True})
    found: list[dict[str, Any]] = json.loads(result["result"]["value"])
    return {each["id"]: [node["target"][0] for node in each["nodes"]] for each in found}


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (PHONE, "light"),
        (DESK, "dark"),
        pytest.param(PHONE, "dark", marks=pytest.mark.nightly),
        pytest.param(DESK, "light", marks=pytest.mark.nightly),
    ],
)
def test_pages_of_the_service_violate_nothing(
    browser: Browser, served: Served, axe: str, width: int, scheme: str
) -> None:
    browser.resize(width)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    for page in PAGES:
        browser.driver.get(served.url + page)
        browser.find("h1")
        assert violations(browser, axe) == {}, page


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.nightly)])
def test_the_reference_violates_only_known_rules_of_swagger_ui(
    browser: Browser, served: Served, axe: str, scheme: str
) -> None:
    """With and without Swagger UI, closed and with an operation open."""
    browser.resize(DESK)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/docs/assets/*"]})
    browser.driver.get(f"{served.url}/docs")
    browser.find(".operations li")
    assert violations(browser, axe) == {}, "the list of operations"
    browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    browser.driver.get(f"{served.url}/docs")
    browser.find(f"{CREATE} .opblock-summary-control")
    found = violations(browser, axe)
    browser.click(f"{CREATE} .opblock-summary-control")
    browser.find(f"{CREATE} .responses-table .microlight")
    found |= violations(browser, axe)
    assert found.keys() - OF_SWAGGER_UI.keys() == set(), found
