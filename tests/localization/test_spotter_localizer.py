"""Losses by hand, windows against the whole film, and a spotter that learns a few windows by heart."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from finegym.datasets.films import Film
from finegym.localization.spotter_events import EventClasses, find_moments, label_events, label_inside
from finegym.localization.spotter_files import make_predicted_spots, make_true_spots, write_spots
from finegym.localization.spotter_localizer import (
    FrameScores,
    SpotterLocalizer,
    compute_cross_entropy,
    jitter_colours,
    mix,
)
from finegym.localization.spotter_samples import FrameSource, SpotterSamples
from finegym.localization.spotter_section import SpotterSection, find_spotter_contradictions
from finegym.localization.timelines import Timeline
from finegym.models.backbones import Backbone, Normalisation
from finegym.models.spotter import Spotter

CLASSES = EventClasses(("up", "down"), (2, 2), ("up", "down"))
PLAIN = Normalisation((0.5,) * 3, (0.25,) * 3)


class MemoryFilms:
    """Films that are arrays already, 25 frames a second, without time before and after."""

    def __init__(self, films):
        self.films = films

    def get_film(self, stretch):
        frames = self.films[stretch.stretch_id]
        times = tuple(range(0, 40 * len(frames), 40))
        return Film(100, times, 40 * len(frames), frames.shape[2], frames.shape[1], "memory")

    def read(self, stretch, frames):
        return self.films[stretch.stretch_id][frames]


class Means(nn.Module):
    """Mean colours of a picture through a small network: enough for pictures of one colour."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 16))

    def forward(self, images):
        return self.layers(images.mean(dim=(2, 3)))


def build(**settings):
    section = SpotterSection(
        pad_ms=0,
        short_side=8,
        crop=(8, 8),
        crop_test="whole",
        mixup_alpha=settings.pop("mixup_alpha", 0.0),
        colour_jitter=0.0,
        temporal="none",
        **{"clip_len": 16, "step": 8, "inside_weight": 1.0, "dropout": 0.0, "windows_per_epoch": 8} | settings,
    )
    torch.manual_seed(0)
    network = Spotter(
        Backbone(Means(), 16, PLAIN),
        len(CLASSES),
        num_classes=2 if section.inside_weight else 0,
        temporal="none",
        dropout=section.dropout,
    )
    return SpotterLocalizer(network, CLASSES, section), section


def make_film(seed, num_frames=40):
    """Grey frames; inside a segment red (up) or blue (down)."""
    rng = np.random.default_rng(seed)
    frames = np.full((num_frames, 8, 8, 3), 100, np.uint8)
    starts = np.sort(rng.choice(np.arange(2, num_frames - 12, 12), 2, replace=False)) + rng.integers(0, 3, 2)
    stops = starts + rng.integers(4, 8, 2)
    class_index = rng.integers(0, 2, 2)
    for start, stop, c in zip(starts, stops, class_index, strict=True):
        frames[start:stop, :, :, 2 * c] = 230
    segments_ms = 40 * np.stack([starts, stops], axis=1)
    name = f"film-{seed}"
    timeline = Timeline(name, "v", None, 0, 40 * num_frames, segments_ms.astype(np.int64), class_index.astype(np.int64))
    return timeline, frames


def make_samples(section, num_films=3, **settings):
    made = [make_film(seed, **settings) for seed in range(num_films)]
    timelines = [timeline for timeline, _ in made]
    source = FrameSource(MemoryFilms({t.timeline_id: frames for t, frames in made}), None)
    return timelines, source, SpotterSamples(timelines, source, CLASSES, section, {})


def draw_batch(samples, count, seed=0):
    return samples.collate([samples.draw(place, np.random.default_rng([seed, place])) for place in range(count)])


@pytest.fixture(autouse=True)
def _no_folder(monkeypatch):
    """Films in memory have no folder."""
    monkeypatch.setattr(
        FrameSource, "get_stretch", lambda self, timeline: SimpleNamespace(stretch_id=timeline.timeline_id)
    )


def test_cross_entropy_is_the_sum_by_hand():
    logits = torch.tensor([[0.0, 0.0], [np.log(3.0), 0.0]])
    targets = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    weights = torch.tensor([1.0, 5.0])
    first = np.log(2.0)
    second = -0.5 * np.log(0.75) - 5 * 0.5 * np.log(0.25)
    assert compute_cross_entropy(logits, targets, weights).item() == pytest.approx((first + second) / 2)
    hard = nn.functional.cross_entropy(logits, torch.tensor([0, 1]))
    assert compute_cross_entropy(logits, torch.eye(2)).item() == pytest.approx(hard.item())


def test_losses_are_those_of_the_frames_that_are_known():
    model, section = build()
    samples = make_samples(section)[2]
    batch = draw_batch(samples, 2)
    batch["is_known"][:, 5:] = False
    losses = model.train()(batch)
    logits = model.network(model.normalise(batch["frames"]))
    events, total = batch["events"][:, :5], 0.0
    log_p = logits.events[:, :5].log_softmax(dim=-1)
    for weight, column in zip([1, 5, 5, 5, 5], range(5), strict=True):
        total -= weight * (events[..., column] * log_p[..., column]).sum().item()
    assert losses["event_loss"].item() == pytest.approx(total / 10, rel=1e-5)
    inside = nn.functional.cross_entropy(logits.inside[:, :5].flatten(0, 1), batch["inside"][:, :5].flatten())
    assert losses["inside_loss"].item() == pytest.approx(inside.item(), rel=1e-5)


def test_without_the_second_layer_there_is_one_loss():
    model, section = build(inside_weight=0.0)
    assert list(model(draw_batch(make_samples(section)[2], 2))) == ["event_loss"]


def test_mixing_takes_shares():
    values = torch.tensor([[1.0], [10.0], [100.0]])
    mixed = mix(values, torch.tensor([0.75, 1.0, 0.5]))
    assert mixed.tolist() == [[0.75 * 1 + 0.25 * 100], [10.0], [0.5 * 100 + 0.5 * 10]]


def test_mixed_labels_belong_to_mixed_frames():
    model, section = build(mixup_alpha=0.5)
    batch = draw_batch(make_samples(section)[2], 3)
    assert ((batch["shares"] > 0) & (batch["shares"] < 1)).all()
    plain = model(batch | {"shares": torch.ones(3)})["event_loss"].item()
    assert model(batch)["event_loss"].item() != pytest.approx(plain, rel=1e-3)


def test_colours_change_as_by_hand():
    frames = torch.full((1, 1, 3, 1, 2), 100, dtype=torch.uint8)
    frames[..., 1] = 50
    assert jitter_colours(frames, torch.ones(1, 3)) is frames
    brighter = jitter_colours(frames, torch.tensor([[1.2, 1.0, 1.0]]))
    torch.testing.assert_close(brighter, frames * 1.2)
    flatter = jitter_colours(frames, torch.tensor([[1.0, 0.8, 1.0]]))  # the mean is 75
    torch.testing.assert_close(flatter[0, 0, 0, 0], torch.tensor([95.0, 55.0]))
    red = torch.tensor([200, 0, 0], dtype=torch.uint8).reshape(1, 1, 3, 1, 1)
    greyer = jitter_colours(red, torch.tensor([[1.0, 1.0, 0.7]])).flatten()
    torch.testing.assert_close(greyer, torch.tensor([140 + 0.3 * 59.8, 0.3 * 59.8, 0.3 * 59.8]))


def test_one_window_over_a_film_gives_what_the_network_gives():
    model, section = build(clip_len=40)
    timelines, source, _ = make_samples(section)
    model.eval()
    with torch.no_grad():
        scores = model.score_frames(timelines[0], source)
        whole = torch.from_numpy(source.films.films["film-0"]).permute(0, 3, 1, 2)[None]
        logits = model.network(model.normalise(whole))
    np.testing.assert_allclose(scores.events, logits.events.softmax(-1)[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(scores.inside, logits.inside.softmax(-1)[0].numpy(), atol=1e-6)


@pytest.mark.parametrize(("stride", "at_once"), [(1, 1), (1, 3), (2, 4)])
def test_windows_are_averaged_as_by_hand(stride, at_once):
    model, section = build(stride=stride, windows_at_once=at_once)
    timelines, source, _ = make_samples(section)
    model.eval()
    sums, counts = np.zeros((40, 5)), np.zeros(40)
    frames = torch.from_numpy(source.films.films["film-1"]).permute(0, 3, 1, 2)
    with torch.no_grad():
        scores = model.score_frames(timelines[1], source)
        for phase in range(stride):
            row = np.arange(phase, 40, stride)
            for first in sorted({*range(0, len(row) - 16, 8), len(row) - 16}):
                window = row[first : first + 16]
                probabilities = model.network(model.normalise(frames[window][None])).events.softmax(-1)[0]
                sums[window] += probabilities.numpy()
                counts[window] += 1
    np.testing.assert_allclose(scores.events, sums / counts[:, None], atol=1e-6)


def test_a_spotter_learns_a_few_films_by_heart():
    model, section = build(dilation=0, windows_fade=True)
    timelines, source, samples = make_samples(section)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    for step in range(300):
        optimizer.zero_grad()
        sum(model(draw_batch(samples, 4, seed=step)).values()).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for timeline in timelines:
            found = model.detect(timeline, source)
            best = np.argsort(-found.scores)[: len(timeline.class_index)]
            order = best[np.argsort(found.segments_ms[best, 0])]
            np.testing.assert_array_equal(found.segments_ms[order], timeline.segments_ms)
            np.testing.assert_array_equal(found.class_index[order], timeline.class_index)
            assert found.scores[order].min() > 0.5


def test_short_films_are_filled_up_and_counted():
    _, section = build(clip_len=64)
    _, _, samples = make_samples(section)
    assert samples.counts["films shorter than a window, filled up with frames that count as unknown"] == 3
    batch = draw_batch(samples, 2)
    assert batch["is_known"].sum(dim=1).tolist() == [40, 40]
    assert batch["frames"].shape == (2, 64, 3, 8, 8)


def test_windows_around_events_hold_one():
    _, section = build(share_around_events=1.0, clip_len=4, step=4)
    samples = make_samples(section)[2]
    for seed in range(30):
        sample = samples.draw(0, np.random.default_rng(seed))
        assert sample.events[:, 1:].sum() > 0


def test_samples_follow_from_the_generator_alone():
    _, section = build(mixup_alpha=0.2, flip=True)
    samples = make_samples(section)[2]
    first, second = (draw_batch(samples, 3, seed=5) for _ in range(2))
    for key in first:
        torch.testing.assert_close(first[key], second[key])


def test_spots_have_the_published_layout(tmp_path):
    timeline, frames = make_film(0)
    film = MemoryFilms({"film-0": frames}).get_film(SimpleNamespace(stretch_id="film-0"))
    truth = make_true_spots(timeline, film, CLASSES)
    starts, stops = (timeline.segments_ms // 40).T.tolist()
    names = [CLASSES.names[c] for c in timeline.class_index]
    expected = [(s, f"{n}_start") for s, n in zip(starts, names, strict=True)]
    expected += [(s, f"{n}_end") for s, n in zip(stops, names, strict=True)]
    assert [(e["frame"], e["label"]) for e in truth["events"]] == sorted(expected)
    assert truth["num_events"] == 4
    assert truth["fps"] == 25
    assert truth["_source_info"] == {"start_frame": 100, "end_frame": 140, "pad": [0, 0], "effective_pad": [0, 0]}
    model, _ = build()
    scores = SimpleNamespace(events=np.tile([0.2, 0.5, 0.3, 0.0, 0.0], (40, 1)))
    entry = make_predicted_spots(timeline, film, CLASSES, model.find_events(scores, nms_window=0))
    write_spots(tmp_path / "spots.json", [entry])
    (read,) = json.loads((tmp_path / "spots.json").read_text())
    assert read["num_events"] == len(read["events"]) == 80
    assert read["events"][0] == {"frame": 0, "label": "up_start", "score": 0.5}


def test_contradictions_are_named():
    section = SpotterSection(source="clips", pad_ms=5, step=200, clip_len=100, staged=(("VT", 3),), short_side=64)
    recipe = SimpleNamespace(spotter=section, task="actions")
    problems = list(find_spotter_contradictions(recipe))
    for fact in ("films of records", "pad_ms is 5", "224 x 224", "step is 200", "staged"):
        assert any(fact in problem for problem in problems), fact


@pytest.mark.parametrize("has_inside", [False, True])
def test_perfect_scores_form_the_true_segments(has_inside):
    model, _ = build()
    for seed in range(6):
        timeline, frames = make_film(seed)
        film = MemoryFilms({timeline.timeline_id: frames}).get_film(SimpleNamespace(stretch_id=timeline.timeline_id))
        moments = find_moments(timeline, CLASSES, {})
        events = label_events(np.arange(40), film.find_frames(moments.times_ms), moments.event_index, 4, 0)
        times = film.find_times(np.arange(41))
        inside = np.eye(3)[label_inside(times[:-1], timeline)] if has_inside else None
        found = model.form(timeline, FrameScores(events, inside, times))
        order = np.argsort(found.segments_ms[:, 0])
        np.testing.assert_array_equal(found.segments_ms[order], timeline.segments_ms)
        np.testing.assert_array_equal(found.class_index[order], timeline.class_index)
        np.testing.assert_allclose(found.scores, 1)
