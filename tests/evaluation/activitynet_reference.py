"""ActivityNet's detection mAP written as its definition reads: dicts, loops, one prediction at a time.

It is for tests and for ``benchmarks/detection_map.py``. Its order of equal scores and of equal tIoU is that of NumPy's
default sort, reversed, as in the official program.
"""

import numpy as np


def compute_tiou(segment, others):
    start, end = segment
    intersection = (np.minimum(end, others[:, 1]) - np.maximum(start, others[:, 0])).clip(0)
    union = (others[:, 1] - others[:, 0]) + (end - start) - intersection
    return intersection / union


def compute_class(truth, predictions, tious):
    """AP at every threshold. ``truth``: (video, start, end) rows; ``predictions``: (video, start, end, score) rows."""
    if not predictions:
        return [0.0] * len(tious)
    order = np.array([row[3] for row in predictions], np.float64).argsort()[::-1]
    taken = [set() for _ in tious]
    right = [[] for _ in tious]
    of_video = {}
    for number, (video, start, end) in enumerate(truth):
        of_video.setdefault(video, []).append((number, start, end))
    for index in order:
        video, start, end, _ = predictions[index]
        candidates = of_video.get(video, [])
        tiou = compute_tiou((start, end), np.array([c[1:] for c in candidates], np.float64).reshape(-1, 2))
        best_first = tiou.argsort()[::-1]
        for level, threshold in enumerate(tious):
            hit = False
            for place in best_first:
                if tiou[place] < threshold:
                    break
                if candidates[place][0] not in taken[level]:
                    taken[level].add(candidates[place][0])
                    hit = True
                    break
            right[level].append(hit)
    return [compute_area(hits, len(truth)) for hits in right]


def compute_area(hits, num_positive):
    """All-point interpolated area under precision over recall, both padded at their ends."""
    correct = np.cumsum(hits)
    precision = [0.0, *(correct / np.arange(1, len(hits) + 1)), 0.0]
    recall = [0.0, *(correct / num_positive), 1.0]
    for place in range(len(precision) - 2, -1, -1):
        precision[place] = max(precision[place], precision[place + 1])
    return sum(
        (recall[place] - recall[place - 1]) * precision[place]
        for place in range(1, len(recall))
        if recall[place] != recall[place - 1]
    )


def evaluate(database, results, subset, tious=tuple(np.linspace(0.5, 0.95, 10))):
    """{label: AP at every threshold} of ActivityNet's ``database`` and ``results`` dicts."""
    truth, predictions = {}, {}
    for video, entry in database.items():
        if entry["subset"] == subset:
            for item in entry["annotations"]:
                truth.setdefault(item["label"], []).append((video, *map(float, item["segment"])))
    for video, rows in results.items():
        for row in rows:
            predictions.setdefault(row["label"], []).append((video, *map(float, row["segment"]), row["score"]))
    return {label: compute_class(rows, predictions.get(label, []), tious) for label, rows in truth.items()}
