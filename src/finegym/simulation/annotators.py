"""People who annotate, simulated: what they miss, invent, cut early or late, and answer wrongly is known.

The ground truth of agreement, exams, consensus and adjudication: error rates are given, chance is seeded, and every
segment says which true one it is of. Errors of different people are independent of each other, unless some segments are
harder than others (``Hardness``), as for real people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.names import name_actions, name_sub_actions
from finegym.codebook.model import Codebook, DecisionTree, Leaf
from finegym.codebook.tree import find_candidates, get_paths, suggest_query, walk
from finegym.simulation.programme import round_time_ms
from finegym.simulation.skills import ALL_ALIKE, Hardness, Skill

Answers = tuple[tuple[str, bool | None], ...]
"""What somebody answered, in order: query id, and yes (True), no (False) or unsure (None)."""

_GRID_FPS = Fraction(100)  # of records whose frame rate nobody knows: the 10 ms of official files
_MIN_GAP_MS = 200  # an invented sub-action needs so much room


@dataclass(frozen=True)
class Annotated:
    """What one simulated person made of a dataset.

    Attributes:
        dataset: their segments and labels, on the records of the truth.
        answers: their answers to queries, by instance id.
        true_ids: for every segment of theirs (by action or instance id) the id of the true one; ``None``: invented.
        missed: ids of the true segments that they did not mark.
    """

    dataset: Dataset
    answers: Mapping[str, Answers]
    true_ids: Mapping[str, str | None]
    missed: tuple[str, ...]


@dataclass(frozen=True)
class _Mark:
    """A segment as somebody marked it: edges of its stages, and what it is of."""

    edges_ms: tuple[int, ...]
    true_index: int | None


def annotate_sub_actions(truth: Dataset, skill: Skill, seed: int, hardness: Hardness = ALL_ALIKE) -> Annotated:
    """Mark and label the sub-actions of every routine; the routines are given, as in the app once they are accepted.

    Routines whose sub-actions nobody has looked for stay as they are.

    Args:
        truth: what there is to find.
        skill: of the person.
        seed: of this person's chance.
        hardness: which sub-actions are hard for everybody.
    """
    perceiver = _Perceiver(truth.codebook, skill, _list_true_answers(truth.codebook))
    answers: dict[str, Answers] = {}
    true_ids: dict[str, str | None] = {}
    missed: list[str] = []
    videos = []
    for video in truth.videos:
        actions = []
        for action in video.actions:
            rng = np.random.default_rng([seed, *f"{video.id}_{action.name}".encode()])
            prefix = f"{video.id}_{action.name}_"
            skills = [hardness.find_skill(skill, prefix + sub.name) for sub in action.sub_actions or ()]
            new, given, sources = perceiver.annotate_action(action, skills, video.fps, rng)
            actions.append(new)
            answers |= {prefix + name: path for name, path in given.items()}
            true_ids |= {prefix + name: None if of is None else prefix + of for name, of in sources.items()}
            missed += [prefix + sub.name for sub in action.sub_actions or () if sub.name not in sources.values()]
        videos.append(replace(video, actions=tuple(actions)))
    return Annotated(Dataset(truth.codebook, tuple(videos)), answers, true_ids, tuple(missed))


def annotate_actions(truth: Dataset, skill: Skill, seed: int) -> Annotated:
    """Mark the routines of every record, with their events (never wrong); nobody has looked for sub-actions in them."""
    true_ids: dict[str, str | None] = {}
    missed: list[str] = []
    videos = []
    for video in truth.videos:
        rng = np.random.default_rng([seed, *video.id.encode()])
        edges = [(action.start_ms, action.end_ms) for action in video.actions]
        last_ms = max((end for _, end in edges), default=0)
        end_ms = int(video.num_frames * 1000 / video.fps) if video.num_frames and video.fps else last_ms
        marks = _mark(
            edges, (0, max(end_ms, last_ms)), [skill] * len(edges), skill.extra_rate, _get_rate(video.fps), rng
        )
        actions = tuple(_make_action(mark, video, rng) for mark in marks)
        names = name_actions((mark.edges_ms[0], mark.edges_ms[-1]) for mark in marks)
        videos.append(replace(video, actions=tuple(replace(a, name=n) for a, n in zip(actions, names, strict=True))))
        sources = [None if mark.true_index is None else video.actions[mark.true_index].name for mark in marks]
        true_ids |= {
            f"{video.id}_{name}": None if of is None else f"{video.id}_{of}"
            for name, of in zip(names, sources, strict=True)
        }
        missed += [f"{video.id}_{action.name}" for action in video.actions if action.name not in sources]
    return Annotated(Dataset(truth.codebook, tuple(videos)), {}, true_ids, tuple(missed))


def _make_action(mark: _Mark, video: Video, rng: np.random.Generator) -> Action:
    index = int(rng.integers(len(video.actions))) if mark.true_index is None else mark.true_index
    return Action("", video.actions[index].event_id, mark.edges_ms[0], mark.edges_ms[-1], None)


@dataclass(frozen=True)
class _Perceiver:
    """A codebook and somebody's skill: what sub-actions look like to them."""

    codebook: Codebook
    skill: Skill
    true_answers: Mapping[str, Mapping[str, bool]]

    def annotate_action(
        self, action: Action, skills: Sequence[Skill], fps: float | None, rng: np.random.Generator
    ) -> tuple[Action, dict[str, Answers], dict[str, str | None]]:
        """A routine with their sub-actions; by name their answers, and the name of the true one."""
        if action.sub_actions is None:
            return action, {}, {}
        truth = action.sub_actions
        edges = [(sub.start_ms, *(end for _, end in sub.stages)) for sub in truth]
        around_ms = (action.start_ms, action.end_ms)
        marks = _mark(edges, around_ms, skills, self.skill.extra_rate, _get_rate(fps), rng)
        names = name_sub_actions(((mark.edges_ms[0], mark.edges_ms[-1]) for mark in marks), action.start_ms)
        subs, answers, sources = [], {}, {}
        for mark, name in zip(marks, names, strict=True):
            true = None if mark.true_index is None else truth[mark.true_index]
            seen = self if mark.true_index is None else replace(self, skill=skills[mark.true_index])
            set_id, element_id, answers[name] = seen.label(true, action.event_id, rng)
            stages = tuple(zip(mark.edges_ms, mark.edges_ms[1:], strict=False))
            subs.append(SubAction(name, stages, element_id, set_id))
            sources[name] = None if true is None else true.name
        return replace(action, sub_actions=tuple(subs)), answers, sources

    def label(
        self, true: SubAction | None, event_id: str, rng: np.random.Generator
    ) -> tuple[str | None, str | None, Answers]:
        """Set, element and answers for a sub-action; for an invented one as if it were any element of the event."""
        sets = [set_.id for set_ in self.codebook.get_sets_of_event(event_id)]
        element_id = true.element_id if true else None
        set_id = true.set_id if true else None
        if true is None:
            element_id = str(rng.choice([e.id for id_ in sets for e in self.codebook.get_elements_of_set(id_)]))
        if element_id is not None:
            set_id = self.codebook.element_by_id[element_id].set_id
        others = [id_ for id_ in sets if id_ != set_id]
        if others and set_id is not None and rng.random() < self.skill.set_error_rate:
            set_id = str(rng.choice(others))
        if element_id is None or set_id is None or set_id not in self.codebook.tree_by_set_id:
            return set_id, None, ()
        found, answers = self.walk(self.codebook.tree_by_set_id[set_id], element_id, rng)
        return set_id, found, answers

    def walk(self, tree: DecisionTree, element_id: str, rng: np.random.Generator) -> tuple[str | None, Answers]:
        """Answer what the tree asks about an element that is shown, until it asks no more."""
        given: dict[str, bool | None] = {}
        while (query_id := _find_next(tree, given)) is not None:
            given[query_id] = self.answer(query_id, element_id, rng)
        if None in given.values():
            candidates = find_candidates(tree, given)
            return (candidates[0] if len(candidates) == 1 else None), tuple(given.items())
        leaf = walk(tree, [bool(answer) for answer in given.values()])
        assert isinstance(leaf, Leaf)
        return leaf.element_id, tuple(given.items())

    def answer(self, query_id: str, element_id: str, rng: np.random.Generator) -> bool | None:
        """Yes, no or unsure."""
        if rng.random() < self.skill.unsure_rate:
            return None
        is_wrong = rng.random() < self.skill.get_query_error_rate(query_id)
        return self.find_true_answer(query_id, element_id) != is_wrong

    def find_true_answer(self, query_id: str, element_id: str) -> bool:
        """What is right; about a query that the element's path does not ask, its attributes say."""
        on_path = self.true_answers.get(element_id, {})
        if query_id in on_path:
            return on_path[query_id]
        query = self.codebook.query_by_id[query_id]
        attributes = self.codebook.attributes_by_element_id[element_id]
        return bool(query.yes) and all(attributes.get(name) == value for name, value in query.yes.items())


def _list_true_answers(codebook: Codebook) -> dict[str, dict[str, bool]]:
    """By element: the answers of its path."""
    return {
        element_id: {step.query_id: step.answer for step in path}
        for tree in codebook.trees
        for element_id, path in get_paths(tree).items()
    }


def _find_next(tree: DecisionTree, given: Mapping[str, bool | None]) -> str | None:
    """What is asked next: by the tree, and after an "unsure" what narrows best (``labelling.walks`` does the same)."""
    if None in given.values():
        return suggest_query(tree, given)
    node = walk(tree, [bool(answer) for answer in given.values()])
    return None if isinstance(node, Leaf) else node.query_id


def _mark(
    true_edges_ms: Sequence[tuple[int, ...]],
    around_ms: tuple[int, int],
    skills: Sequence[Skill],
    extra_rate: float,
    fps: Fraction,
    rng: np.random.Generator,
) -> list[_Mark]:
    """Segments as somebody marks them in a stretch of time: in order, none over another, each edge on a frame.

    Args:
        true_edges_ms: of every true segment.
        around_ms: the stretch.
        skills: at every true segment.
        extra_rate: segments that are not there, for each that is.
        fps: of the record.
        rng: chance.
    """
    order = sorted(range(len(true_edges_ms)), key=lambda index: true_edges_ms[index])
    marks: list[_Mark] = []
    last_frame = 0
    for index in order:
        skill = skills[index]
        is_missed = rng.random() < skill.miss_rate
        offsets = rng.normal(0.0, skill.noise_ms, len(true_edges_ms[index]))
        offsets[0] += skill.start_bias_ms
        offsets[1:] += skill.end_bias_ms
        if is_missed:
            continue
        frames = []
        for edge, offset in zip(true_edges_ms[index], offsets, strict=True):
            time_ms = min(max(edge + float(offset), around_ms[0]), around_ms[1])
            last_frame = max(round(Fraction(time_ms) * fps / 1000), last_frame)
            frames.append(last_frame)
            last_frame += 1  # every segment lasts a frame or more
        last_frame = frames[-1]
        marks.append(_Mark(tuple(round_time_ms(frame, fps) for frame in frames), index))
    lengths = [edges[-1] - edges[0] for edges in true_edges_ms]
    for _ in range(int(rng.binomial(len(true_edges_ms), extra_rate))):
        marks += _invent(marks, around_ms, int(rng.choice(lengths)), fps, rng)
        marks.sort(key=lambda mark: mark.edges_ms)
    return marks


def _invent(
    marks: Sequence[_Mark], around_ms: tuple[int, int], length_ms: int, fps: Fraction, rng: np.random.Generator
) -> list[_Mark]:
    """A segment where none is marked, as long as one of the true ones; nothing where there is no room."""
    starts = [around_ms[0], *(mark.edges_ms[-1] for mark in marks)]
    ends = [*(mark.edges_ms[0] for mark in marks), around_ms[1]]
    gaps = [(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= _MIN_GAP_MS]
    if not gaps:
        return []
    start, end = gaps[int(rng.choice(len(gaps), p=np.array([b - a for a, b in gaps]) / sum(b - a for a, b in gaps)))]
    length = min(length_ms, end - start)
    first_ms = start + float(rng.random()) * (end - start - length)
    first = -int(-Fraction(first_ms) * fps // 1000)  # up to the next frame, so that it stays in the gap
    last = int(Fraction(first_ms + length) * fps // 1000)
    return [_Mark((round_time_ms(first, fps), round_time_ms(last, fps)), None)] if last > first else []


def _get_rate(fps: float | None) -> Fraction:
    return _GRID_FPS if fps is None else Fraction(fps).limit_denominator(1001)
