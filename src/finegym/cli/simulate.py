"""`finegym simulate`: a competition nobody filmed, as a dataset folder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer


def simulate(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the competition; new, or of the same settings.")],
    videos: Annotated[int, typer.Option("--videos", "-n", help="How many records.")] = 4,
    minutes: Annotated[float, typer.Option("--minutes", "-m", help="Length of each record.")] = 3.0,
    seed: Annotated[int, typer.Option("--seed", "-s", help="Seed of everything: same seed, same pixels.")] = 0,
    codebook: Annotated[
        str, typer.Option("--codebook", help="Built-in name, YAML file, or folder with a codebook.")
    ] = "artistic-women",
    fps: Annotated[str, typer.Option("--fps", help="25, 29.97, 30 or 50.")] = "25",
    size: Annotated[str, typer.Option("--size", help="Width x height in pixels, both even.")] = "640x360",
    tail: Annotated[
        float, typer.Option("--tail", help="How long the tail of rare elements is; 0: all of a set alike.")
    ] = 1.0,
    elements_per_set: Annotated[
        int, typer.Option("--elements-per-set", min=0, help="Elements of each set that are performed at all; 0: all.")
    ] = 0,
    events: Annotated[str, typer.Option("--events", help="Which events, separated by commas.")] = "VT,FX,BB,UB",
    faults: Annotated[
        bool, typer.Option("--faults", help="Gymnasts make faults; the truth says which, execution.csv what they cost.")
    ] = False,
    severity: Annotated[float, typer.Option("--severity", help="With --faults: 0 none, 1 usual, up to 2.")] = 1.0,
    workers: Annotated[
        int, typer.Option("--workers", "-w", min=1, help="Processes; each takes a record at a time.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the tally for machines.")] = False,
) -> None:
    """Simulate a competition: records, annotations and the truth about every frame.

    Makes a dataset folder: `records/*.mp4`, `annotations.json` in FineGym's official shape, `elements.txt`,
    `records.csv`, `actions.csv`, `codebook.yaml`, and `truth/*.npz` with joints, boxes, visibility and shots.
    An interrupted run goes on where it stopped when the same command is given again; a larger `--videos` adds records.

    **Example:** `finegym simulate --out competition --videos 4 --minutes 3 --seed 1 --workers 2`
    """
    import json

    from finegym.codebook.source import open_codebook
    from finegym.errors import ConfigError, OutputError, join_problems
    from finegym.simulation.competition import CompetitionSettings, simulate_competition
    from finegym.simulation.faults import FaultSettings

    if severity != 1.0 and not faults:
        raise ConfigError("--severity says how large faults are, but there are none: give --faults too.")
    settings = CompetitionSettings(
        num_videos=videos,
        minutes=minutes,
        seed=seed,
        fps=_parse_fps(fps),
        size=_parse_size(size),
        tail=tail,
        events=tuple(name.strip() for name in events.split(",") if name.strip()),
        faults=FaultSettings(severity) if faults else None,
        elements_per_set=elements_per_set,
    )
    tally = simulate_competition(settings, open_codebook(codebook)[0], out, workers=workers)
    found = _count(out)
    if as_json:
        failed = dict(tally.failed)
        print(json.dumps({"done": len(tally.done), "skipped": len(tally.skipped), "failed": failed, **found}))
    else:
        print(f"done {len(tally.done)}, skipped {len(tally.skipped)} (already there), failed {len(tally.failed)}")
        print(
            f"{out}: {found['records']} records, {found['actions']} routines, {found['sub_actions']} sub-actions of "
            f"{found['elements']} elements in {found['sets']} sets (simulated)"
        )
    if tally.failed:
        reasons = join_problems([f"{video_id}: {reason}" for video_id, reason in tally.failed.items()], limit=3)
        raise OutputError(f"{len(tally.failed)} of {videos} records failed: {reasons} Run the same command to go on.")


def _count(out: Path) -> dict[str, int]:
    """What the folder holds now."""
    from finegym.annotations.folder import is_dataset_folder, read_dataset

    if not is_dataset_folder(out):
        return {"records": 0, "actions": 0, "sub_actions": 0, "elements": 0, "sets": 0}
    dataset = read_dataset(out)
    subs = [instance.sub_action for instance in dataset.instances.values()]
    sets = {dataset.codebook.element_by_id[str(sub.element_id)].set_id for sub in subs}
    return {
        "records": len(dataset.videos),
        "actions": sum(len(video.actions) for video in dataset.videos),
        "sub_actions": len(subs),
        "elements": len({sub.element_id for sub in subs}),
        "sets": len(sets),
    }


def _parse_fps(text: str) -> Fraction:
    from finegym.errors import ConfigError
    from finegym.simulation.competition import FRAME_RATES

    if text not in FRAME_RATES:
        raise ConfigError(f"--fps: expected one of {', '.join(FRAME_RATES)}, got {text!r}")
    return FRAME_RATES[text]


def _parse_size(text: str) -> tuple[int, int]:
    from finegym.errors import ConfigError

    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise ConfigError(f'--size: expected width x height such as 640x360, got "{text}"')
    return int(width), int(height)
