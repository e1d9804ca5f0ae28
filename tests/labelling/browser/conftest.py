"""A real browser: Debian's Chromium, driven by Playwright.

Where Chromium or Node is missing the tests are skipped and say so; ``FINEGYM_REQUIRE_BROWSER=1`` makes that a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from browser_tools import STATIC, build_with_vite, skip_or_fail


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """The browser, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("FINEGYM_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        skip_or_fail("no Chromium on this machine (on Debian: apt install chromium): browser tests were not run")
    with playwright.sync_playwright() as driver:
        # Chromium's sandbox does not run as root; --autoplay-policy: a test has no hand to press play with.
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = driver.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def built_pages() -> None:
    """The pages as they are now, in the package."""
    if os.environ.get("FINEGYM_KEEP_PAGES") == "1" and (STATIC / "index.html").is_file():
        return
    build_with_vite()
