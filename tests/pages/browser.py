"""A browser for the console's pages, and one visitor's window in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

CHROMIUM = os.environ.get("JOLDAMA_CHROMIUM") or shutil.which("chromium") or ""
_OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --font-render-hinting=none"
).split()
_WHY = "there is no Chromium: install Debian's (apt-get install chromium), or name one in JOLDAMA_CHROMIUM"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips without Chromium; in CI it must be there."""
    if not CHROMIUM:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(_WHY)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One window at the console; `faults` gathers what the browser complains of, and requests to other hosts."""

    def __init__(
        self,
        browser: Browser,
        console: str,
        language: str = "ru",
        width: int = 1280,
        *,
        dark: bool = False,
        scripts: bool = True,
        **more: Any,
    ) -> None:
        self.console, self.scripts, self.faults = console, scripts, list[str]()
        more.setdefault("viewport", {"width": width, "height": 800})
        self.context = browser.new_context(
            base_url=console, locale=language, java_script_enabled=scripts,
            color_scheme="dark" if dark else "light", bypass_csp=False, **more,
        )  # fmt: skip
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.context.on("request", self._note_request)
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda one: self.faults.append(str(one)))

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def _note_request(self, request: Request) -> None:
        target = urlsplit(request.url)
        if target.scheme not in ("data", "blob") and target.netloc != urlsplit(self.console).netloc:
            self.faults.append(f"a request to {request.url}")

    def sign_in(self, role: str, organization: str = "") -> None:
        """By the page of a local network, where one chooses who one is."""
        sign_in(self.page, role, organization)

    def speak(self, language: str) -> None:
        """Choose a language, as its link does."""
        self.context.add_cookies([{"name": "language", "value": language, "url": self.console}])

    def close(self) -> None:
        self.context.close()


def sign_in(page: Page, role: str, organization: str = "") -> None:
    """Sign in by the page of a local network; operators have no organization."""
    page.goto("/sign-in")
    page.select_option("[name=who]", f"{role}/{organization}")
    page.click("main form button")
    page.wait_for_url("**/")
