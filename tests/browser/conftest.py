"""A headless Chromium, with the requests that it sends and the messages of its console."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.stack.conftest import served

__all__ = ["served"]

OF_THE_BROWSER: Final = frozenset({"data", "blob", "about", "chrome", "chrome-untrusted"})
"""Schemes that a browser loads without a request, such as its own empty page."""
WITHIN: Final = 10.0
"""Seconds that a condition may take to come true."""
ARGUMENTS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Browser:
    """A browser that waits for elements before it uses them."""

    driver: webdriver.Chrome

    def until(self, condition: Callable[[], Any]) -> Any:
        """Return the result of the condition once it is true."""
        waiting = WebDriverWait(self.driver, WITHIN, poll_frequency=0.05)
        return waiting.until(lambda _: condition())

    def find(self, css: str, *, within: WebElement | None = None) -> WebElement:
        """Return the first visible element."""
        scope = within or self.driver

        def visible() -> WebElement | None:
            return next((each for each in scope.find_elements(By.CSS_SELECTOR, css) if each.is_displayed()), None)

        found: WebElement = self.until(visible)
        return found

    def click(self, css: str, *, within: WebElement | None = None) -> None:
        """Click on an element, in the middle of the window, as soon as no other element covers it."""
        element = self.find(css, within=within)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def resize(self, width: int) -> None:
        """Make the viewport as wide as a device's."""
        device = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)

    @property
    def overflow(self) -> int:
        """The number of pixels by which the page is wider than its viewport."""
        script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        overflow: int = self.driver.execute_script(script)
        return overflow

    def complaints(self) -> list[str]:
        """Return the new messages of the console; an error status of a response is not included."""
        lines = self.driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's own
        return [line["message"] for line in lines if "the server responded with a status of 4" not in line["message"]]

    def hosts(self) -> set[str]:
        """Return every host that received a request since the last call."""
        lines = self.driver.get_log("performance")  # type: ignore[no-untyped-call]  # selenium's own
        events = [json.loads(line["message"])["message"] for line in lines]
        urls = [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]
        return {urlsplit(url).netloc for url in urls if urlsplit(url).scheme not in OF_THE_BROWSER}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Return a browser with a fresh profile."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("chromium and chromedriver are not installed (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    driver.set_page_load_timeout(WITHIN)
    yield Browser(driver)
    driver.quit()
