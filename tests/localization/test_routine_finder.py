"""Whole broadcasts of the simulation: what the routine finder is taught, shot by shot."""

from pathlib import Path

import numpy as np
import pytest

from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split
from finegym.annotations.subsets import assign_classes, find_subset
from finegym.codebook.builtin import read_builtin
from finegym.localization.actionformer_samples import ActionFormerSamples, label_levels
from finegym.localization.snippets import Snippets
from finegym.localization.timelines import make_timelines
from finegym.models.actionformer import make_points
from finegym.simulation.broadcast import make_programme
from finegym.simulation.competition import CompetitionSettings, plan_competition
from finegym.simulation.programme import make_video

STEP_MS = 480  # two snippets a second


class SlowSource:
    """Snippets of a broadcast at a low frame rate. What is in them does not matter here."""

    def read(self, timeline):
        times_ms = np.arange(STEP_MS // 2, timeline.duration_ms, STEP_MS)
        return Snippets(np.zeros((len(times_ms), 3), np.float16), times_ms, timeline.duration_ms)


@pytest.fixture(scope="module")
def programmes():
    codebook = read_builtin("artistic-women")
    settings = CompetitionSettings(num_videos=2, minutes=4, seed=1)
    return [make_programme(plan, codebook) for plan in plan_competition(settings, codebook)]


@pytest.fixture(scope="module")
def samples(programmes):
    codebook = read_builtin("artistic-women")
    dataset = Dataset(codebook, tuple(make_video(programme, None, codebook) for programme in programmes))
    events = find_subset("event", codebook)
    split = Split("all", events, assign_classes(dataset, events).class_index_by_id, {})
    timelines = make_timelines(dataset, split, Path("nowhere"), task="actions", level="event", side="train")
    settings = {"every": 1, "max_snippets": 2304, "crop_share": 1.0, "min_visible": 0.5, "num_levels": 6}
    labelled = label_levels([timelines])
    return ActionFormerSamples(
        timelines.timelines, labelled, SlowSource(), **settings, first_reach=4.0, centre_radius=1.5
    )


def get_points_of_shots(programme, samples, place):
    """Every shot with which of its points stand for a segment, and with which class."""
    batch = samples.collate([samples.draw(place, np.random.default_rng(0))])
    assert not batch["is_ignored"].any()
    points = make_points(int(batch["lengths"][0]), samples.num_levels).numpy()
    times_ms = points[:, 0] * STEP_MS + STEP_MS // 2
    for shot in programme.shots:
        start, end = (1000 * frame / float(programme.plan.fps) for frame in (shot.start, shot.end))
        inside = (times_ms >= start) & (times_ms < end)
        yield shot, batch["is_segment"][0].numpy()[inside], batch["labels"][0, :, 0].numpy()[inside]


def test_only_live_whole_routines_are_taught_as_routines(programmes, samples):
    events = find_subset("event", read_builtin("artistic-women"))
    seen = {}
    for place, programme in enumerate(programmes):
        for shot, is_segment, labels in get_points_of_shots(programme, samples, place):
            seen[shot.kind] = seen.get(shot.kind, 0) + 1
            if shot.kind == "routine":
                assert is_segment.any()
                assert set(labels[is_segment].tolist()) == {events.class_index_by_id[shot.event_id]}
            else:  # replays, cutaways, routines that broke off and all else: background, and not to be ignored
                assert not is_segment.any(), shot.kind
                assert (labels == -1).all()
    assert seen["interrupted"] >= 3 and seen["replay"] >= 5 and seen["crowd"] >= 2 and seen["close-up"] >= 2


def test_every_annotated_routine_is_taught(programmes, samples):
    num_routines = sum(routine.is_annotated for programme in programmes for routine in programme.routines)
    assert num_routines < sum(len(programme.routines) for programme in programmes)
    assert samples.counts == {"segments": num_routines}
