"""Pages in a real browser, at the widths of a desktop and of a phone."""

import json
from typing import Final

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.conftest import Browser
from tests.conftest import TokenMaker
from tests.stack.conftest import Served

PHONE: Final = 390
DESK: Final = 1280
PAGES: Final = ("/", "/errors", "/errors/validation-failed", "/errors/invalid-token", "/docs")
CREATE: Final = "#operations-Tasks-create_task"

pytestmark = pytest.mark.usefixtures("client")
"""The tables are emptied after each test, including rows that the browser created."""


def _authorize(browser: Browser, token: str) -> None:
    browser.click(".auth-wrapper .authorize")
    browser.find(".modal-ux input").send_keys(token)
    browser.click(".modal-ux .btn.authorize")
    browser.click(".modal-ux .btn-done")
    browser.until(lambda: not browser.driver.find_elements(By.CSS_SELECTOR, ".modal-ux"))


def _execute(browser: Browser, operation: WebElement, body: object) -> str:
    """Send a body, and return the status that the page shows."""
    text = browser.find("textarea", within=operation)
    text.send_keys(Keys.CONTROL, "a")
    text.send_keys(json.dumps(body))
    browser.click(".execute", within=operation)
    return browser.find(".live-responses-table tbody .response-col_status", within=operation).text.split()[0]


def test_a_task_is_created_and_a_rejection_links_to_its_page(
    browser: Browser, served: Served, token: TokenMaker
) -> None:
    """Authorize, create, violate a rule, follow ``type``."""
    browser.resize(DESK)
    browser.driver.get(f"{served.url}/docs")
    _authorize(browser, token("browser"))
    browser.click(f"{CREATE} .opblock-summary-control")
    operation = browser.find(CREATE)

    assert _execute(browser, operation, {"task": {"title": "Made in a browser"}}) == "201"
    shown = browser.find(".live-responses-table .microlight", within=operation).text
    assert json.loads(shown)["title"] == "Made in a browser"

    browser.click(".btn-clear", within=operation)
    assert _execute(browser, operation, {"task": {"title": "", "tags": ["Bad Tag"]}}) == "400"
    link = browser.find("a.explained", within=operation)
    problem = json.loads(browser.find(".live-responses-table .microlight", within=operation).text)
    assert link.get_attribute("href") == problem["type"] == f"{served.url}/errors/validation-failed"
    browser.click("a.explained", within=operation)

    browser.until(lambda: browser.driver.current_url == problem["type"])
    assert browser.find("h1").text.replace("\n", " ") == problem["title"]
    assert browser.find(".code").text == "VALIDATION_FAILED"
    assert browser.complaints() == []
    assert browser.hosts() == {f"127.0.0.1:{served.port}"}


@pytest.mark.parametrize("width", [PHONE, pytest.param(DESK, marks=pytest.mark.nightly)])
def test_no_page_scrolls_sideways_logs_errors_or_calls_another_host(
    browser: Browser, served: Served, width: int
) -> None:
    """With the network off, at both widths; also an operation with all its errors."""
    browser.resize(width)
    for page in PAGES:
        browser.driver.get(served.url + page)
        browser.find("h1")
        assert browser.overflow <= 0, page
    browser.click(f"{CREATE} .opblock-summary-control")
    browser.find(f"{CREATE} .responses-table .microlight")
    assert browser.overflow <= 0, "an open operation"
    assert browser.complaints() == []
    assert browser.hosts() == {f"127.0.0.1:{served.port}"}


def test_the_index_of_errors_is_filtered_during_typing(browser: Browser, served: Served) -> None:
    """C11: by words of code, title and status, in any order; without a word, all errors are visible."""
    browser.driver.get(f"{served.url}/errors")
    search = browser.find("input[type=search]")
    all_errors = browser.driver.find_elements(By.CSS_SELECTOR, ".status li")

    def listed() -> list[str]:
        return [each.text.split("\n")[0] for each in all_errors if each.is_displayed()]

    search.send_keys("409 taken")
    browser.until(lambda: listed() == ["TASK_TITLE_TAKEN"])
    assert browser.find("output").text == f"1 of {len(all_errors)}"
    search.send_keys(" nonsense")
    assert browser.find(".nothing").text == "No error matches."
    search.clear()
    search.send_keys(Keys.SPACE)
    browser.until(lambda: len(listed()) == len(all_errors))


def test_a_command_is_copied(browser: Browser, served: Served) -> None:
    """C11."""
    browser.driver.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"origin": served.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    browser.driver.get(f"{served.url}/errors/route-not-found")
    command = browser.find("#command").text
    browser.click("button[data-copy]")
    browser.until(lambda: browser.find("button[data-copy]").text == "Copied")
    copied = browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == command
    assert command.startswith("curl -i ")
