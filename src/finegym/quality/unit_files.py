"""Units from two or more annotation files: one annotator each, told apart by the file that the work stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finegym.annotations.annotation_json import read_annotation_json
from finegym.annotations.folder import is_dataset_folder
from finegym.annotations.model import Action, Dataset, Video
from finegym.annotations.source import open_source
from finegym.annotations.text import format_count
from finegym.annotations.webvtt import CHAPTERS_FILE, find_record, parse_webvtt
from finegym.codebook.model import Codebook
from finegym.codebook.source import open_codebook
from finegym.errors import AnnotationError
from finegym.quality.units import Item, Level, Unit, Units, make_units

SIMULATION_FILE = "simulation.json"


def read_units(
    paths: Sequence[Path],
    names: Sequence[str] | None = None,
    level: Level = "sub-action",
    codebook: str | None = None,
) -> Units:
    """Read what several annotators annotated, a file or folder each.

    Args:
        paths: dataset folders, folders of official files; or files that need ``codebook``: official annotation JSON,
            WebVTT of one record (its name is the file's; the ``chapters.vtt`` of a parse says it), folders of WebVTT.
        names: of the annotators; the names of files and folders by default.
        level: ``action`` compares routines record by record, ``sub-action`` their sub-actions routine by routine.
        codebook: as for ``open_codebook``; where given, all labels are of it, whatever codebooks the folders hold.

    Raises:
        AnnotationError: fewer than two files; a file cannot be read; codebooks differ; no record is in two files.
    """
    notes: list[str] = []
    datasets = read_datasets(paths, names, codebook, notes)
    return make_units_of_datasets(
        datasets,
        level,
        next(iter(datasets.values())).codebook,
        is_simulated=any((Path(path) / SIMULATION_FILE).is_file() for path in paths),
        notes=notes,
    )


def read_datasets(
    paths: Sequence[Path],
    names: Sequence[str] | None = None,
    codebook: str | None = None,
    notes: list[str] | None = None,
) -> dict[str, Dataset]:
    """The datasets of several annotators by their names, all with one codebook; arguments as for ``read_units``.

    ``notes`` gets what was left out of a file, in words; without it a file is refused of which something would be.
    """
    if names is not None and len(names) != len(paths):
        raise AnnotationError(f"{len(names)} names for {len(paths)} files. Give a name for each, in their order.")
    if names is not None and len(set(names)) < len(names):
        raise AnnotationError(f"two annotators have one name ({', '.join(names)}). Give each a name of its own.")
    if len(paths) < 2:
        raise AnnotationError(f"agreement wants two annotators or more, got {len(paths)} file. Name another one.")
    book = None if codebook is None else open_codebook(codebook)[0]
    datasets = [_read_dataset(Path(path), book, notes) for path in paths]
    known = book or _choose_codebook(paths, datasets)
    return {
        name: Dataset(known, dataset.videos)
        for name, dataset in zip(names or _name_annotators(paths), datasets, strict=True)
    }


def make_units_of_datasets(
    datasets: Mapping[str, Dataset],
    level: Level,
    codebook: Codebook,
    *,
    is_simulated: bool = False,
    notes: Sequence[str] = (),
) -> Units:
    """Units of what each annotator's dataset holds.

    A record that a dataset has was done by its annotator, also where nothing is in it; a record of one annotator alone
    is left out, with a note. At the level of sub-actions an item is a routine: actions of all annotators that share
    time are one. Who found no action there missed its sub-actions; who has one of which nobody looked for sub-actions
    did not do it.

    Args:
        datasets: by annotator.
        level: of the units.
        codebook: of all labels.
        is_simulated: nobody filmed it.
        notes: what was left out before.

    Raises:
        AnnotationError: no record is in two datasets, or a label is not in the codebook.
    """
    videos = {name: {video.id: video for video in dataset.videos} for name, dataset in datasets.items()}
    order = list(dict.fromkeys(id_ for mine in videos.values() for id_ in mine))
    shared = [id_ for id_ in order if sum(id_ in mine for mine in videos.values()) > 1]
    if not shared:
        raise AnnotationError(
            f"no record is in two of {', '.join(datasets)}: nothing to compare. Give files that annotate the same "
            "records."
        )
    alone = [f"{format_count(len(order) - len(shared), 'record')} of one annotator alone left out"]
    collected = _Collected([], [], [], [*notes, *(alone if len(order) > len(shared) else [])])
    for record_id in shared:
        work = {name: mine[record_id] for name, mine in videos.items() if record_id in mine}
        absent = [name for name in datasets if name not in work]
        if level == "action":
            _collect_record(work, absent, collected)
        else:
            _collect_routines(work, absent, collected)
    if collected.num_missed_routines:
        collected.notes.append(
            f"{format_count(collected.num_missed_routines, 'routine')} that an annotator has no action for: "
            "their sub-actions are missed by that annotator"
        )
    return make_units(
        collected.units,
        collected.items,
        list(datasets),
        level,
        codebook,
        not_done=collected.not_done,
        is_simulated=is_simulated,
        notes=collected.notes,
    )


@dataclass
class _Collected:
    units: list[Unit]
    items: list[Item]
    not_done: list[tuple[str, str]]
    notes: list[str]
    num_missed_routines: int = 0


def _collect_record(work: Mapping[str, Video], absent: Sequence[str], collected: _Collected) -> None:
    some = next(iter(work.values()))
    fps = _find_fps(work)
    ends = [action.end_ms for video in work.values() for action in video.actions]
    starts = [action.start_ms for video in work.values() for action in video.actions]
    if some.num_frames is not None and fps is not None:
        ends.append(round(1000 * some.num_frames / fps))
    collected.items.append(Item(some.id, some.id, min([0, *starts]), max([1, *ends]), fps))
    collected.not_done += [(name, some.id) for name in absent]
    collected.units += [
        Unit(name, some.id, action.start_ms, action.end_ms, action.event_id, f"{some.id}_{action.name}")
        for name, video in work.items()
        for action in video.actions
    ]


def _collect_routines(work: Mapping[str, Video], absent: Sequence[str], collected: _Collected) -> None:
    fps = _find_fps(work)
    for routine in _join_actions(work):
        video_id, first = next(iter(work.values())).id, routine[0][1]
        item_id = f"{video_id}_{first.name}"
        start_ms = min(action.start_ms for _, action in routine)
        collected.items.append(Item(item_id, video_id, start_ms, max(a.end_ms for _, a in routine), fps))
        there = {name for name, _ in routine}
        looked = {name for name, action in routine if action.sub_actions is not None}
        collected.not_done += [(name, item_id) for name in (*absent, *(there - looked))]
        collected.num_missed_routines += len(work.keys() - there)
        collected.units += [
            unit for name, action in routine for unit in _make_sub_actions(name, item_id, video_id, action)
        ]


def _make_sub_actions(name: str, item_id: str, video_id: str, action: Action) -> Iterator[Unit]:
    for sub in action.sub_actions or ():
        label = sub.element_id or sub.set_id or action.event_id
        id_ = f"{video_id}_{action.name}_{sub.name}"
        yield Unit(name, item_id, sub.start_ms, sub.end_ms, label, id_)


def _join_actions(work: Mapping[str, Video]) -> Iterator[list[tuple[str, Action]]]:
    """Actions of all annotators that share time, directly or through others."""
    actions = [(name, action) for name, video in work.items() for action in video.actions]
    actions.sort(key=lambda one: one[1].start_ms)
    routine: list[tuple[str, Action]] = []
    end_ms = 0
    for name, action in actions:
        if routine and action.start_ms >= end_ms:
            yield routine
            routine = []
        end_ms = max(end_ms, action.end_ms) if routine else action.end_ms
        routine.append((name, action))
    if routine:
        yield routine


def _find_fps(work: Mapping[str, Video]) -> float | None:
    return next((video.fps for video in work.values() if video.fps is not None), None)


def _read_dataset(path: Path, codebook: Codebook | None, notes: list[str] | None) -> Dataset:
    if is_dataset_folder(path):  # that of a parse holds WebVTT too
        return open_source(path).dataset
    files = sorted(path.glob("*.vtt")) if path.is_dir() else [path] if path.suffix == ".vtt" else []
    if not files and not path.is_file():
        return open_source(path).dataset
    if codebook is None:
        raise AnnotationError(f"{path}: an annotation file alone does not say what its labels are. Add --codebook.")
    if files:
        return Dataset(codebook, tuple(_read_webvtt(file, codebook, notes) for file in files))
    return Dataset(codebook, read_annotation_json(path, codebook))


def _read_webvtt(path: Path, codebook: Codebook, notes: list[str] | None) -> Video:
    left_out: list[str] = []
    try:
        text = path.read_text(encoding="utf-8")
        record = (find_record(text) if path.name == CHAPTERS_FILE else None) or path.stem
        video = parse_webvtt(text, record, codebook, None if notes is None else left_out)
    except (OSError, UnicodeDecodeError, AnnotationError) as error:
        raise AnnotationError(f"{path}: {error}") from error
    if notes is not None and left_out:
        count = format_count(len(left_out), "cue")
        notes.append(f"{path.name}: {count} of a parse left out that are marked as no annotations")
    return video


def _choose_codebook(paths: Sequence[Path], datasets: Sequence[Dataset]) -> Codebook:
    first = datasets[0].codebook
    for path, dataset in zip(paths, datasets, strict=True):
        if dataset.codebook != first:
            other = dataset.codebook
            raise AnnotationError(
                f"{paths[0]} has codebook {first.name} {first.version}, {path} another one ({other.name} "
                f"{other.version}): labels of two codebooks cannot be compared. Name the one to use with --codebook; "
                "finegym codebook diff says how they differ."
            )
    return first


def _name_annotators(paths: Sequence[Path]) -> list[str]:
    names = [path.stem if path.is_file() else path.name or path.resolve().name for path in map(Path, paths)]
    if len(set(names)) < len(names):
        raise AnnotationError(
            f"two of the files are called the same ({', '.join(names)}). Tell them apart with --name."
        )
    return names
