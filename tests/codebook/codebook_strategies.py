"""Random codebooks for hypothesis: valid ones, and hand-made helpers around single trees."""

import string

from hypothesis import strategies as st

from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set

# Any text that a YAML file can hold; surrogates cannot be written as UTF-8.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(lambda text: text != "none")
VALUES = st.one_of(st.booleans(), st.integers(-1000, 1000), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
ATTRIBUTES = st.dictionaries(st.text(string.ascii_lowercase + " :#-", min_size=1, max_size=6), VALUES, max_size=3)


def build_codebook(trees, names=None, **elements):
    """A codebook of one event with a set a tree; elements and queries are those of the trees, by id."""
    sets, members, queries = [], [], {}
    for tree in trees:
        sets.append(Set(tree.set_id, "X", f"set {tree.set_id}"))
        for node in iterate(tree.root):
            if isinstance(node, Node):
                queries.setdefault(node.query_id, Query(node.query_id, f"Is {node.query_id} so?"))
            elif node.element_id is not None and node.element_id not in {element.id for element in members}:
                name = (names or {}).get(node.element_id, f"element {node.element_id}")
                members.append(Element(node.element_id, tree.set_id, name))
    return Codebook(
        name="test",
        version="1",
        sport="testing",
        events=(Event("X", "exercise"),),
        sets=tuple(sets),
        elements=tuple(members),
        queries=tuple(queries.values()),
        trees=tuple(trees),
        **elements,
    )


def iterate(node):
    yield node
    if isinstance(node, Node):
        yield from iterate(node.yes)
        yield from iterate(node.no)


@st.composite
def trees(draw, set_id="X-S1", max_depth=5, num_queries=8):
    """A tree that asks no query twice on a path, with every element once and some dead ends."""
    counter = iter(range(1000))

    def grow(free, depth):
        if not free or depth >= max_depth or draw(st.integers(0, 3)) == 0:
            return Leaf(None if draw(st.integers(0, 4)) == 0 else f"{set_id}-e{next(counter)}")
        query = draw(st.sampled_from(sorted(free)))
        return Node(query, grow(free - {query}, depth + 1), grow(free - {query}, depth + 1))

    return DecisionTree(set_id, grow({f"q{index}" for index in range(num_queries)}, 0))


@st.composite
def codebooks(draw):
    """A valid codebook with hard texts everywhere."""
    event_ids = draw(st.lists(TEXTS, min_size=1, max_size=3, unique=True))
    set_ids = draw(st.lists(TEXTS, max_size=4, unique=True))
    owners = sorted(draw(st.integers(0, len(event_ids) - 1)) for _ in set_ids)
    queries = draw(st.lists(TEXTS, min_size=1, max_size=5, unique=True))
    element_ids = draw(st.lists(TEXTS, max_size=8, unique=True))
    sets, elements, made = [], [], []
    for set_id, owner in zip(set_ids, owners, strict=True):
        sets.append(Set(set_id, event_ids[owner], draw(TEXTS), draw(st.none() | st.integers(0, 99)), draw(ATTRIBUTES)))
        members = [element_ids.pop() for _ in range(draw(st.integers(0, len(element_ids))))]
        for element_id in members:
            elements.append(
                Element(
                    element_id,
                    set_id,
                    draw(TEXTS),
                    draw(st.none() | TEXTS),
                    draw(st.none() | st.floats(0, 20)),
                    draw(st.none() | st.integers(0, 529)),
                    draw(ATTRIBUTES),
                )
            )
        if draw(st.booleans()):
            root = Leaf(None)
            for element_id in members:
                query = draw(st.sampled_from(queries))
                pair = [root, Leaf(element_id)]
                root = Node(query, *draw(st.permutations(pair)))
            made.append(DecisionTree(set_id, root))
    return Codebook(
        name=draw(TEXTS),
        version=draw(TEXTS),
        sport=draw(TEXTS),
        events=tuple(Event(id_, draw(TEXTS), draw(st.none() | st.integers(0, 9))) for id_ in event_ids),
        sets=tuple(sets),
        elements=tuple(elements),
        queries=tuple(Query(id_, draw(TEXTS), draw(ATTRIBUTES), draw(ATTRIBUTES)) for id_ in queries),
        trees=tuple(made),
        source=draw(st.just("") | TEXTS),
    )
