"""Which class a clip is of in the mirror: the codebook's word, the recipe's, and what nobody knows."""

import dataclasses

import numpy as np
import pytest

from finegym.errors import ConfigError
from finegym.training.flips import build_flip_class_map, describe_flips
from finegym.training.run import train

TEXT = """
format: finegym-codebook/1
name: turns
version: 1.0.0
sport: turning
queries:
  left: {text: "To the left?", yes: {sense: left}, no: {sense: right}}
events:
  - id: T
    name: turns
    sets:
      - id: T-S1
        name: turns
        elements: [{id: a, name: one way}, {id: b, name: the other way}]
        tree: {ask: left, yes: a, no: b}
      - id: T-S2
        name: jumps
        elements: [{id: c, name: jump}]
        tree: c
"""


@pytest.fixture
def data(make_data, tmp_path):
    (tmp_path / "codebook.yaml").write_text(TEXT)
    plain = make_data(num_classes=3)
    ids = {"class_ids": ("c", "a", "b"), "class_names": ("jump", "one way", "the other way")}
    return dataclasses.replace(plain, **ids, level="element", codebook_path=tmp_path / "codebook.yaml")


def test_the_codebook_says_it(make_recipe, data):
    class_map = build_flip_class_map(make_recipe().data, data)
    assert class_map.tolist() == [0, 2, 1]
    assert describe_flips(class_map, data.class_ids) == {"swapped": [["a", "b"]], "num_same": 1}
    assert build_flip_class_map(make_recipe("data.flip=false").data, data) is None
    assert describe_flips(None, data.class_ids) is None


def test_the_recipe_outranks_it(make_recipe, data):
    swaps = 'data.flip_swaps=[["a", "a"], ["b", "c"]]'
    assert build_flip_class_map(make_recipe(swaps).data, data).tolist() == [2, 1, 0]


def test_what_is_not_known_is_counted(make_recipe, data):
    without = dataclasses.replace(data, class_ids=("c", "a"), class_names=("jump", "one way"))
    with pytest.raises(
        ConfigError, match=r"of 1 of 2 classes it is not known .*'a' \(one way\) would be 'b', which is not"
    ):
        build_flip_class_map(make_recipe().data, without)
    assert build_flip_class_map(make_recipe('data.flip_swaps=[["a", "a"]]').data, without).tolist() == [0, 1]
    # Half a pair: b has lost its image to c.
    with pytest.raises(ConfigError, match=r"of 1 of 3 classes .*'b' .* would be 'a', which is 'c' in the mirror"):
        build_flip_class_map(make_recipe('data.flip_swaps=[["a", "c"]]').data, data)


def test_sets_are_what_they_are(make_recipe, data):
    sets = dataclasses.replace(data, level="set", class_ids=("T-S1", "T-S2", "x"), class_names=("turns", "jumps", "x"))
    assert np.array_equal(build_flip_class_map(make_recipe().data, sets), [0, 1, 2])


def test_a_run_says_and_keeps_it(make_recipe, data, tmp_path, capsys):
    run = train(make_recipe("schedule.epochs=1"), data, tmp_path / "run")
    assert run.read_facts()["flip"] == {"swapped": [["a", "b"]], "num_same": 1}
    said = "data.flip: 1 pairs of classes change places (a and b), 1 classes stay what they are"
    assert said in capsys.readouterr().err
