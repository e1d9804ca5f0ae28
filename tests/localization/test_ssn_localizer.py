"""SSN from samples to detections, on features that say what there is."""

import numpy as np
import pytest
import torch

from finegym.localization.proposals import make_proposals
from finegym.localization.snippets import Snippets
from finegym.localization.ssn_actionness import compute_curve, compute_unseen_curves, deal_folds, draw_window, is_inside
from finegym.localization.ssn_detections import make_detections
from finegym.localization.ssn_localizer import SSNLocalizer
from finegym.localization.ssn_samples import SSNSamples, label_snippets
from finegym.localization.ssn_sampling import Bounds, make_pool
from finegym.localization.ssn_section import SsnSection
from finegym.localization.timelines import Timeline
from finegym.models.ssn import SSN, Actionness, ProposalScores, SnippetEncoder
from finegym.segments import compute_tiou

K, D, STEP = 3, 8, 40
SECTION = SsnSection(actionness_hidden=16, actionness_window=128, dropout=0.0, counts=(1, 6, 1))


class MemorySource:
    """Snippets that show the class of the segment they are in, under noise."""

    feature_size = D

    def __init__(self, timelines, seed=0):
        rng = np.random.default_rng(seed)
        self.snippets = {}
        for timeline in timelines:
            times = np.arange(STEP // 2, timeline.duration_ms, STEP)
            features = rng.normal(0, 0.3, (len(times), D))
            for segment, class_index in zip(timeline.segments_ms, timeline.class_index, strict=True):
                features[is_inside(times, segment[None]), class_index] += 1
            self.snippets[timeline.timeline_id] = Snippets(features.astype(np.float16), times, timeline.duration_ms)

    def read(self, timeline):
        return self.snippets[timeline.timeline_id]


def make_timelines(count, seed):
    rng = np.random.default_rng(seed)
    timelines = []
    for n in range(count):
        lengths, gaps = rng.integers(400, 1600, 5), rng.integers(300, 2000, 5)
        ends = (lengths + gaps).cumsum()
        segments = np.column_stack([ends - lengths, ends])
        name = f"r{seed}-{n}"
        timelines.append(Timeline(name, name, None, 0, int(ends[-1]) + 700, segments, rng.integers(K, size=5)))
    return tuple(timelines)


def build(section, seed=0):
    torch.manual_seed(seed)
    actionness = Actionness(D, hidden_size=section.actionness_hidden, dropout=0.0)
    ssn = SSN(K, D, dropout=section.dropout, pyramid=section.pyramid)
    return SSNLocalizer(ssn, actionness if section.proposals == "tag" else None, section)


def make_samples(timelines, source, section):
    curves = [None] * len(timelines)
    if section.proposals == "tag":
        settings = {"hidden_size": 16, "kernel_size": 3, "dropout": 0.0, "window": 128}
        curves = compute_unseen_curves(
            timelines, source, **settings, num_folds=2, epochs=40, learning_rate=0.02, seed=0
        )
    proposals = [make_proposals(source.read(t), c, section) for t, c in zip(timelines, curves, strict=True)]
    return SSNSamples(timelines, source, make_pool(timelines, proposals, Bounds()), section, {})


def build_encoded():
    section = SECTION.model_copy(update={"proposals": "sliding", "hidden_size": 5, "window_ms_max": 3000.0})
    torch.manual_seed(0)
    encoder = SnippetEncoder(D, 5, num_layers=2, kernel_size=3)
    return section, SSNLocalizer(SSN(K, 5, dropout=0.0), None, section, None, encoder).eval()


def test_whole_timelines_are_taught_as_they_are_detected():
    section, model = build_encoded()
    timelines = make_timelines(3, 0)
    source = MemorySource(timelines)
    samples = make_samples(timelines, source, section)
    rng = np.random.default_rng(0)
    drawn = [samples.draw(place, rng) for place in range(3)]
    batch = samples.collate(drawn)
    assert batch["timelines"].shape[2] == D and batch["ticks"].shape == (24, 4)
    taught = []
    with torch.no_grad():
        features = model.encoder(batch["timelines"], batch["lengths"]).flatten(0, 1)
        together = model.ssn.score_directly(features, batch["ticks"], batch["scales"])
        for place, sample in enumerate(drawn):  # none borrows: sliding windows are of all kinds everywhere
            frame_scores = model.score_snippets(timelines[place], source.read(timelines[place]))
            ticks, scales = torch.from_numpy(sample.ticks), torch.from_numpy(sample.scales)
            taught.append(model.ssn.pool_scores(frame_scores, ticks, scales))
    for name in ("activity", "completeness", "regression"):
        expected = torch.cat([getattr(each, name) for each in taught])
        torch.testing.assert_close(getattr(together, name), expected, atol=1e-5, rtol=1e-5)
    model.train()
    sum(model(batch).values()).backward()
    assert model.encoder.project.weight.grad.abs().sum() > 0


def test_snippets_are_labelled_by_what_they_are_in():
    timeline = Timeline(
        "r", "r", None, 0, 500, np.array([[100, 200], [300, 340]]), np.array([1, 0]), np.array([[400, 440]])
    )
    times = np.array([99, 100, 199, 200, 339, 340, 400, 440])
    assert label_snippets(times, timeline).tolist() == [0, 2, 2, 0, 1, 0, -1, 0]


def test_nothing_is_taught_behind_the_end_of_a_timeline():
    section, model = build_encoded()
    timelines = make_timelines(3, 0)
    samples = make_samples(timelines, MemorySource(timelines), section)
    rng = np.random.default_rng(0)
    batch = samples.collate([samples.draw(place, rng) for place in range(3)])
    is_there = torch.arange(batch["timelines"].shape[1]) < batch["lengths"][:, None]
    assert bool(((batch["labels"] >= 0) == is_there).all())
    with torch.no_grad():
        loss = model(batch)["snippet_loss"]
        logits = model.snippet_classifier(model.encoder(batch["timelines"], batch["lengths"]))[is_there]
        own = logits.log_softmax(dim=1).gather(1, batch["labels"][is_there][:, None])
    assert loss.item() == pytest.approx(-own.mean().item(), rel=1e-5)


def test_a_long_timeline_is_encoded_in_parts_with_the_same_result(monkeypatch):
    _, model = build_encoded()
    timeline = make_timelines(1, 0)[0]
    snippets = MemorySource([timeline]).read(timeline)
    with torch.no_grad():
        whole = model.score_snippets(timeline, snippets)
        monkeypatch.setattr("finegym.localization.ssn_localizer.PART", 17)
        torch.testing.assert_close(model.score_snippets(timeline, snippets), whole, atol=1e-5, rtol=1e-5)


def train(model, samples, epochs):
    optimizer = torch.optim.AdamW(model.parameters(), 0.02)
    rng, losses = np.random.default_rng(0), []
    model.train()
    for _ in range(epochs):
        batch = samples.collate([samples.draw(place, rng) for place in range(len(samples))])
        parts = model(batch)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        optimizer.step()
        losses.append({name: loss.item() for name, loss in parts.items()})
    return losses


def count_found(model, timelines, source, tiou):
    """True segments that are the best detection's match of their class, one each; and detections above them."""
    right = 0
    for timeline in timelines:
        with torch.inference_mode():
            found = model.eval().detect(timeline, source)
        order = np.argsort(-found.scores)[: len(timeline.class_index)]
        hit = compute_tiou(found.segments_ms[order], timeline.segments_ms) >= tiou
        hit &= found.class_index[order][:, None] == timeline.class_index[None]
        right += hit.any(axis=0).sum()
    return right


@pytest.mark.parametrize("proposals", ["tag", "sliding"])
def test_it_learns_to_find_what_is_there(proposals):
    section = SECTION.model_copy(update={"proposals": proposals, "window_ms_min": 300.0, "window_ms_max": 2500.0})
    learnt, unseen = make_timelines(8, 0), make_timelines(4, 1)
    source = MemorySource([*learnt, *unseen])
    model, samples = build(section), make_samples(learnt, source, section)
    losses = train(model, samples, 200)
    late = {name: np.mean([each[name] for each in losses[-20:]]) for name in losses[0]}
    assert all(late[name] < losses[0][name] for name in late)
    total = sum(len(timeline.class_index) for timeline in unseen)
    assert count_found(model, unseen, source, 0.5) >= 0.8 * total
    assert count_found(build(section, seed=3), unseen, source, 0.5) < 0.5 * total


def test_samples_follow_from_the_random_numbers_alone():
    timelines = make_timelines(3, 0)
    samples = make_samples(timelines, MemorySource(timelines), SECTION)
    first, second = (samples.collate([samples.draw(n, np.random.default_rng(7)) for n in range(3)]) for _ in range(2))
    assert first["snippets"].shape == (24, 9, D) and first["window"].shape == (3, 128, D)
    for name in first:
        torch.testing.assert_close(first[name], second[name])
    again = make_samples(timelines, MemorySource(timelines), SECTION)
    np.testing.assert_array_equal(samples.pool.segments_ms, again.pool.segments_ms)


def test_curves_of_training_come_from_networks_that_saw_other_records():
    folds = list(deal_folds(["a", "b", "a", "c", "d"], 3))
    assert sorted(place for _, unseen in folds for place in unseen) == [0, 1, 2, 3, 4]
    records = np.array(list("abacd"))
    assert all(not set(records[learnt]) & set(records[unseen]) for learnt, unseen in folds)
    assert list(deal_folds(["a"], 4)) == [([0], [0])]
    # A snippet that only one record has cannot be known from the others.
    timelines = make_timelines(4, 0)
    source = MemorySource(timelines)
    curves = compute_unseen_curves(
        timelines, source, hidden_size=16, kernel_size=3, dropout=0.0, window=128, num_folds=2, epochs=40,
        learning_rate=0.02, seed=0,
    )  # fmt: skip
    for timeline, curve in zip(timelines, curves, strict=True):
        inside = is_inside(source.read(timeline).times_ms, timeline.segments_ms)
        assert curve[inside].mean() > 0.7 and curve[~inside].mean() < 0.3


def test_a_curve_in_parts_is_the_curve_at_once(monkeypatch):
    torch.manual_seed(0)
    model = Actionness(D, hidden_size=4, kernel_size=5, dropout=0.0).eval()
    features = np.random.default_rng(0).normal(size=(101, D)).astype(np.float16)
    whole = compute_curve(model, features)
    monkeypatch.setattr("finegym.localization.ssn_actionness.PART", 13)
    np.testing.assert_allclose(compute_curve(model, features), whole, atol=1e-6)


def test_windows_know_neither_ignore_regions_nor_what_is_past_the_end():
    segments, ignored = np.array([[100, 200]]), np.array([[300, 360]])
    timeline = Timeline("r", "r", None, 0, 500, segments, np.array([0]), ignored)
    source = MemorySource([timeline])
    window = draw_window(timeline, source.read(timeline), 16, np.random.default_rng(0))
    times = np.arange(16) * STEP + STEP // 2
    np.testing.assert_array_equal(window.is_action, (times >= 100) & (times < 200))
    np.testing.assert_array_equal(window.is_known, ((times < 300) | (times >= 360)) & (times < 480 + STEP // 2))
    assert not window.features[12:].any()


def detect(section, **changes):
    proposals = np.array([[0.0, 100], [10.0, 100], [500, 700]])
    activity = torch.tensor([[0.0, 2.0, 0.0], [0.0, 1.0, 0.0], [3.0, 0.0, 1.0]])
    completeness = torch.tensor([[0.5, 0.0], [1.0, 0.0], [0.0, -1.0]])
    regression = torch.zeros(3, 2, 2)
    regression[2, 1] = torch.tensor([1.0, 2.0])
    stats = torch.tensor([[0.1, 0.0], [0.2, 0.5]])
    scores = ProposalScores(activity, completeness, regression)
    return make_detections(proposals, scores, stats, 1000, section.model_copy(update=changes))


def test_detections_worked_by_hand():
    found = detect(SECTION, regression=False)
    rows = {(c, *s): v for s, c, v in zip(found.segments_ms.tolist(), found.class_index, found.scores, strict=True)}
    own = lambda *logits: np.exp(logits[0]) / np.exp(logits).sum()  # noqa: E731
    # The first two proposals overlap by 0.9: of each class the better one stays.
    assert rows == pytest.approx({
        (0, 10, 100): own(1, 0) * np.exp(1.0),
        (1, 10, 100): own(0, 1),
        (0, 500, 700): own(0, 1),
        (1, 500, 700): own(1, 0) * np.exp(-1.0),
    })  # fmt: skip
    assert detect(SECTION, regression=False, score="activity").scores[0] == pytest.approx(own(2, 0))
    with_background = detect(SECTION, regression=False, score="activity", background_in_softmax=True)
    assert with_background.scores[0] == pytest.approx(own(2, 0, 0))


def test_refined_ends_use_the_statistics_of_training():
    found = detect(SECTION)
    best = found.segments_ms[(found.class_index == 1) & (found.segments_ms[:, 0] > 300)][0]
    centre, length = 600 + (0.1 + 1.0 * 0.2) * 200, 200 * np.exp(2.0 * 0.5)
    np.testing.assert_allclose(best, np.clip([centre - length / 2, centre + length / 2], 0, 1000))


def test_soft_suppression_keeps_what_overlaps_with_less():
    found = detect(SECTION, regression=False, suppression="soft-nms", score="activity")
    assert len(found.scores) == 6
    assert np.all(np.diff(found.scores) <= 0)
    assert len(detect(SECTION, max_segments=2).scores) == 2


def test_a_timeline_without_proposals_gives_nothing():
    section = SECTION
    timeline = make_timelines(1, 0)[0]
    model = build(section).eval().requires_grad_(False)
    torch.nn.init.constant_(model.actionness.classifier.bias, -50)
    found = model.detect(timeline, MemorySource([timeline]))
    assert (found.segments_ms.shape, len(found.class_index), len(found.scores)) == ((0, 2), 0, 0)
