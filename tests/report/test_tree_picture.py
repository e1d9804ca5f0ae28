"""The picture of a tree shows every query and every leaf once."""

import re
from xml.etree import ElementTree

from finegym.codebook.builtin import list_builtins, read_builtin
from finegym.codebook.model import Leaf
from finegym.report.tree_picture import draw_tree


def count(node):
    if isinstance(node, Leaf):
        return 0, 1
    (inner_yes, leaves_yes), (inner_no, leaves_no) = count(node.yes), count(node.no)
    return 1 + inner_yes + inner_no, leaves_yes + leaves_no


def test_every_tree_of_every_builtin_is_well_formed_and_complete():
    for name in list_builtins():
        codebook = read_builtin(name)
        for tree in codebook.trees:
            svg = draw_tree(codebook, tree.set_id).decode()
            ElementTree.fromstring(svg)
            inner, leaves = count(tree.root)
            assert svg.count("<rect") == inner
            assert svg.count("<path") == inner + leaves - 1
            text = re.sub(r"\s+", " ", " ".join(re.findall(r"<text[^>]*>([^<]*)", svg)))
            for element in codebook.get_elements_of_set(tree.set_id):
                assert element.name.split(",")[0].replace("&", "&amp;").replace("'", "&#x27;") in text
