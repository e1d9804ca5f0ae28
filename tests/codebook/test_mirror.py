"""Mirror images of elements, worked by hand on a small codebook of turns."""

import pytest

from finegym.codebook.builtin import read_builtin
from finegym.codebook.mirror import find_mirror_images, names_a_side
from finegym.codebook.yaml_format import parse_codebook

TEXT = """
format: finegym-codebook/1
name: skating
version: 1.0.0
sport: figure skating
queries:
  two: {text: "Are there two turns?", yes: {turns: 2}, no: {turns: 1}}
  left: {text: "Does she turn anticlockwise?", yes: {sense: anti-clockwise}, no: {sense: clockwise}}
  foot: {text: "Does she land on the left foot?"}
  hold: {text: "Is the leg held?"}
events:
  - id: FS
    name: free skating
    sets:
      - id: FS-S1
        name: by attributes
        elements:
          - {id: left-2, name: two turns to the left}
          - {id: right-2, name: two turns to the right}
          - {id: left-1, name: a turn to the left}
          - {id: straight, name: no turn, attributes: {sense: none}}
        tree:
          ask: two
          yes: {ask: left, yes: left-2, no: right-2}
          no: {ask: left, yes: left-1, no: straight}
      - id: FS-S2
        name: by queries
        elements:
          - {id: l-held, name: held l}
          - {id: l-free, name: free l}
          - {id: r-held, name: held r}
          - {id: r-free, name: free r}
          - {id: both, name: on both feet}
          - {id: odd, name: odd}
        tree:
          ask: two
          yes: both
          no:
            ask: foot
            yes: {ask: hold, yes: l-held, no: l-free}
            no: {ask: hold, yes: r-held, no: r-free}
"""


@pytest.fixture(scope="module")
def codebook():
    return parse_codebook(TEXT, "skating.yaml")


@pytest.mark.parametrize(
    ("element_id", "image"),
    [
        ("left-2", "right-2"),
        ("right-2", "left-2"),
        ("left-1", None),  # nobody described a single turn to the right
        ("straight", None),  # it answers "clockwise: no", which the tree says of her by mistake
        ("l-held", "r-held"),
        ("r-free", "l-free"),
        ("both", "both"),
        ("odd", "odd"),  # in no tree
    ],
)
def test_images_are_those_worked_by_hand(codebook, element_id, image):
    assert find_mirror_images(codebook, [element_id]) == {element_id: image}


def test_direction_does_not_matter_in_the_gymnastics_codebook():
    codebook = read_builtin("artistic-women")
    ids = [element.id for element in codebook.elements]
    assert find_mirror_images(codebook, ids) == {id_: id_ for id_ in ids}


def test_words_that_name_a_side():
    yes = ["Right foot?", "turn-left", "counter-clockwise", "anticlockwise", "LEFT", "to the right, piked"]
    no = ["a right angle", "right-angle", "leftover", "bright", "forward", "upright"]
    assert [names_a_side(text) for text in yes + no] == [True] * len(yes) + [False] * len(no)
