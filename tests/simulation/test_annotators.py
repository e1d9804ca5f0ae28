"""Simulated annotators do what their skill says, on average, and nothing else."""

from collections import Counter

import numpy as np
import pytest

from finegym.annotations.check import check_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.names import name_actions, name_sub_actions
from finegym.codebook.tree import get_path
from finegym.errors import SimulationError
from finegym.simulation.annotators import annotate_actions, annotate_sub_actions
from finegym.simulation.skills import FIVE_SKILLS, Hardness, Skill


@pytest.fixture(scope="module")
def truth(codebook) -> Dataset:
    """40 records of a beam and a bar routine with 12 sub-actions each, one every 3 s, at 25 frames a second."""
    elements = {"BB": [], "UB": []}
    for element in codebook.elements:
        elements.get(codebook.get_event_of_element(element.id).id, []).append(element)
    rng = np.random.default_rng(3)
    videos = []
    for number in range(40):
        actions = []
        for start_ms, event_id in ((1000, "BB"), (50_000, "UB")):
            edges = [(start_ms + 3000 * k + 1000, start_ms + 3000 * k + 2200) for k in range(12)]
            chosen = rng.choice(len(elements[event_id]), 12)
            subs = [
                SubAction(name, (span,), elements[event_id][k].id, elements[event_id][k].set_id)
                for name, span, k in zip(name_sub_actions(edges, start_ms), edges, chosen, strict=True)
            ]
            (name,) = name_actions([(start_ms, start_ms + 40_000)])
            actions.append(Action(name, event_id, start_ms, start_ms + 40_000, tuple(subs)))
        videos.append(Video(f"record-{number:04d}", tuple(actions), fps=25.0, num_frames=2500))
    return Dataset(codebook, tuple(videos))


def pair(truth, annotated):
    return [
        (annotated.dataset.instances[mine].sub_action, truth.instances[true].sub_action)
        for mine, true in annotated.true_ids.items()
        if true is not None
    ]


def test_without_errors_the_truth_comes_out(truth):
    annotated = annotate_sub_actions(truth, Skill(), seed=1)
    assert annotated.dataset == truth
    assert not annotated.missed and all(mine == true for mine, true in annotated.true_ids.items())
    for id_, answers in annotated.answers.items():
        sub = truth.instances[id_].sub_action
        path = get_path(truth.codebook.tree_by_set_id[sub.set_id], sub.element_id)
        assert answers == tuple((step.query_id, step.answer) for step in path)


def test_rates_are_those_of_the_skill(truth):
    skill = Skill(0.1, 0.2, 60, -40, noise_ms=50, set_error_rate=0.15, query_error_rate=0.08)
    annotated = annotate_sub_actions(truth, skill, seed=2)
    num_true, pairs = len(truth.instances), pair(truth, annotated)
    num_extra = sum(true is None for true in annotated.true_ids.values())
    # Four standard deviations of a binomial.
    for count, total, rate in (
        (len(annotated.missed), num_true, 0.1),
        (num_extra, num_true, 0.2),
        (sum(mine.set_id != true.set_id for mine, true in pairs), len(pairs), 0.15),
    ):
        assert abs(count / total - rate) < 4 * np.sqrt(rate * (1 - rate) / total)
    starts = np.array([mine.start_ms - true.start_ms for mine, true in pairs])
    ends = np.array([mine.end_ms - true.end_ms for mine, true in pairs])
    assert abs(starts.mean() - 60) < 8 and abs(ends.mean() + 40) < 8
    assert abs(starts.std() - 50) < 5 and abs(ends.std() - 50) < 5
    assert len(pairs) + len(annotated.missed) == num_true


def test_single_queries_have_their_own_rate(truth):
    skill = Skill(query_error_rates={"salto-backward": 0.4})
    annotated = annotate_sub_actions(truth, skill, seed=3)
    asked, wrong = Counter(), Counter()
    for id_, answers in annotated.answers.items():
        sub = truth.instances[annotated.true_ids[id_]].sub_action
        right = {s.query_id: s.answer for s in get_path(truth.codebook.tree_by_set_id[sub.set_id], sub.element_id)}
        for query, answer in answers:
            if query in right:
                asked[query] += 1
                wrong[query] += answer != right[query]
    assert set(wrong) - {query for query, number in wrong.items() if not number} == {"salto-backward"}
    assert abs(wrong["salto-backward"] / asked["salto-backward"] - 0.4) < 0.15


def test_every_edge_is_on_a_frame_and_nothing_overlaps(truth):
    annotated = annotate_sub_actions(truth, FIVE_SKILLS["guesser"], seed=4)
    times = [t for i in annotated.dataset.instances.values() for t in (i.sub_action.start_ms, i.sub_action.end_ms)]
    assert all(time % 40 == 0 for time in times)
    kinds = {finding.kind for finding in check_dataset(annotated.dataset)}
    assert kinds <= {"adjacent-sub-actions", "near-zero", "unusual-duration"}, kinds


def test_unsure_answers_leave_candidates_or_lead_on(truth):
    annotated = annotate_sub_actions(truth, Skill(unsure_rate=0.3), seed=5)
    unsure = [id_ for id_, answers in annotated.answers.items() if None in dict(answers).values()]
    assert unsure
    found = [annotated.dataset.instances[id_].sub_action.element_id for id_ in unsure]
    assert None in found, "an unsure answer often leaves several candidates"
    for id_, element_id in zip(unsure, found, strict=True):
        if element_id is not None:
            assert element_id == truth.instances[annotated.true_ids[id_]].sub_action.element_id


def test_actions_are_missed_moved_and_invented_too(truth):
    annotated = annotate_actions(truth, Skill(0.2, 0.1, noise_ms=200), seed=6)
    actions = [action for video in annotated.dataset.videos for action in video.actions]
    assert all(action.sub_actions is None for action in actions)
    num_extra = sum(true is None for true in annotated.true_ids.values())
    assert len(actions) == 80 - len(annotated.missed) + num_extra
    assert 4 <= len(annotated.missed) <= 32
    assert annotate_actions(truth, Skill(), seed=6).true_ids.keys() == {
        f"{v.id}_{a.name}" for v in truth.videos for a in v.actions
    }


def test_seeds_decide(truth):
    skill = FIVE_SKILLS["steady"]
    assert annotate_sub_actions(truth, skill, seed=7).dataset == annotate_sub_actions(truth, skill, seed=7).dataset
    assert annotate_sub_actions(truth, skill, seed=7).dataset != annotate_sub_actions(truth, skill, seed=8).dataset


def test_impossible_skills_are_refused():
    with pytest.raises(SimulationError, match=r"miss_rate is 1\.5.*noise_ms is -1"):
        Skill(miss_rate=1.5, noise_ms=-1)
    with pytest.raises(SimulationError, match="query_error_rates of q"):
        Skill(query_error_rates={"q": 2})


def test_what_is_hard_is_hard_for_everybody(truth):
    hardness = Hardness(share=0.1, factor=15, seed=9)
    skill = Skill(miss_rate=0.02, query_error_rate=0.02)
    hard = {id_ for id_ in truth.instances if hardness.find_skill(skill, id_) != skill}
    assert abs(len(hard) / len(truth.instances) - 0.1) < 0.04
    wrong = []
    for seed in (1, 2):
        annotated = annotate_sub_actions(truth, skill, seed, hardness)
        right = {
            true
            for mine, true in annotated.true_ids.items()
            if true and annotated.dataset.instances[mine].sub_action == truth.instances[true].sub_action
        }
        wrong.append(set(truth.instances) - right)
        rates = [len(wrong[-1] & group) / len(group) for group in (hard, set(truth.instances) - hard)]
        assert rates[0] > 2.5 * rates[1]
    together = len(wrong[0] & wrong[1]) / len(truth.instances)
    assert together > 1.5 * len(wrong[0]) * len(wrong[1]) / len(truth.instances) ** 2, "errors fall together"
    assert Skill(miss_rate=0.4, query_error_rate=0.3).multiply(5) == Skill(miss_rate=0.5, query_error_rate=0.5)
