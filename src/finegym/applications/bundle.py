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
from collections.abc import Mapping, Sequence
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
        is_simulated: whether a part was trained on a simulated competition; ``None`` where the dataset was gone.
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
    actions: str
    sub_actions: str
    recognisers: tuple[str, ...]
    features: tuple[str, ...]
    files: Mapping[str, str]
    routines: Mapping[str, RoutineFacts] | None = None
    weaknesses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """A bundle, unpacked.

    Attributes:
        path: the file.
        sha256: of the file.
        folder: where it is unpacked.
        facts: what is in it.
        codebook: of the localizer of actions.
    """

    path: Path
    sha256: str
    folder: Path
    facts: BundleFacts
    codebook: Codebook

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
    facts = BundleFacts(
        format=FORMAT,
        name=name or out.stem,
        finegym=__version__,
        is_simulated=_find_simulated([actions, sub_actions, *recognisers]),
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
    """Unpack a bundle, checked against its hashes; what is unpacked already is used as it is.

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
    if not _is_whole(folder, path):
        _unpack(path, folder)
    facts = _parse_facts((folder / FACTS_FILE).read_bytes(), path)
    return Bundle(Path(path), sha256, folder, facts, read_codebook(folder / CODEBOOK_FILE))


def get_cache() -> Path:
    """Where bundles are unpacked: ``$FINEGYM_BUNDLES_FOLDER``, or ``finegym/bundles`` in the user's cache folder."""
    given = os.environ.get("FINEGYM_BUNDLES_FOLDER")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "finegym" / "bundles"


def _is_whole(folder: Path, path: Path) -> bool:
    """Whether a bundle is unpacked and every file still there: caches are cleared, sometimes in part."""
    if not (folder / FACTS_FILE).is_file():
        return False
    return all((folder / name).is_file() for name in _parse_facts((folder / FACTS_FILE).read_bytes(), path).files)


def _unpack(path: Path, folder: Path) -> None:
    """Check every file, then make the folder appear whole."""
    try:
        with zipfile.ZipFile(path) as archive:
            facts = _parse_facts(archive.read(FACTS_FILE), path)
            contents = {name: archive.read(name) for name in facts.files}
            text = archive.read(FACTS_FILE)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"{path} is no bundle, or damaged: {error}. Make it again with `finegym bundle make`."
        ) from error
    wrong = [name for name, content in contents.items() if hashlib.sha256(content).hexdigest() != facts.files[name]]
    wrong += [name for name in contents if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    if wrong:
        raise ConfigError(f"{path} is damaged: {wrong[0]} is not what the bundle says. Get it again.")
    if folder.is_dir() and not _is_whole(folder, path):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        with new_folder(folder) as new:
            for name, content in {**contents, FACTS_FILE: text}.items():
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                (new / name).write_bytes(content)
    except OutputError:
        if not _is_whole(folder, path):  # else another process was faster
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


def _find_simulated(runs: Sequence[Path]) -> bool | None:
    """Whether a run's dataset was simulated, as far as the datasets are still there."""
    datasets = []
    for path in runs:
        task = RunFiles(path).read_task()
        recipe = RunFolder(path).read_recipe() if task == "recognition" else LocalizationRun(path).read_recipe()
        datasets.append(Path(recipe.data.dataset))
    if any((dataset / SETTINGS_FILE).is_file() for dataset in datasets):
        return True
    return False if all(dataset.exists() for dataset in datasets) else None
