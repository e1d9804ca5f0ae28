"""Small files in ActivityNet's layout, and ways to make many of them."""

import json

from hypothesis import strategies as st

VALIDATION, TRAINING = "validation", "training"


def write_json(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def make_database(**videos):
    """A database of validation videos of 100 s: ``v0=[(start, end, label), …]``."""
    return {
        video: {
            "subset": VALIDATION,
            "duration": 100.0,
            "annotations": [{"segment": [start, end], "label": label} for start, end, label in rows],
        }
        for video, rows in videos.items()
    }


def make_results(**videos):
    """Predictions: ``v0=[(start, end, label, score), …]``."""
    return {
        video: [{"segment": [start, end], "label": label, "score": score} for start, end, label, score in rows]
        for video, rows in videos.items()
    }


# Whole seconds and few scores: equal tIoU and equal scores are frequent.
segments = st.tuples(st.integers(0, 12), st.integers(1, 6)).map(lambda pair: [pair[0], pair[0] + pair[1]])
labels = st.sampled_from(["leap", "turn", "salto"])
scores = st.one_of(st.sampled_from([0.25, 0.5, 0.75]), st.floats(0, 1))


@st.composite
def worlds(draw):
    """(database, results): with empty videos, videos of another subset, classes without predictions, unknown videos."""
    names = [f"v{number}" for number in range(draw(st.integers(1, 4)))]
    annotation = st.fixed_dictionaries({"segment": segments, "label": labels})
    database = {
        name: {
            "subset": VALIDATION if name == "v0" else draw(st.sampled_from([VALIDATION, VALIDATION, TRAINING])),
            "duration": draw(st.sampled_from([None, 20])),
            "annotations": draw(st.lists(annotation, max_size=6)),
        }
        for name in names
    }
    database["v0"]["annotations"].append({"segment": [0, 4], "label": "leap"})
    present = {a["label"] for e in database.values() if e["subset"] == VALIDATION for a in e["annotations"]}
    prediction = st.fixed_dictionaries(
        {"segment": segments, "label": st.sampled_from(sorted(present)), "score": scores}
    )
    results = {
        name: draw(st.lists(prediction, max_size=14))
        for name in [*names, "unknown"]
        if draw(st.sampled_from([True, True, True, False]))
    }
    return database, results
