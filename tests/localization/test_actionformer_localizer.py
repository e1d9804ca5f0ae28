from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from finegym.annotations.subsets import find_subset, make_subset
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError
from finegym.localization.actionformer_levels import make_levels
from finegym.localization.actionformer_localizer import ActionFormerLocalizer, build_actionformer, list_parts
from finegym.localization.actionformer_samples import (
    ActionFormerSamples,
    LabelledSegments,
    clip_segments,
    draw_crop,
    label_levels,
    thin,
)
from finegym.localization.actionformer_section import ActionFormerSection
from finegym.localization.snippets import Snippets
from finegym.localization.timelines import Timeline, Timelines, find_classes
from finegym.segments import compute_tiou

STEP_MS = 200
SMALL = ActionFormerSection(
    width=32, num_levels=4, num_heads=2, window=7, num_stem_blocks=1, branch_scale=0.1, part_snippets=64, dropout=0.0
)


@dataclass
class MemorySource:
    """Snippets in memory; ``reads`` counts how often each was asked for."""

    features: dict[str, np.ndarray]
    reads: list[str] = field(default_factory=list)

    def read(self, timeline):
        self.reads.append(timeline.timeline_id)
        features = self.features[timeline.timeline_id]
        times_ms = np.arange(len(features)) * STEP_MS + STEP_MS // 2
        return Snippets(features, times_ms, timeline.duration_ms)


@pytest.fixture(scope="module")
def codebook():
    return read_builtin("artistic-women")


def make_timelines(codebook, classes, class_of, rows, num_snippets):
    """One timeline a list of (start, end, element) rows, times in ms; what has no class is ignored."""
    timelines = []
    for number, segments in enumerate(rows):
        known = [(start, end, class_of(element, classes)) for start, end, element in segments]
        timelines.append(
            Timeline(
                f"t{number}",
                f"t{number}",
                None,
                0,
                num_snippets[number] * STEP_MS,
                np.array([k[:2] for k in known if k[2] is not None], np.int64).reshape(-1, 2),
                np.array([k[2] for k in known if k[2] is not None], np.int64),
                np.array([k[:2] for k in known if k[2] is None], np.int64).reshape(-1, 2),
            )
        )
    return Timelines("sub-actions", classes.level, classes, codebook, tuple(timelines), {})


def find_class(codebook):
    def find(element_id, classes):
        set_id = codebook.element_by_id[element_id].set_id
        id_ = {"element": element_id, "set": set_id, "event": codebook.set_by_id[set_id].event_id}[classes.level]
        return classes.class_index_by_id.get(id_)

    return find


@pytest.fixture(scope="module")
def competition(codebook):
    """Six timelines of segments whose class and extent the features show, on all three levels."""
    rng = np.random.default_rng(0)
    elements = [codebook.get_elements_of_set(s)[k].id for s in ("FX-S1", "FX-S2", "BB-S1") for k in (0, 1)]
    rows, features, lengths = [], {}, []
    for number in range(6):
        length = int(rng.integers(50, 90))
        values = rng.normal(0, 0.1, (length, len(elements) + 2)).astype(np.float32)
        segments, place = [], 3
        while place < length - 14:
            extent, kind = int(rng.integers(3, 12)), int(rng.integers(len(elements)))
            segments.append((place * STEP_MS, (place + extent) * STEP_MS, elements[kind]))
            values[place : place + extent, kind] += 2
            place += extent + int(rng.integers(2, 9))
        rows.append(segments)
        lengths.append(length)
        features[f"t{number}"] = values.astype(np.float16)
    kept = make_subset("some", "element", elements[:-1], codebook)
    uppers = [find_classes(kept, codebook, task="sub-actions", level=level) for level in ("event", "set")]
    levels = [make_timelines(codebook, each, find_class(codebook), rows, lengths) for each in (*uppers, kept)]
    return SimpleNamespace(levels=levels, source=MemorySource(features), size=len(elements) + 2)


def build_samples(competition, **settings):
    defaults = {"every": 1, "max_snippets": 256, "crop_share": 1.0, "min_visible": 0.5, "num_levels": 4}
    defaults |= {"first_reach": 4.0, "centre_radius": 1.5}
    labelled = label_levels(competition.levels)
    return ActionFormerSamples(competition.levels[-1].timelines, labelled, competition.source, **defaults | settings)


def build_localizer(competition, section=SMALL):
    torch.manual_seed(0)
    recipe = SimpleNamespace(actionformer=section.model_copy(update={"upper_levels": ("event", "set")}))
    return build_actionformer(recipe, competition.levels[-1], competition.size)


@pytest.fixture(scope="module")
def trained(competition):
    localizer, samples = build_localizer(competition), build_samples(competition)
    optimizer = torch.optim.AdamW(localizer.parameters(), lr=3e-3)
    for step in range(90):
        rng = np.random.default_rng(step)
        batch = samples.collate([samples.draw(place, rng) for place in range(len(samples))])
        losses = localizer(batch)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert set(losses) == {"event_loss", "set_loss", "element_loss", "regression_loss"}
    return localizer.eval()


@torch.no_grad()
def test_it_finds_what_it_learnt_on_every_level(competition, trained):
    for place, name in enumerate(trained.level_names):
        assert trained.choose_level(name) == competition.levels[place].classes
        for timeline in competition.levels[place].timelines:
            found = trained.detect(timeline, competition.source)
            assert (found.segments_ms >= 0).all() and (found.segments_ms <= timeline.duration_ms).all()
            overlap = compute_tiou(timeline.segments_ms, found.segments_ms)
            is_same = timeline.class_index[:, None] == found.class_index
            best = np.where(is_same & (found.scores > 0.3), overlap, 0).max(axis=1)
            assert (best > 0.7).all(), (name, best)
            # And nothing else that it is sure of, ignore regions aside.
            sure = found.segments_ms[found.scores > 0.5]
            known = np.concatenate([timeline.segments_ms, timeline.ignored_ms])
            assert (compute_tiou(sure, known).max(axis=1) > 0.5).all()


@torch.no_grad()
def test_levels_do_not_contradict_each_other(competition, trained):
    features = competition.source.features["t0"]
    scores = []
    for name in trained.level_names:
        trained.choose_level(name)
        scores.append(trained.score_points(features)[1])
    for upper, lower, parents in zip(scores, scores[1:], trained.levels.parents[1:], strict=False):
        summed = torch.zeros_like(upper).index_add(1, parents, lower)
        has_children = torch.bincount(parents, minlength=upper.shape[1]) > 0
        torch.testing.assert_close(summed[:, has_children], upper[:, has_children])


def test_a_level_that_was_not_learnt_is_refused(codebook):
    levels = make_levels([find_subset("set", codebook)], codebook)
    localizer = ActionFormerLocalizer(torch.nn.Identity(), levels, SMALL)
    with pytest.raises(ConfigError, match="'element' was not learnt, but set"):
        localizer.choose_level("element")


@torch.no_grad()
def test_parts_of_a_long_timeline_give_nearly_what_the_whole_gives(competition, trained):
    trained.choose_level("set")
    features = np.concatenate([competition.source.features[f"t{n}"] for n in range(6)])
    points, scores, _ = trained.score_points(features)
    whole = build_localizer(competition, SMALL.model_copy(update={"part_snippets": 4608})).eval()
    whole.load_state_dict(trained.state_dict())
    whole.choose_level("set")
    all_points, all_scores, _ = whole.score_points(features)
    order, all_order = (np.lexsort(p.T.numpy()) for p in (points, all_points))
    assert torch.equal(points[order], all_points[all_order])
    difference = (scores[order] - all_scores[all_order]).abs().amax(dim=1)
    assert difference.quantile(0.9) < 0.02
    assert len(features) > 4 * 64


@pytest.mark.parametrize("num_snippets", [1, 64, 65, 97, 300, 1000])
def test_parts_cover_a_timeline_once(num_snippets):
    parts = list_parts(num_snippets, 64, 8)
    kept = [place for part in parts for place in range(part.keep_first, part.keep_stop)]
    assert kept == list(range(num_snippets))
    for part in parts:
        assert part.first % 8 == 0 and part.first <= part.keep_first and part.keep_stop <= part.stop
        assert part.stop - part.first <= 64
        assert part.first == 0 or part.keep_first - part.first >= 16
        assert part.stop == num_snippets or part.stop - part.keep_stop >= 16


def test_losses_of_a_batch_do_not_depend_on_padding(competition):
    localizer, samples = build_localizer(competition), build_samples(competition)
    localizer.network.eval()  # no random branches
    drawn = [samples.draw(place, np.random.default_rng(0)) for place in range(len(samples))]
    together = localizer.eval()(samples.collate(drawn))
    alone = [localizer(samples.collate([sample])) for sample in drawn]
    for name, loss in together.items():
        torch.testing.assert_close(loss, sum(each[name] for each in alone), rtol=1e-4, atol=1e-5)


def test_points_in_ignore_regions_cost_nothing(competition):
    localizer, samples = build_localizer(competition).eval(), build_samples(competition)
    batch = samples.collate([samples.draw(0, np.random.default_rng(0))])
    nothing = batch | {name: torch.zeros_like(batch[name]) for name in ("is_segment", "offsets")}
    nothing |= {"labels": torch.full_like(batch["labels"], -1)}
    assert all(localizer(nothing)[f"{name}_loss"] > 0 for name in localizer.level_names)
    ignored = nothing | {"is_ignored": torch.ones_like(batch["is_ignored"])}
    assert not any(localizer(ignored).values())


def test_a_segment_that_a_level_has_no_class_for_is_learnt_on_the_others(competition):
    localizer, samples = build_localizer(competition).eval(), build_samples(competition)
    batch = samples.collate([samples.draw(0, np.random.default_rng(0))])
    named, unnamed = (
        localizer(batch),
        localizer(batch | {"labels": batch["labels"] * torch.tensor([1, 1, 0]) + torch.tensor([0, 0, -1])}),
    )
    for name in ("event_loss", "set_loss", "regression_loss"):
        assert unnamed[name] == named[name]
    # What is left of the finest level is the background of its points without a segment.
    background = localizer(batch | {"is_ignored": batch["is_ignored"] | batch["is_segment"]})
    assert unnamed["element_loss"] < named["element_loss"]
    torch.testing.assert_close(unnamed["element_loss"], background["element_loss"])


def test_the_running_number_of_positive_points_is_part_of_the_state(competition):
    localizer, samples = build_localizer(competition).train(), build_samples(competition)
    batch = samples.collate([samples.draw(0, np.random.default_rng(0))])
    num_positive = int(batch["is_segment"].sum())
    localizer(batch)
    assert localizer.normaliser.item() == pytest.approx(0.9 * 100 + 0.1 * num_positive)
    assert "normaliser" in localizer.state_dict()
    localizer.eval()(batch)
    assert localizer.normaliser.item() == pytest.approx(0.9 * 100 + 0.1 * num_positive)


def test_labels_of_levels_meet_by_their_times(competition):
    labelled = label_levels(competition.levels)
    for known, *timelines in zip(labelled, *(level.timelines for level in competition.levels), strict=True):
        assert known.labels.shape == (len(known.segments_ms), 3)
        assert (known.labels[:, :2] >= 0).all() and not len(known.ignored_ms)
        for place, timeline in enumerate(timelines):
            there = known.labels[:, place] >= 0
            order = known.segments_ms[there, 0].argsort()
            assert known.segments_ms[there][order].tolist() == timeline.segments_ms.tolist()
            assert known.labels[there, place][order].tolist() == timeline.class_index.tolist()
    assert sum(int((known.labels[:, 2] < 0).sum()) for known in labelled) > 0  # the element that is no class


def test_a_crop_cuts_segments_and_ignores_those_it_leaves_little_of(competition):
    segments = np.array([[0.0, 2000.0], [2000.0, 4000.0], [4400.0, 5400.0]])
    known = LabelledSegments(segments, np.array([[0], [1], [2]]), np.array([[6000.0, 7000.0]]))
    source = MemorySource({"t0": np.zeros((60, 4), np.float16)})
    timeline = Timeline("t0", "t0", None, 0, 60 * STEP_MS)
    settings = {"every": 1, "max_snippets": 20, "crop_share": 1.0, "min_visible": 0.5, "num_levels": 2}
    samples = ActionFormerSamples((timeline,), (known,), source, **settings, first_reach=4.0, centre_radius=1.5)
    seen = set()
    for seed in range(300):
        sample = samples.draw(0, np.random.default_rng(seed))
        assert sample.features.shape == (20, 4) and sample.features.dtype == np.float32
        assert (sample.segments >= -0.5).all() and (sample.segments <= 19.5).all()
        for rows in (sample.segments, sample.ignored):
            assert (rows[:, 1] > rows[:, 0]).all()
        seen.add((tuple(sample.labels[:, 0]), len(sample.ignored)))
    # All of the first and half of the second; a part of the first that is too small; the ignore region; nothing at all.
    assert {((0, 1), 0), ((), 0)} <= seen and any(count == 1 for _, count in seen)
    assert samples.counts == {"segments": 3, "ignore regions": 1, "timelines longer than max_snippets": 1}


def test_crops_follow_from_the_random_numbers_alone():
    draws = [draw_crop(100, 200, 0.9, np.random.default_rng(seed)) for seed in range(200)]
    assert draws == [draw_crop(100, 200, 0.9, np.random.default_rng(seed)) for seed in range(200)]
    lengths = {stop - first for first, stop in draws}
    assert min(lengths) == 90 and max(lengths) == 100
    assert {draw_crop(100, 30, 0.9, np.random.default_rng(seed))[0] for seed in range(900)} == set(range(71))


def test_clipping_by_hand():
    segments = np.array([[-4.0, 2.0], [-1.0, 3.0], [7.0, 12.0], [20.0, 21.0]])
    cut, is_learnt, is_seen = clip_segments(segments, (0.0, 10.0), 0.5)
    assert cut[:3].tolist() == [[0.0, 2.0], [0.0, 3.0], [7.0, 10.0]]
    assert is_learnt.tolist() == [False, True, True, False]
    assert is_seen.tolist() == [True, True, True, False]


def test_batches_hold_targets_of_every_point(competition):
    samples = build_samples(competition)
    drawn = [samples.draw(place, np.random.default_rng(0)) for place in (0, 1)]
    batch = samples.collate(drawn)
    for row, sample in enumerate(drawn):
        length = len(sample.features)
        assert batch["lengths"][row] == length
        assert torch.equal(batch["features"][row, :length], torch.from_numpy(sample.features))
        assert not batch["features"][row, length:].any()
        labels = batch["labels"][row]
        assert (labels[~batch["is_segment"][row]] == -1).all()
        assert {tuple(each) for each in labels[batch["is_segment"][row]].tolist()} == {
            tuple(each) for each in sample.labels.tolist()
        }


@pytest.mark.parametrize("num_snippets, kept", [(1, [0]), (2, [1]), (3, [1]), (7, [1, 4]), (8, [1, 4, 7])])
def test_thinning_keeps_the_middle_of_each_group(num_snippets, kept):
    numbers = np.arange(num_snippets)
    thinned = thin(Snippets(numbers[:, None].astype(np.float16), numbers * 40 + 20, num_snippets * 40), 3)
    assert thinned.features[:, 0].tolist() == kept
    assert thinned.times_ms.tolist() == [40 * number + 20 for number in kept]
    assert thinned.duration_ms == num_snippets * 40


def test_a_thinned_timeline_has_its_segments_where_they_were(competition):
    whole, third = build_samples(competition), build_samples(competition, every=3)
    for place in range(len(whole)):
        every, some = (samples.draw(place, np.random.default_rng(0)) for samples in (whole, third))
        np.testing.assert_allclose(some.segments, (every.segments - 1) / 3, atol=1e-5)
        assert len(some.features) == len(every.features[1::3])


def test_losses_in_mixed_precision_are_nearly_those_in_full(competition):
    localizer, samples = build_localizer(competition).eval(), build_samples(competition)
    batch = samples.collate([samples.draw(place, np.random.default_rng(0)) for place in range(3)])
    full = localizer(batch)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = localizer(batch)
    for name, loss in full.items():
        assert mixed[name].dtype == torch.float32
        torch.testing.assert_close(mixed[name], loss, rtol=0.05, atol=0.01)
