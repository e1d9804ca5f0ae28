"""Units made up for tests of agreement."""

import numpy as np

from finegym.codebook.source import open_codebook
from finegym.quality.units import Item, Unit, make_units

CODEBOOK, _ = open_codebook("artistic-women")
ELEMENTS = [element.id for element in CODEBOOK.elements]


def make_sample(rows, *, annotators=("ada", "bea"), items=None, level="sub-action", not_done=(), fps=25.0):
    """Units of rows (annotator, item, start ms, end ms, label); items are records of their own."""
    names = list(dict.fromkeys(row[1] for row in rows)) if items is None else items
    units = [Unit(*row[:5], f"u{number}", *row[5:]) for number, row in enumerate(rows)]
    places = [Item(name, f"record of {name}", 0, 20_000, fps) for name in names]
    return make_units(units, places, annotators, level, CODEBOOK, not_done=not_done)


def draw_sample(seed, *, num_items=12, annotators=("ada", "bea", "cleo"), num_records=5, labels=8, with_gaps=True):
    """Three annotators on random items, with misses, extras, overlaps and items that not everybody did."""
    rng = np.random.default_rng(seed)
    items = [Item(f"i{n}", f"r{n % num_records}", 0, 30_000, 25.0) for n in range(num_items)]
    absent = {(name, item.id) for name in annotators for item in items if with_gaps and rng.random() < 0.15}
    units = []
    for item in items:
        for place in range(int(rng.integers(1, 8))):
            start, label = place * 3500 + int(rng.integers(1500)), int(rng.integers(labels))
            length = int(rng.integers(400, 3500))
            for name in annotators:
                if (name, item.id) in absent or rng.random() < 0.15:
                    continue
                begin = start + 40 * int(rng.integers(-6, 7)) + 400
                end = max(begin + 40, start + length + 40 * int(rng.integers(-6, 7)) + 400)
                said = label if rng.random() < 0.7 else int(rng.integers(labels))
                units.append(Unit(name, item.id, begin, end, ELEMENTS[20 * said], f"u{len(units)}"))
    return make_units(units, items, annotators, "sub-action", CODEBOOK, not_done=absent)
