"""What the types promise beyond holding values."""

import pickle

from finegym.codebook.builtin import read_builtin


def test_codebook_can_be_sent_to_another_process_once_its_attributes_were_asked_for():
    codebook = read_builtin("diving")
    assert codebook.attributes_by_element_id
    assert pickle.loads(pickle.dumps(codebook)) == codebook


def test_attributes_come_from_the_set_then_the_path_then_the_element():
    codebook = read_builtin("artistic-women")
    for element in codebook.elements:
        attributes = codebook.attributes_by_element_id[element.id]
        assert attributes.items() >= element.given_attributes.items()
        assert set(attributes) >= set(codebook.set_by_id[element.set_id].attributes)
