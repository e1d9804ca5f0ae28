"""What a generator is asked for: attributes as vectors, and which elements it never sees."""

import numpy as np
import pytest

from finegym.applications.generation.attribute_vector import build_space, encode_elements, parse_attributes
from finegym.applications.generation.held_out import choose_held_out
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError

CODEBOOK = read_builtin("artistic-women")


def test_every_element_has_a_vector_of_its_own():
    vectors = encode_elements(build_space(CODEBOOK), CODEBOOK)
    assert vectors.dtype == np.float32 and len(np.unique(vectors, axis=0)) == len(CODEBOOK.elements)
    assert vectors.any(axis=1).all(), "zeros ask for any motion at all"


def test_more_twists_have_all_that_fewer_have():
    space = build_space(CODEBOOK)
    few, many, most = (space.encode("FX", {"kind": "salto", "twist": twist}) for twist in (1.0, 2.0, 7.0))
    assert (many >= few).all() and (most >= many).all() and not (few >= many).all()
    steps = [value for name, value in space.steps if name == "twist"]
    assert many.sum() - few.sum() == pytest.approx(sum(1 < value <= 2 for value in steps) + 1 / 4)


@pytest.mark.parametrize(
    ("event", "attributes", "fact"),
    [
        ("PH", {}, "event 'PH'"),
        ("FX", {"colour": "red"}, "unknown attribute 'colour'"),
        ("FX", {"body": "banana"}, "piked, straddled, stretched, tucked"),
        ("FX", {"twist": "two"}, "'two', expected a number from 0 to 8"),
        ("FX", {"twist": 9.0}, "expected a number from 0 to 8"),
    ],
)
def test_what_a_generator_does_not_know_is_refused(event, attributes, fact):
    with pytest.raises(ConfigError, match=fact):
        build_space(CODEBOOK).encode(event, attributes)


def test_written_attributes_are_parsed_or_refused():
    assert parse_attributes(("twist=2", "counter=true", "body=piked")) == {
        "twist": 2.0,
        "counter": True,
        "body": "piked",
    }
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        parse_attributes(("twist",))


def test_every_attribute_of_a_held_out_element_is_left_with_two_others():
    held_out = choose_held_out(CODEBOOK, 0.1, 0)
    assert len(held_out) == round(0.1 * len(CODEBOOK.elements))
    left = [element for element in CODEBOOK.elements if element.id not in held_out]
    for id_ in held_out:
        set_id = CODEBOOK.element_by_id[id_].set_id
        for name, value in CODEBOOK.attributes_by_element_id[id_].items():
            others = [
                e for e in left if e.set_id == set_id and CODEBOOK.attributes_by_element_id[e.id].get(name) == value
            ]
            assert len(others) >= 2, (id_, name, value)
    assert held_out == choose_held_out(CODEBOOK, 0.1, 0) != choose_held_out(CODEBOOK, 0.1, 1)
