"""The leak gate: what straddles a split is refused with its list, unless an exception is named; the card states it."""

from dataclasses import replace

import pytest
from release_samples import CODEBOOK, SETTINGS, build, make_action, make_dataset

from finegym.annotations.model import Dataset, Video
from finegym.annotations.splits import Split, read_split
from finegym.annotations.subsets import make_subset
from finegym.errors import AnnotationError, ConfigError, ReleaseError
from finegym.release.read import read_facts
from finegym.release.settings import LeakException, ReleaseSettings, parse_leak_exceptions

SUBSET = make_subset("mine", "element", ["leap", "turn", "kip"], CODEBOOK)


def make_split(train, val, name="mine"):
    """A split of all leaps, turns and kips of some records on each side."""
    index = SUBSET.class_index_by_id
    sides = [
        {
            one.id: index[one.sub_action.element_id]
            for one in make_dataset().iterate_instances()
            if one.sub_action.element_id in index and is_mine(one)
        }
        for is_mine in (train, val)
    ]
    return Split(name, SUBSET, sides[0], sides[1], "by hand")


def by_record(numbers):
    return lambda one: int(one.video.id[-5:]) in numbers


CLEAN = make_split(by_record(range(8)), by_record(range(8, 12)))
# Of record 3 the first routine is in train, the third in val.
STRADDLING = make_split(
    lambda one: by_record(range(3))(one) or one.action_id == "record00003_E_000005_000020",
    lambda one: by_record(range(4, 12))(one) or one.action_id == "record00003_E_000205_000220",
)
ONLY = replace(SETTINGS, splits=("mine",))


def test_a_split_that_is_clean_passes(tmp_path):
    made = build(tmp_path, settings=ONLY, splits=(CLEAN,))
    assert read_split(made.folder / "splits/mine") == CLEAN
    (facts,) = made.facts.splits
    assert {leak.kind: leak.num_shared for leak in facts.leaks}["video"] == 0
    assert "No known group is on both sides" not in (made.folder / "README.md").read_text()  # cups and athletes are
    assert [leak.kind for leak in facts.leaks if leak.is_guarded] == ["video", "action", "near-duplicate"]


def test_a_split_that_straddles_is_refused_with_the_list(tmp_path):
    with pytest.raises(ReleaseError) as error:
        build(tmp_path, settings=ONLY, splits=(STRADDLING,))
    message = str(error.value)
    assert "split mine: 1 of 12 video groups are on both sides" in message
    assert message.count("record00003") == 1 and "--allow-leak 'mine:video=WHY'" in message and "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_an_exception_that_is_named_stands_on_the_card(tmp_path):
    settings = replace(ONLY, allow_leaks=(LeakException("mine", "video", "kept for comparison with 2019"),))
    made = build(tmp_path, settings=settings, splits=(STRADDLING,))
    card = (made.folder / "README.md").read_text()
    assert "Exception of the leak gate, video groups on both sides:** kept for comparison with 2019" in card
    assert "1 of 12 videos are on both sides" in card
    leak = next(one for one in read_facts(made.folder).splits[0].leaks if one.kind == "video")
    assert (leak.exception, leak.shared, leak.is_guarded) == ("kept for comparison with 2019", ("record00003",), True)


def test_an_exception_is_for_one_split_and_one_kind(tmp_path):
    both = replace(SETTINGS, splits=("mine", "other"))
    other = replace(STRADDLING, name="other")
    settings = replace(both, allow_leaks=(LeakException("mine", "video", "why"),))
    with pytest.raises(ReleaseError, match="split other: 1 of 12 video") as error:
        build(tmp_path, settings=settings, splits=(STRADDLING, other))
    assert "split mine" not in str(error.value)


@pytest.mark.parametrize(
    ("split", "kind", "words"),
    [("mime", "video", 'mime:video: no such split; did you mean "mine"'), ("mine", "action", "nothing of that kind")],
)
def test_exceptions_that_are_not_needed_are_errors(tmp_path, split, kind, words):
    settings = replace(ONLY, allow_leaks=(LeakException(split, kind, "why"),))
    with pytest.raises(ConfigError, match=words):
        build(tmp_path, settings=settings, splits=(CLEAN,))


def test_routines_that_straddle_and_performances_annotated_twice(tmp_path):
    """Sub-actions of one routine on both sides; two actions that are one, a side each."""
    one, twin, far = make_action(5, ["leap"] * 5), make_action(6, ["leap"] * 5), make_action(100, ["leap"] * 4)
    twin = replace(twin, name="E_000006_000020", end_ms=20_000)
    dataset = Dataset(CODEBOOK, (Video("record00000", (one, twin, far)),))
    subset = make_subset("mine", "element", ["leap"], CODEBOOK)
    ids = list(dataset.instances)
    parts = {"near-duplicate": (ids[:5], ids[5:10]), "action": (ids[:3] + ids[10:], ids[3:5])}
    for kind, (train, val) in parts.items():
        split = Split("mine", subset, dict.fromkeys(train, 0), dict.fromkeys(val, 0))
        with pytest.raises(ReleaseError, match=f"1 of . {kind} groups"):
            build(tmp_path, settings=ONLY, dataset=dataset, splits=(split,))


def test_kinds_that_splits_keep_whole_are_guarded_too(tmp_path):
    settings = replace(ONLY, by=("competition",))
    with pytest.raises(ReleaseError, match="4 of 4 competition groups are on both sides"):
        build(tmp_path, settings=settings, splits=(CLEAN,))
    made = build(tmp_path, settings=replace(SETTINGS, by=("competition",)))
    for name in ("balanced", "long-tailed"):
        split = read_split(made.folder / "splits" / name)
        cups = [{int(id_[6:11]) % 4 for id_ in split.get_side(side)} for side in ("train", "val")]
        assert cups[0] and cups[1] and not cups[0] & cups[1]


def test_lists_may_name_what_is_not_annotated_only_where_that_is_allowed(tmp_path):
    lost = "recordXXXXX_E_000001_000009_A_0001_0002"
    split = replace(CLEAN, val={**CLEAN.val, lost: 0})
    with pytest.raises(ReleaseError, match=f"1 of .* instances are not annotated, such as {lost}"):
        build(tmp_path, settings=ONLY, splits=(split,))
    made = build(tmp_path, settings=replace(ONLY, allow_not_annotated=True), splits=(split,))
    assert made.facts.splits[0].num_not_annotated == 1
    assert lost in read_split(made.folder / "splits/mine").val
    assert "1 listed instances are not annotated" in (made.folder / "README.md").read_text()


def test_a_split_that_contradicts_the_annotations_is_refused(tmp_path):
    wrong = replace(CLEAN, train={id_: (index + 1) % 3 for id_, index in CLEAN.train.items()})
    with pytest.raises(AnnotationError, match="does not fit the dataset"):
        build(tmp_path, settings=ONLY, splits=(wrong,))


def test_exceptions_are_written_with_their_reason():
    (found,) = parse_leak_exceptions(["gym99:near-duplicate= a reason: with = and : "])
    assert found == ("gym99", "near-duplicate", "a reason: with = and :")
    for text in ("gym99", "gym99:video", "gym99:video=", "gym99:video= ", ":video=why"):
        with pytest.raises(ConfigError, match="expected SPLIT:KIND=REASON"):
            parse_leak_exceptions([text])
    with pytest.raises(ConfigError, match='did you mean "video"'):
        ReleaseSettings(version="1", allow_leaks=parse_leak_exceptions(["gym99:vidoe=why"]))
