"""Parsing recordings: localize, look, read, score, write. A folder a record; what is done stays done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Dataset
from finegym.applications.bundle import Bundle, open_bundle
from finegym.applications.parse.cautions import (
    count_doubtful,
    count_not_seen,
    doubt_all,
    find_foreign,
    is_in_simulation,
    list_cautions,
    mark_doubtful,
)
from finegym.applications.parse.clock import Clock
from finegym.applications.parse.exporting import write_outputs
from finegym.applications.parse.files import AT_WORK, FORMAT, PARSE_FILE, Parse, read_parse
from finegym.applications.parse.found import FoundAction, make_found_dataset, read_found, take_whole
from finegym.applications.parse.interpreting import Thresholds, interpret_action
from finegym.applications.parse.kinds import assign_kinds, sum_endings
from finegym.applications.parse.recognising import Opinion, ask
from finegym.applications.parse.stretches import list_stretches, look_for_shots
from finegym.applications.scoring.code_of_points import hash_code, read_code
from finegym.errors import ConfigError, VideoError, join_problems
from finegym.files import LOCK_FILE, hash_samples, hold_folder, write_text
from finegym.jobs import Engine, Tally, run_jobs
from finegym.localization.localize_inputs import localize_nested_inputs
from finegym.localization.nested import NESTED_FILE, SUB_ACTIONS_FILE
from finegym.localization.opening import open_localizer
from finegym.training.gpus import find_gpus
from finegym.video.index_cache import read_index
from finegym.workspace import Workspace

DEFAULT_THRESHOLDS = Thresholds()
WORK_FOLDER, SECONDS_FILE, LOCALIZED_FILE = ".work", "seconds.json", "localized.json"
Device = Literal["auto", "cpu"]
Whole = Literal["record", "sub-action"]


@dataclass(frozen=True)
class ParseSettings:
    """How recordings are parsed.

    Attributes:
        thresholds: what is accepted.
        code: name of a code of points, or a YAML file.
        device: ``auto`` takes a GPU where there is one.
        whole: what each file is: a ``record`` that is to be looked through, or one ``sub-action`` cut out of one.
        without_shots: do not look for replays and slow motion, which takes a pass over the whole record.
        with_doubtful: write routines into the official annotations that are in doubt as such.
    """

    thresholds: Thresholds = DEFAULT_THRESHOLDS
    code: str = "fig-women-2017"
    device: Device = "auto"
    whole: Whole = "record"
    without_shots: bool = False
    with_doubtful: bool = False


@dataclass(frozen=True)
class ParseItem:
    """One recording to parse, and the folder for it."""

    video: Path
    out: Path


def parse_videos(
    videos: Sequence[Path],
    bundle: Path,
    out: Path,
    settings: ParseSettings | None = None,
    *,
    workers: int = 1,
    engine: Engine = "pool",
    show_progress: bool = True,
) -> Tally[Path]:
    """Parse recordings, each into ``out/NAME``; those that are parsed already with the same bundle and settings stay.

    Args:
        videos: files.
        bundle: a file of ``finegym bundle make`` or ``finegym demo``.
        out: folder.
        settings: how; the defaults of ``ParseSettings`` without any.
        workers: processes, a recording each at a time.
        engine: where they run; see ``run_jobs``.
        show_progress: whether bars are drawn on a terminal.

    Returns:
        The tally: ``parse.json`` of each.

    Raises:
        ConfigError: the bundle is not usable, there is no such code of points, or two videos have one name.
    """
    settings = settings or ParseSettings()
    opened = open_bundle(bundle)
    read_code(settings.code)
    names = [path.stem for path in videos]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"{join_problems(repeated, 3)}: is the name of two videos; results are told apart by it")
    items = [ParseItem(path, out / path.stem) for path in videos]
    return run_jobs(
        items,
        partial(parse_video, bundle=bundle, settings=settings, show_progress=show_progress and workers == 1),
        key=lambda item: str(item.video),
        is_done=lambda item: is_parsed(item, opened, settings),
        workers=workers,
        engine=engine,
        title="parsing",
        show_progress=show_progress and workers > 1,
        gpus=find_gpus(),
    )


def parse_video(
    item: ParseItem,
    *,
    bundle: Path,
    settings: ParseSettings,
    show_progress: bool = True,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Parse one recording.

    Writes ``parse.json``, ``parse.html``, ``chapters.vtt``, ``sub_actions.csv``, and a dataset folder of what is likely
    enough (``annotations.json`` in the official shape, ``elements.txt`` …). What a run that was killed had finished
    lies in ``.work`` and is gone on with.

    Args:
        item: the recording, and the folder for it.
        bundle: a file of ``finegym bundle make`` or ``finegym demo``.
        settings: how.
        show_progress: whether bars are drawn on a terminal.
        tell: told the name of every stage when it begins: ``localize``, ``replays``, ``recognise``, ``read`` and
            ``write``.

    Raises:
        FineGymError: the recording, the bundle or a feature is not usable.
    """
    opened = open_bundle(bundle)
    read_code(settings.code)
    if not item.video.is_file():
        what = (
            "is a folder; give the recordings in it" if item.video.is_dir() else "there is no such file. Check the path"
        )
        raise VideoError(f"{item.video}: {what}.")
    fingerprint = hash_samples(item.video)
    _refuse_foreign(item.out, item.video, fingerprint)
    with hold_folder(item.out, AT_WORK):
        _refuse_foreign(item.out, item.video, fingerprint)  # somebody may have written there meanwhile,
        if not is_parsed(item, opened, settings):  # or have parsed the same
            _parse(item, opened, settings, fingerprint, tell)
    return item.out / PARSE_FILE


def _parse(
    item: ParseItem, opened: Bundle, settings: ParseSettings, fingerprint: str, tell: Callable[[str], None] | None
) -> None:
    """Parse a recording into a folder that is held."""
    code = read_code(settings.code)
    work = item.out / WORK_FOLDER / f"{opened.sha256[:12]}-{fingerprint[:12]}"
    clock = Clock(work / SECONDS_FILE, tell)
    with clock.stage("localize"):
        found = find_actions(item.video, opened, settings, work)
    index, record_id = read_index(item.video), item.video.stem
    dataset = make_found_dataset(found, record_id, str(item.video.absolute()), index, opened.codebook)
    write_dataset(dataset, work / "found")
    is_skipped = settings.without_shots or settings.whole != "record"
    with clock.stage("replays"):  # before the recognisers, which take the cuts from the same file
        shots_file = Workspace(work / "found").get_shots_file(record_id)
        if is_skipped:
            shots_file.unlink(missing_ok=True)  # of a call that was stopped, and was to look for them
        stretches = () if is_skipped else list_stretches(look_for_shots(item.video, shots_file))
    with clock.stage("recognise"):
        opinions = ask_all(opened, dataset, work, settings)
    with clock.stage("read"):
        read = [interpret_action(one, record_id, opinions, opened.codebook, settings.thresholds, code) for one in found]
        endings = {one.name: sum_endings(one.ending, opened.codebook) for one in found}
        whole = None if settings.whole == "sub-action" else opened.facts.routines
        actions = assign_kinds(read, stretches, float(index.end_ms), whole, endings)
        is_simulated = is_in_simulation(item.video)
        foreign = find_foreign(opened.facts, actions, is_simulated=is_simulated)
        actions = actions if foreign is None else doubt_all(actions, foreign)
        actions = mark_doubtful(actions, settings.thresholds.min_probability, is_foreign=foreign is not None)
        warnings = list_cautions(opened.facts, actions, is_simulated=is_simulated, with_doubtful=settings.with_doubtful)
    parse = Parse(
        record_id=record_id,
        video=str(item.video.absolute()),
        video_fingerprint=fingerprint,
        duration_ms=float(index.end_ms),
        bundle=opened.facts.name,
        bundle_sha256=opened.sha256,
        is_trained_on_simulation=opened.facts.is_simulated,
        trained_on=dict(opened.facts.trained_on),
        code_of_points=code.name,
        code_sha256=hash_code(code),
        without_replays=is_skipped,
        whole=settings.whole,
        is_simulated=is_simulated,
        is_foreign=foreign is not None,
        warnings=warnings,
        num_not_seen=count_not_seen(actions),
        num_doubtful=count_doubtful(actions),
        with_doubtful=settings.with_doubtful,
        settings=asdict(settings.thresholds),
        actions=actions,
        stretches=stretches,
        seconds=clock.seconds,
    )
    if tell is not None:
        tell("write")
    write_outputs(parse, dataset, code, item.video, item.out)
    shutil.rmtree(item.out / WORK_FOLDER, ignore_errors=True)


def ask_all(bundle: Bundle, dataset: Dataset, work: Path, settings: ParseSettings) -> list[Opinion]:
    """What all recognisers of a bundle say of what was found; nothing where nothing was."""
    runs = bundle.recognisers if dataset.instances else ()
    return [
        ask(
            run,
            work / "found",
            work / f"{run.name}.parquet",
            bundle.read_calibration(run),
            device=settings.device,
        )
        for run in runs
    ]


def find_actions(video: Path, bundle: Bundle, settings: ParseSettings, work: Path) -> tuple[FoundAction, ...]:
    """The routines of a recording and the stretches in them; a clip that was cut out before is taken whole.

    What a call that was stopped later on has found is read from ``work``, which is of this recording and bundle.
    """
    if settings.whole == "sub-action":
        return take_whole(int(read_index(video).end_ms))
    least, least_sub = settings.thresholds.min_score, settings.thresholds.min_sub_score
    asked = {"record": video.stem, "min_score": least, "min_sub_score": least_sub}
    done, text = work / LOCALIZED_FILE, json.dumps(asked) + "\n"
    if not (done.is_file() and done.read_text(encoding="utf-8") == text):
        done.unlink(missing_ok=True)
        actions, sub_actions = (
            open_localizer(path, device=settings.device) for path in (bundle.actions, bundle.sub_actions)
        )
        localize_nested_inputs(
            actions,
            sub_actions,
            [video],
            work,
            min_score=least,
            min_sub_score=least_sub,
            features_runs=bundle.features,
            device=actions.device,
        )
        write_text(done, text)
    nested, inside = (json.loads((work / name).read_text(encoding="utf-8")) for name in (NESTED_FILE, SUB_ACTIONS_FILE))
    return read_found(nested["records"][video.stem], inside["results"])


def is_parsed(item: ParseItem, bundle: Bundle, settings: ParseSettings) -> bool:
    """Whether an earlier call parsed the same recording with the same bundle and settings; else it is parsed anew."""
    path = item.out / PARSE_FILE
    if not path.is_file() or not item.video.is_file():
        return False
    try:
        parse = read_parse(path)
    except ConfigError:
        return False
    same = (parse.bundle_sha256, parse.video_fingerprint) == (bundle.sha256, hash_samples(item.video))
    same = same and (parse.whole, parse.settings) == (settings.whole, asdict(settings.thresholds))
    same = same and (parse.with_doubtful == settings.with_doubtful or not parse.num_doubtful)
    same = same and parse.code_sha256 == hash_code(read_code(settings.code))
    return same and (settings.without_shots or settings.whole != "record" or not parse.without_replays)


def _refuse_foreign(out: Path, video: Path, fingerprint: str) -> None:
    """Nothing but an earlier parse of the recording is written over: of the same content, or of the same file."""
    there = {path.name for path in out.iterdir()} - {LOCK_FILE} if out.is_dir() else set()
    if there and not there & {PARSE_FILE, WORK_FOLDER}:
        raise ConfigError(f"{out}: is there already, and no parse of finegym's. Give another --out.")
    try:  # of any version: an older one of the same recording is made anew
        earlier = json.loads((out / PARSE_FILE).read_bytes())
        start = out if earlier.get("format") == FORMAT else Path()  # those of before: from wherever the command ran
        other, is_same = (start.resolve() / earlier["video"]).resolve(), earlier["video_fingerprint"] == fingerprint
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or a damaged one
        return
    if not is_same and video.resolve() != other:
        raise ConfigError(f"{out}: is the parse of another recording of that name, {other}. Give another --out.")
