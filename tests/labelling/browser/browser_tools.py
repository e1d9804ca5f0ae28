"""Where the web sources are, how pages are built, and what a test does where browser or Node is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "finegym" / "labelling" / "static"
# The videos with numbers drawn in are those of the tests of `video`.
sys.path.insert(0, str(ROOT / "tests" / "video"))


def skip_or_fail(message: str) -> None:
    """Skip, unless ``FINEGYM_REQUIRE_BROWSER=1`` says that nothing may be skipped."""
    if os.environ.get("FINEGYM_REQUIRE_BROWSER") == "1":
        pytest.fail(message)
    pytest.skip(message)


def find_node() -> str:
    """Node, with the packages of ``web/`` installed."""
    program = shutil.which("node")
    if program is None:
        skip_or_fail("no Node on this machine: the tests that build web pages were not run")
    if not (WEB / "node_modules" / "vite").is_dir():
        skip_or_fail("web/node_modules is missing (cd web && npm ci): the tests that build web pages were not run")
    return str(program)


def run_web(script: str, *arguments: str) -> None:
    """Run a program of web/node_modules; what it says is shown where it fails."""
    command = [find_node(), str(WEB / "node_modules" / script), *arguments]
    environment = {**os.environ, "FINEGYM_PYTHON": sys.executable}
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def build_with_vite(*arguments: str) -> None:
    run_web("vite/bin/vite.js", "build", *arguments)
