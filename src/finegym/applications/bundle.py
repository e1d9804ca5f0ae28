"""A model bundle: everything that parsing a recording needs, in one file.

A ZIP archive without compression. ``bundle.json`` says what is in it and the SHA-256 of every file; ``runs/`` holds a
run folder a part (``recipe.toml``, ``run.json``, weights as safetensors). It is unpacked once into the user's cache
folder, under its own hash, and its parts are opened there like any run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from finegym import __version__
from finegym.annotations.folder import CODEBOOK_FILE, is_dataset_folder, read_dataset
from finegym.applications.bundle_calibration import (
    CALIBRATION_FILE,
    describe_weaknesses,
    format_calibration,
    read_calibration,
)
from finegym.applications.bundle_routines import RoutineFacts, describe_routines
from finegym.codebook.model import Codebook
from finegym.codebook.yaml_format import read_codebook
from finegym.errors import ConfigError, OutputError
from finegym.evaluation.calibration import Calibration
from finegym.files import new_folder, replace_file
from finegym.localization.run_folder import LocalizationRun
from finegym.simulation.competition import SETTINGS_FILE
from finegym.training.data import hash_file
from finegym.training.run_folder import RunFiles, RunFolder, read_checkpoint
from finegym.training.weights_file import SUFFIX, pack_weights

FORMAT = "finegym-bundle/1"
FACTS_FILE = "bundle.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same parts give the same bytes


class BundleFacts(BaseModel):
    """``bundle.json``.

    Attributes:
        format: ``finegym-bundle/1``.
        name: of the bundle.
        finegym: version that made it.
        is_simulated: whether a part was trained on a simulated competition; ``None`` where a dataset was gone.
        trained_on: the same part by part; empty where nobody wrote it down.
        actions: folder of the localizer of actions.
        sub_actions: folder of the localizer of sub-actions.
        recognisers: folders of recognisers, any level and modality.
        features: folders of the recognisers whose features the localizers see, one a store, in order.
        files: SHA-256 by path.
        routines: what whole routines are like, by event; ``None`` where the dataset was gone, or nobody looked.
        weaknesses: what its calibration cannot do, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["finegym-bundle/1"]
    name: str
    finegym: str
    is_simulated: bool | None
    trained_on: Mapping[str, bool | None] = {}
    actions: str
    sub_actions: str
    recognisers: tuple[str, ...]
    features: tuple[str, ...]
    files: Mapping[str, str]
    routines: Mapping[str, RoutineFacts] | None = None
    weaknesses: tuple[str, ...] = ()

    @property
    def simulated_parts(self) -> tuple[str, ...]:
        """The parts that have seen a simulated competition only, where others have not; empty where all are alike."""
        names = tuple(name for name, is_simulated in self.trained_on.items() if is_simulated)
        return names if len(names) < len(self.trained_on) else ()


@dataclass(frozen=True)
class Bundle:
    """A bundle, unpacked.

    Attributes:
        path: the file.
        sha256: of the file.
        folder: where it is unpacked.
        facts: what is in it.
        codebook: of the localizer of actions.
        mended: files that were unpacked before, and were gone or not what the bundle says; they are now.
    """

    path: Path
    sha256: str
    folder: Path
    facts: BundleFacts
    codebook: Codebook
    mended: tuple[str, ...] = ()

    @property
    def actions(self) -> Path:
        return self.folder / self.facts.actions

    @property
    def sub_actions(self) -> Path:
        return self.folder / self.facts.sub_actions

    @property
    def recognisers(self) -> tuple[Path, ...]:
        return tuple(self.folder / name for name in self.facts.recognisers)

    @property
    def features(self) -> tuple[Path, ...]:
        return tuple(self.folder / name for name in self.facts.features)

    def read_calibration(self, recogniser: Path) -> Calibration | None:
        """How sure a recogniser may sound; ``None`` where the bundle was made without."""
        path = recogniser / CALIBRATION_FILE
        return read_calibration(path) if path.is_file() else None


def make_bundle(
    out: Path,
    *,
    actions: Path,
    sub_actions: Path,
    recognisers: Sequence[Path],
    features: Sequence[Path] = (),
    name: str = "",
    without_calibration: bool = False,
) -> BundleFacts:
    """Put trained runs into one file.

    Args:
        out: the file to write.
        actions: run of a localizer of actions.
        sub_actions: run of a localizer of sub-actions.
        recognisers: runs of ``finegym train``, one or more; with ``predictions/val.parquet``, which they are calibrated
            on.
        features: runs whose features the localizers see, one a store, if they see any of a run's.
        name: of the bundle; the file's by default.
        without_calibration: leave the recognisers as sure as they are.

    Raises:
        ConfigError: a run is missing or of another task, or the codebooks differ.
        PredictionError: a recogniser has no predictions to be calibrated on.
    """
    _check_tasks(actions, sub_actions, recognisers)
    parts = {"actions": actions, "sub_actions": sub_actions}
    parts |= {f"recogniser-{index}": run for index, run in enumerate(recognisers)}
    parts |= {f"features-{index}": run for index, run in enumerate(features)}
    contents: dict[str, bytes] = {}
    for part, path in parts.items():
        contents |= _pack_run(f"runs/{part}", path)
    contents[CODEBOOK_FILE] = (LocalizationRun(actions).path / CODEBOOK_FILE).read_bytes()
    for index, path in enumerate(() if without_calibration else recognisers):
        contents[f"runs/recogniser-{index}/{CALIBRATION_FILE}"] = format_calibration(path)
    trained_on = _find_simulated(actions, sub_actions, recognisers, features)
    known = set(trained_on.values())
    facts = BundleFacts(
        format=FORMAT,
        name=name or out.stem,
        finegym=__version__,
        is_simulated=True if True in known else None if None in known else False,
        trained_on=trained_on,
        actions="runs/actions",
        sub_actions="runs/sub_actions",
        recognisers=tuple(f"runs/recogniser-{index}" for index in range(len(recognisers))),
        features=tuple(f"runs/features-{index}" for index in range(len(features))),
        files={path: hashlib.sha256(content).hexdigest() for path, content in sorted(contents.items())},
        routines=_describe_routines(actions),
        weaknesses=describe_weaknesses(
            {
                RunFolder(run).read_recipe().name: contents.get(f"runs/recogniser-{index}/{CALIBRATION_FILE}")
                for index, run in enumerate(recognisers)
            }
        ),
    )
    text = json.dumps(facts.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
    with replace_file(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for member, content in [(FACTS_FILE, text.encode()), *sorted(contents.items())]:
            archive.writestr(zipfile.ZipInfo(member, _EPOCH), content)
    return facts


def open_bundle(path: Path, cache: Path | None = None) -> Bundle:
    """Unpack a bundle, checked against its hashes; so is what is unpacked already, and made anew where it is damaged.

    Args:
        path: the file.
        cache: folder for unpacked bundles; ``finegym/bundles`` in the user's cache folder by default.

    Raises:
        ConfigError: it is missing, no bundle, or damaged.
        OutputError: the cache folder cannot be written.
    """
    try:
        sha256 = hash_file(path)
    except OSError as error:
        raise ConfigError(
            f"bundle {path} cannot be read: {error.strerror}. `finegym bundle make` and `finegym demo` make one."
        ) from error
    folder = (cache or get_cache()) / sha256[:16]
    text = _read_members(path, [FACTS_FILE])[FACTS_FILE]
    facts = _parse_facts(text, path)
    damaged = _list_damaged(folder, facts, text)
    if damaged is None or damaged:
        _unpack(path, folder, facts, text)
    return Bundle(Path(path), sha256, folder, facts, read_codebook(folder / CODEBOOK_FILE), mended=tuple(damaged or ()))


def get_cache() -> Path:
    """Where bundles are unpacked: ``$FINEGYM_BUNDLES_FOLDER``, or ``finegym/bundles`` in the user's cache folder."""
    given = os.environ.get("FINEGYM_BUNDLES_FOLDER")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "finegym" / "bundles"


def _list_damaged(folder: Path, facts: BundleFacts, text: bytes) -> list[str] | None:
    """Unpacked files that are gone or not what the bundle says; ``None`` where nothing is unpacked.

    Caches are cleared, sometimes in part, and what lies in them can be changed.
    """
    if not folder.is_dir():
        return None
    wanted = {FACTS_FILE: hashlib.sha256(text).hexdigest(), **facts.files}
    return [name for name, sha256 in wanted.items() if not _is_file_of(folder / name, sha256)]


def _is_file_of(path: Path, sha256: str) -> bool:
    try:
        return hash_file(path) == sha256
    except OSError:
        return False


def _read_members(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"{path} is no bundle, or damaged: {error}. Make it again with `finegym bundle make`."
        ) from error


def _unpack(path: Path, folder: Path, facts: BundleFacts, text: bytes) -> None:
    """Check every file, then make the folder appear whole."""
    contents = _read_members(path, facts.files)
    wrong = [name for name, content in contents.items() if hashlib.sha256(content).hexdigest() != facts.files[name]]
    wrong += [name for name in contents if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    if wrong:
        raise ConfigError(f"{path} is damaged: {wrong[0]} is not what the bundle says. Get it again.")
    if _list_damaged(folder, facts, text):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        with new_folder(folder) as new:
            for name, content in {**contents, FACTS_FILE: text}.items():
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                (new / name).write_bytes(content)
    except OutputError:
        if _list_damaged(folder, facts, text) != []:  # else another process was faster
            raise


def _parse_facts(text: bytes, path: Path) -> BundleFacts:
    try:
        return BundleFacts.model_validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"{path}: {FACTS_FILE} is not of {FORMAT}: {error.errors()[0]['msg']}") from error


def _check_tasks(actions: Path, sub_actions: Path, recognisers: Sequence[Path]) -> None:
    for path, task in ((actions, "actions"), (sub_actions, "sub-actions")):
        recipe = LocalizationRun(path).read_recipe()
        if recipe.task != task:
            raise ConfigError(f"{path} is a run of the task {recipe.task}; expected one of {task}")
    if not recognisers:
        raise ConfigError("a bundle needs a recogniser: give one run or more with --recogniser")
    for path in recognisers:
        RunFolder(path).read_recipe()
    codebooks = {
        str(path): RunFiles(path).read_facts().get("codebook", {}).get("sha256")
        for path in (actions, sub_actions, *recognisers)
    }
    if len(set(codebooks.values())) > 1:
        raise ConfigError(f"the parts were trained with different codebooks: {', '.join(codebooks)}. Give runs of one.")


def _pack_run(part: str, path: Path) -> dict[str, bytes]:
    """The files of a run: recipe, facts, codebook where it has one, weights of the last checkpoint."""
    run: RunFiles = RunFiles(path)
    checkpoint = run.find_checkpoint()
    contents = {
        f"{part}/{file.name}": file.read_bytes()
        for file in (run.recipe_path, run.facts_path, run.path / CODEBOOK_FILE)
        if file.is_file()
    }
    contents[f"{part}/checkpoints/{checkpoint.stem}{SUFFIX}"] = pack_weights(read_checkpoint(checkpoint))
    return contents


def _describe_routines(actions: Path) -> dict[str, RoutineFacts] | None:
    """Facts about the routines that the localizer of actions learned from, as far as they are still there."""
    folder = Path(LocalizationRun(actions).read_recipe().data.dataset)
    return describe_routines(read_dataset(folder)) if is_dataset_folder(folder) else None


def _find_simulated(
    actions: Path, sub_actions: Path, recognisers: Sequence[Path], features: Sequence[Path]
) -> dict[str, bool | None]:
    """Part by part whether its dataset was simulated; ``None`` where the dataset is gone."""
    parts = {"localizer of actions": actions, "localizer of sub-actions": sub_actions}
    for role, runs in (("recogniser", recognisers), ("features", features)):
        parts |= {f"{role} {number} ({RunFolder(run).read_recipe().name})": run for number, run in enumerate(runs, 1)}
    return {name: _is_simulated(path) for name, path in parts.items()}


def _is_simulated(run: Path) -> bool | None:
    is_recogniser = RunFiles(run).read_task() == "recognition"
    recipe = RunFolder(run).read_recipe() if is_recogniser else LocalizationRun(run).read_recipe()
    dataset = Path(recipe.data.dataset)
    return (dataset / SETTINGS_FILE).is_file() if dataset.exists() else None
