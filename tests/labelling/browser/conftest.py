"""A real browser (Debian's Chromium, driven by Playwright) and the pages that it opens.

Where Chromium or Node is missing the tests are skipped and say so; ``FINEGYM_REQUIRE_BROWSER=1`` makes that a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WEB = ROOT / "web"
# The videos with numbers drawn in are those of the tests of `video`.
sys.path.insert(0, str(ROOT / "tests" / "video"))


def skip_or_fail(message: str) -> None:
    if os.environ.get("FINEGYM_REQUIRE_BROWSER") == "1":
        pytest.fail(message)
    pytest.skip(message)


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
def node() -> str:
    """Node, with the packages of ``web/`` installed."""
    program = shutil.which("node")
    if program is None:
        skip_or_fail("no Node on this machine: the tests that build web pages were not run")
    if not (WEB / "node_modules" / "vite").is_dir():
        skip_or_fail("web/node_modules is missing (cd web && npm ci): the tests that build web pages were not run")
    return str(program)


def run_vite(node: str, *arguments: str) -> None:
    """Build something with Vite; what it says is shown where it fails."""
    command = [node, str(WEB / "node_modules" / "vite" / "bin" / "vite.js"), *arguments]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
