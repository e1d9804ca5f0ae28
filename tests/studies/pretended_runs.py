"""Results of runs that nobody ran: a small dataset, its splits, and whatever a test says that models predicted."""

import json
from pathlib import Path

import numpy as np

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split
from finegym.annotations.subsets import find_subset, make_subset
from finegym.codebook.builtin import read_builtin
from finegym.evaluation.predictions import AlignedPredictions
from finegym.studies.codebook import keep_elements
from finegym.studies.results import Answers, Results
from finegym.studies.size_simulated import TINY, TINY_ELEMENTS

NUM_RECORDS, TIMES = 10, 2  # a record holds every element so often
CLIP_MS = 1480  # 37 frames at 25 a second


def make_dataset():
    codebook = keep_elements(read_builtin("artistic-women"), TINY_ELEMENTS, "few")
    videos = []
    for number in range(NUM_RECORDS):
        actions, start = [], 0
        for event in codebook.events:
            ids = [e.id for e in codebook.elements if codebook.get_event_of_element(e.id).id == event.id] * TIMES
            subs = tuple(_make_sub(start, place, id_) for place, id_ in enumerate(ids))
            end = start + 2000 * len(ids)
            actions.append(Action(f"E_{start // 1000:06d}_{end // 1000:06d}", event.id, start, end, subs))
            start = end + 5000
        videos.append(Video(f"record{number:05d}", tuple(actions), fps=25.0, num_frames=start // 40))
    return Dataset(codebook, tuple(videos))


def _make_sub(start, place, element_id):
    first = start + 2000 * place
    seconds = (first - start) // 1000
    return SubAction(f"A_{seconds:04d}_{seconds + 1:04d}", ((first, first + CLIP_MS),), element_id)


def write_store_facts(folder, store="clips", content="a", version="1"):
    """What says which pictures or features a dataset folder has; they are not there."""
    path = folder / store / "store.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"finegym": version, "index_sha256": content}))


def make_split(dataset, role):
    """Everything is tested."""
    codebook = dataset.codebook
    if role == "event":
        subset = make_subset("event", "event", [event.id for event in codebook.events], codebook)
        labels = {id_: subset.class_index_by_id[i.action.event_id] for id_, i in dataset.instances.items()}
        return Split(role, subset, labels, labels)
    if role == "set":
        subset = make_subset("set", "set", [set_.id for set_ in codebook.sets], codebook)
        element = codebook.element_by_id
        set_of = {id_: element[i.sub_action.element_id].set_id for id_, i in dataset.instances.items()}
        labels = {id_: subset.class_index_by_id[set_id] for id_, set_id in set_of.items()}
        return Split(role, subset, labels, labels)
    scope = "element" if role in ("balanced", "long-tailed") else role
    subset = find_subset(scope, codebook)
    labels = {
        id_: subset.class_index_by_id[i.sub_action.element_id]
        for id_, i in dataset.instances.items()
        if i.sub_action.element_id in subset.class_index_by_id
    }
    return Split(role, subset, labels, labels)


class PretendedResults(Results):
    """Reads what a function says.

    Args:
        say: planned prediction, split → float (N, K) logits, or ``None`` where that was not run.
    """

    def __init__(self, say, size=TINY):
        self.size, self._say, self._splits, self._groups = size, say, {}, {}
        self._dataset = make_dataset()

    @property
    def folder(self):
        return Path("nowhere") / "data"

    @property
    def dataset(self):
        return self._dataset

    def get_split(self, role):
        if role not in self._splits:
            self._splits[role] = make_split(self._dataset, role)
        return self._splits[role]

    def find_path(self, planned):
        return None

    def read_last_epoch(self, planned):
        return None

    def read(self, planned, role):
        split = self.get_split(role)
        logits = self._say(planned, split)
        if logits is None:
            return None
        targets = np.array(list(split.val.values()))
        missing = np.zeros(len(targets), bool)
        return Answers(split, AlignedPredictions(tuple(split.val), targets, logits, missing, 0))


def make_logits(split, share_right, seed=0):
    """Right for a share of the instances, drawn anew with every seed; the others are taken for the next class."""
    rng = np.random.default_rng(seed)
    targets = np.array(list(split.val.values()))
    is_right = rng.random(len(targets)) < share_right
    said = np.where(is_right, targets, (targets + 1) % len(split.subset))
    return np.eye(len(split.subset))[said]
