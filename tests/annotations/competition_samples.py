"""Small datasets in memory for subsets, splits, audits and statistics: two events, three sets, six elements."""

import numpy as np

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook, Element, Event, Set

ELEMENTS = {"70": "FX-S1", "71": "FX-S1", "72": "FX-S2", "75": "FX-S2", "80": "UB-S1", "81": "UB-S1"}


def make_codebook(glabels=True):
    """Elements 70 … 81; one event without sets and one set without elements, as in FineGym."""
    return Codebook(
        name="samples",
        version="1",
        sport="artistic gymnastics",
        events=(Event("FX", "floor", 2), Event("UB", "bars", 4), Event("MFX", "floor (men)")),
        sets=(
            Set("FX-S1", "FX", "leaps", 21),
            Set("FX-S2", "FX", "turns", 22),
            Set("FX-S3", "FX", "side", 23),
            Set("UB-S1", "UB", "circles", 41),
        ),
        elements=tuple(
            Element(id_, set_id, f"element {id_} ", glabel=int(id_) if glabels else None)
            for id_, set_id in ELEMENTS.items()
        ),
        queries=(),
        trees=(),
    )


CODEBOOK = make_codebook()


def make_sub(start_ms, end_ms, element_id="70", set_id=None, action_start_ms=0):
    name = f"A_{(start_ms - action_start_ms) // 1000:04d}_{(end_ms - action_start_ms) // 1000:04d}"
    return SubAction(name, ((start_ms, end_ms),), element_id, set_id)


def make_action(start_s, end_s, *element_ids, event_id="FX", athlete=None, length_ms=900):
    """An action on the record's clock with a sub-action every two seconds."""
    subs = tuple(
        make_sub(1000 * (start_s + 2 * i), 1000 * (start_s + 2 * i) + length_ms, element_id, None, 1000 * start_s)
        for i, element_id in enumerate(element_ids)
    )
    return Action(f"E_{start_s:06d}_{end_s:06d}", event_id, 1000 * start_s, 1000 * end_s, subs, athlete)


def make_dataset(*videos):
    """Videos from ``{"id": …, "actions": …}``."""
    return Dataset(CODEBOOK, tuple(Video(**{"path": None, **video}) for video in videos))


def sample_dataset(seed=0, num_videos=12, num_competitions=4, num_athletes=9, actions_per_video=5):
    """A random dataset: long-tailed elements, routines of 1 to 6 sub-actions, two overlapping twins a video or so."""
    rng = np.random.default_rng(seed)
    weights = 0.5 ** np.arange(len(ELEMENTS))
    videos = []
    for index in range(num_videos):
        actions = []
        for k in range(actions_per_video):
            chosen = rng.choice(list(ELEMENTS), rng.integers(1, 7), p=weights / weights.sum()).tolist()
            athlete = f"athlete {rng.integers(num_athletes)}"
            start_s = 100 * k
            actions.append(make_action(start_s, start_s + 30, *chosen, athlete=athlete))
            if rng.random() < 0.2:
                actions.append(make_action(start_s + 1, start_s + 30, *chosen, athlete=athlete))
        videos.append(
            {"id": f"video{index:06d}", "actions": tuple(actions), "competition": f"cup {index % num_competitions}"}
        )
    return make_dataset(*videos)
