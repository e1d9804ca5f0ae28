import pytest
from competition_samples import CODEBOOK, make_action, make_codebook, make_dataset, make_sub, sample_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.annotations.model import Action
from finegym.annotations.source import open_source
from finegym.annotations.subsets import (
    Subset,
    SubsetClass,
    assign_classes,
    find_subset,
    format_categories,
    keep_classes,
    keep_frequent_classes,
    list_subset_names,
    make_subset,
    map_glabels,
    read_categories,
    write_categories,
)
from finegym.errors import AnnotationError

GYM99 = map_glabels({"gym99": (80, 72, 70)}, CODEBOOK)


def ids(subset):
    return [class_.id for class_ in subset.classes]


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [
        ("event", "event", ["FX", "UB"]),
        ("set", "set", ["FX-S1", "FX-S2", "UB-S1"]),
        ("element", "element", ["70", "71", "72", "75", "80", "81"]),
        ("gym530", "element", ["70", "71", "72", "75", "80", "81"]),
        ("gym99", "element", ["80", "72", "70"]),
        ("FX", "element", ["70", "71", "72", "75"]),
        ("FX-S2", "element", ["72", "75"]),
        ("FX-G2", "element", ["72", "75"]),
        ("gym99/FX", "element", ["72", "70"]),
        ("gym99/FX-S1", "element", ["70"]),
        ("set/FX", "set", ["FX-S1", "FX-S2"]),
        ("set/UB-S1", "set", ["UB-S1"]),
        ("event/UB", "event", ["UB"]),
    ],
)
def test_every_name_gives_its_classes(name, level, expected):
    subset = find_subset(name, CODEBOOK, GYM99)
    assert (subset.name, subset.level, ids(subset)) == (name, level, expected)
    assert [class_.class_index for class_ in subset.classes] == list(range(len(expected)))


def test_class_index_is_not_element_id():
    subset = find_subset("gym99", CODEBOOK, GYM99)
    assert subset.class_index_by_id == {"80": 0, "72": 1, "70": 2}
    assert subset.class_names == ("element 80", "element 72", "element 70")


def test_list_of_names_is_what_can_be_found():
    names = list_subset_names(CODEBOOK)
    assert names == ["event", "set", "element", "gym99", "gym288", "gym530", "FX", "UB", "FX-S1", "FX-S2", "UB-S1"]
    for name in set(names) - {"gym288"}:
        assert len(find_subset(name, CODEBOOK, GYM99)) > 0
    assert "gym530" not in list_subset_names(make_codebook(glabels=False))


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("gym288", "--official"),
        ("XX", "no event or set"),
        ("nothing/FX", "'nothing' is unknown"),
        ("element/XX", "'XX'"),
        ("event/FX-S1", "'FX-S1'"),
        ("fxs1", r"\(did you mean FX-S1\?\)"),
        ("elements/FX", r"\(did you mean element\?\)"),
    ],
)
def test_unknown_names_list_what_there_is(name, fact):
    with pytest.raises(AnnotationError, match=fact):
        find_subset(name, CODEBOOK, GYM99)


def test_missing_elements_of_an_official_list_are_named():
    with pytest.raises(AnnotationError, match=r"1 of the 2 elements of gym99 \(Glabels 500"):
        map_glabels({"gym99": (70, 500)}, CODEBOOK)
    with pytest.raises(AnnotationError, match="lacks 1 of its elements: 999"):
        make_subset("mine", "element", ["70", "999"], CODEBOOK)


def test_a_subset_is_checked():
    with pytest.raises(AnnotationError, match="in order"):
        Subset("mine", "element", (SubsetClass(1, "70", ""),))
    with pytest.raises(AnnotationError, match="twice: 70"):
        Subset("mine", "element", (SubsetClass(0, "70", ""), SubsetClass(1, "70", "")))
    with pytest.raises(AnnotationError, match="level"):
        Subset("mine", "elements", ())


def test_instances_outside_are_counted_by_reason():
    action = make_action(0, 30, "70", "75", "80", None)
    dataset = make_dataset({"id": "v" * 11, "actions": (action,)})
    assigned = assign_classes(dataset, find_subset("FX-S1", CODEBOOK))
    assert list(assigned.class_index_by_id.values()) == [0]
    assert assigned.outside == {"without a label of the element level": 1, "of another element": 2}
    assert assigned.count_classes(2) == [1, 0]
    assert "1 instance " in str(assigned)


def test_set_level_uses_the_given_set_or_the_set_of_the_element():
    subs = (make_sub(0, 900, "72"), make_sub(2000, 2900, None, "FX-S1"), make_sub(4000, 4900, None))
    dataset = make_dataset({"id": "v" * 11, "actions": (Action("E_000000_000030", "FX", 0, 30_000, subs),)})
    assert list(assign_classes(dataset, find_subset("set", CODEBOOK)).class_index_by_id.values()) == [1, 0]
    assert list(assign_classes(dataset, find_subset("event", CODEBOOK)).class_index_by_id.values()) == [0, 0, 0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 50), st.sampled_from(["element", "set", "event", "FX", "UB-S1", "gym99", "set/FX"]))
def test_inside_and_outside_are_everything(seed, name):
    dataset, subset = sample_dataset(seed, num_videos=3), find_subset(name, CODEBOOK, GYM99)
    assigned = assign_classes(dataset, subset)
    assert len(assigned.class_index_by_id) + sum(assigned.outside.values()) == len(dataset.instances)
    for instance_id, class_index in assigned.class_index_by_id.items():
        instance = dataset.instances[instance_id]
        element = instance.sub_action.element_id
        label = {"element": element, "set": "FX-S1", "event": instance.action.event_id}[subset.level]
        if subset.level == "set":
            label = CODEBOOK.element_by_id[element].set_id
        assert subset.classes[class_index].id == label


def test_frequent_classes_are_kept_and_renumbered():
    dataset = make_dataset({"id": "v" * 11, "actions": (make_action(0, 30, "70", "72", "72", "75", "75"),)})
    kept = keep_frequent_classes(find_subset("element", CODEBOOK), dataset, 2)
    assert (kept.name, ids(kept)) == ("element>=2", ["72", "75"])
    assert keep_frequent_classes(kept, dataset, 3).classes == ()
    assert ids(keep_classes(kept, {1}, "one")) == ["75"]


def test_hash_depends_on_classes_and_not_on_names():
    subset = find_subset("FX", CODEBOOK)
    renamed = Subset("other", "element", tuple(SubsetClass(c.class_index, c.id, "x") for c in subset.classes))
    assert subset.sha256 == renamed.sha256 != find_subset("gym99/FX", CODEBOOK, GYM99).sha256


def test_categories_are_read_back(tmp_path):
    subset = find_subset("set", CODEBOOK)
    write_categories(subset, tmp_path / "categories.txt")
    assert (tmp_path / "categories.txt").read_text() == "0\tFX-S1\tleaps\n1\tFX-S2\tturns\n2\tUB-S1\tcircles\n"
    assert read_categories(tmp_path / "categories.txt", "set", "set") == subset


@pytest.mark.parametrize("text", ["1\t70\ta\n", "0 70 a\n", "0\t70\ta\n\n1\t71\tb\n", "0\t\ta\n"])
def test_damaged_categories_name_the_line(tmp_path, text):
    (tmp_path / "categories.txt").write_text(text)
    with pytest.raises(AnnotationError, match=r"categories\.txt: line \d: expected"):
        read_categories(tmp_path / "categories.txt", "mine", "element")


def test_names_with_tabs_cannot_be_written():
    with pytest.raises(AnnotationError, match="tab"):
        format_categories(Subset("mine", "element", (SubsetClass(0, "70", "a\tb"),)))


def test_missing_and_undecodable_categories(tmp_path):
    with pytest.raises(AnnotationError, match="No such file"):
        read_categories(tmp_path / "none.txt", "mine", "element")
    (tmp_path / "bad.txt").write_bytes(b"0\t70\t\xff\n")
    with pytest.raises(AnnotationError, match="UTF-8"):
        read_categories(tmp_path / "bad.txt", "mine", "element")


def test_official_settings_have_their_published_sizes(shared):
    source = open_source(shared / "finegym")
    sizes = {
        "gym99": 99,
        "gym288": 288,
        "gym530": 530,
        "VT": 67,
        "FX": 137,
        "BB": 193,
        "UB": 133,
        "set": 15,
        "event": 4,
    }
    # The classes of the paper's Table 3: within an event and within a set they are those of Gym99.
    sizes |= {"gym99/VT": 6, "gym99/FX": 35, "gym99/FX-S1": 11, "gym99/UB-S1": 15, "FX-S1": 64, "UB-S1": 52}
    codebook = source.dataset.codebook
    assert {name: len(find_subset(name, codebook, source.class_elements)) for name in sizes} == sizes
    gym99 = find_subset("gym99", codebook, source.class_elements)
    assigned = assign_classes(source.dataset, gym99)
    listed = {id_: index for part in source.lists["gym99"].values() for id_, index in part.label_by_id.items()}
    assert assigned.class_index_by_id == listed
    assert len(listed) == 26_320 + 8_521
