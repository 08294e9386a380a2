"""A headless Chromium for tests of pages: it fetches nothing, and whatever it complains about is kept.

Needs the Debian package chromium and playwright from PyPI; tests are skipped where one is missing.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-dev-shm-usage",
)  # fmt: skip
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + event.blockedURI));
"""


class Tab:
    """A page of the browser, and what went wrong in it: dialogs, requests, errors, violations of its policy."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.add_init_script(WATCH)
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)
        self.page.on("popup", lambda popup: self.wrong.append(f"popup: {popup.url}"))

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        local = ("file:", "data:image/svg+xml;base64,", "blob:")
        if not request.url.startswith(local):
            self.wrong.append(f"request: {request.url}")

    def open(self, path: Path, link: str = "") -> None:
        """Open a report from disk, and wait for its list."""
        self.page.goto("about:blank")
        self.page.goto(path.as_uri() + link)
        self.page.wait_for_selector("#list tbody tr")

    def until(self, condition: str) -> None:
        """Wait for something on the page; playwright's own way to do so would need `unsafe-eval`."""
        end = time.monotonic() + 20
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, condition
            self.page.wait_for_timeout(10)

    def rows(self, count: int) -> None:
        """Wait for the list to have so many rows."""
        self.until(f"document.querySelectorAll('#list tbody tr').length === {count}")

    def complaints(self) -> list[str]:
        """Return what went wrong so far."""
        return [*self.wrong, *self.page.evaluate("window.violations")]


@pytest.fixture(scope="module")  # while it is open, an event loop runs in this thread
def chromium() -> Iterator[Any]:
    """Return the browser."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Debian's package chromium")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Tab]:
    """Return a page of the browser, 1280 pixels wide, in light colours."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light", offline=True)
    yield Tab(context)
    context.close()
