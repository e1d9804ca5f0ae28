"""What is taken for what, and where."""

from collections import Counter

import numpy as np
import pytest
from agreement_samples import CODEBOOK, ELEMENTS, draw_sample, make_sample

from finegym.quality.agreement import measure_agreement
from finegym.quality.comparison import AgreementSettings, Comparison
from finegym.quality.confusions import list_confusions, list_split_queries

QUICK = AgreementSettings(num_resamples=0)


def test_confusions_name_items_and_units():
    rows = [("ada", "i", 0, 900, ELEMENTS[3]), ("bea", "i", 0, 900, ELEMENTS[1]),
            ("ada", "k", 0, 900, ELEMENTS[1]), ("bea", "k", 0, 900, ELEMENTS[3]),
            ("ada", "k", 1000, 1900, ELEMENTS[2]), ("bea", "k", 1000, 1900, ELEMENTS[2])]  # fmt: skip
    comparison = Comparison(make_sample(rows), QUICK)
    (one,) = list_confusions(comparison, "element")
    assert (one.first, one.second, one.count) == (ELEMENTS[1], ELEMENTS[3], 2)
    assert one.item_ids == ("i", "k")
    assert one.unit_ids == (("u1", "u0"), ("u2", "u3"))
    both = list_confusions(comparison, "element", with_agreeing=True)
    assert [(c.first, c.second, c.count) for c in both] == [
        (ELEMENTS[1], ELEMENTS[3], 2),
        (ELEMENTS[2], ELEMENTS[2], 1),
    ]
    assert list_confusions(comparison, "event") == []


@pytest.mark.parametrize("seed", range(3))
def test_confusions_are_counted_over_matches(seed):
    units = draw_sample(seed)
    comparison = Comparison(units, QUICK)
    sets = [CODEBOOK.element_by_id[units.labels[label]].set_id for label in units.label_index]
    matches = comparison.matches
    pairs = Counter(frozenset((sets[a], sets[b])) for a, b in zip(matches.left, matches.right, strict=True)
                    if sets[a] != sets[b])  # fmt: skip
    found = list_confusions(comparison, "set")
    assert {frozenset((one.first, one.second)): one.count for one in found} == dict(pairs)
    assert [one.count for one in found] == sorted(pairs.values(), reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_split_queries_have_both_answers(seed):
    agreement = measure_agreement(draw_sample(seed), QUICK)
    units = agreement.units
    answer_of = {}
    for unit in range(len(units)):
        for place in range(units.answers.start[unit], units.answers.start[unit + 1]):
            key = units.unit_ids[unit], units.answers.queries[units.answers.query_index[place]]
            answer_of[key] = int(units.answers.answer[place])
    found = list_split_queries(agreement.comparison)
    assert found
    for one in found:
        assert one.num_split == len(one.unit_ids) <= one.num_asked
        for members in one.unit_ids:
            said = {answer_of[id_, (one.set_id, one.query_id)] for id_ in members
                    if (id_, (one.set_id, one.query_id)) in answer_of}  # fmt: skip
            assert said == {0, 1}
    shares = [one.num_split / one.num_asked for one in found]
    assert shares == sorted(shares, reverse=True)
    split = {(one.set_id, one.query_id) for one in found}
    for row in agreement.tables["queries"].rows:
        value = row.cells["agreement"].value
        assert (tuple(row.about.values()) in split) == (value is not None and value < 1)
    assert np.isfinite(shares).all()
