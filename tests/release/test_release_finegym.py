"""Releases of the real FineGym files: what they hold comes out again, and the published splits do not pass the gate."""

from dataclasses import replace

import pytest
from release_samples import read_everything

from finegym.annotations.official import read_official_dataset
from finegym.annotations.splits import read_split
from finegym.codebook.official import format_official_files
from finegym.errors import ReleaseError
from finegym.release.build import build_release, plan_release
from finegym.release.facts import gather_facts
from finegym.release.settings import LeakException, ReleaseSettings
from finegym.release.source import open_release_source
from finegym.release.verify import verify_release

SETTINGS = ReleaseSettings(version="1.1", with_figures=False, exports=())


@pytest.fixture(scope="module")
def source(shared):
    return open_release_source(shared / "finegym")


def test_the_published_split_is_refused_with_its_40_videos(source):
    with pytest.raises(ReleaseError) as error:
        plan_release(source, replace(SETTINGS, splits=("gym99",)))
    message = str(error.value)
    assert "40 of 180 video groups are on both sides, with 3,417 of 8,521 validation instances" in message
    assert "265 of 4968 action groups" in message and "rrrgsW--AE8" in message


def test_lists_of_gym288_name_what_is_not_annotated(source):
    with pytest.raises(ReleaseError, match="split gym288: 956 of 38,980 instances are not annotated"):
        plan_release(source, replace(SETTINGS, splits=("gym288",)))


def test_what_the_two_published_settings_share_is_known(source):
    """Three performances that were annotated twice; each setting trains on 99 instances of the other's val."""
    splits = replace(SETTINGS, splits=("gym99", "gym288"), allow_not_annotated=True)
    leaks = [LeakException(name, kind, "why") for name in ("gym99", "gym288") for kind in ("video", "action")]
    with pytest.raises(ReleaseError, match="split gym288: 3 of 70 near-duplicate groups are on both sides"):
        plan_release(source, replace(splits, allow_leaks=tuple(leaks)))
    leaks.append(LeakException("gym288", "near-duplicate", "why"))
    facts = gather_facts(plan_release(source, replace(splits, allow_leaks=tuple(leaks))), {})
    assert facts.swapped == {"gym99/train in gym288/val": 99, "gym288/train in gym99/val": 99}
    assert [split.num_not_annotated for split in facts.splits] == [0, 956]


@pytest.mark.slow
def test_a_release_of_finegym_holds_what_was_published(source, shared, tmp_path):
    why = "published like this"
    settings = replace(
        SETTINGS,
        splits=("gym99", "balanced", "long-tailed"),
        allow_leaks=tuple(LeakException("gym99", kind, why) for kind in ("video", "action")),
    )
    made = build_release(source, tmp_path / "release", settings)
    assert verify_release(made.folder).is_intact
    files = read_everything(made.folder)
    official = shared / "finegym/official"
    for name, text in format_official_files(source.official).items():
        assert files[f"official/{name}"] == text.encode() == (official / name).read_bytes()
    again = read_official_dataset(made.folder / "official")
    assert again.dataset.videos[0].id == source.dataset.videos[0].id
    times = [
        [(one.id, one.sub_action.stages) for one in dataset.iterate_instances()]
        for dataset in (again.dataset, source.dataset)
    ]
    assert times[0] == times[1]
    published = dict(line.split() for line in (official / "gym99_val_element.txt").read_text().splitlines())
    split = read_split(made.folder / "splits/gym99")
    assert {id_: str(index) for id_, index in split.val.items()} == published
    assert "published like this" in files["README.md"].decode()
    balanced = read_split(made.folder / "splits/balanced")
    videos = [{id_[:11] for id_ in balanced.get_side(side)} for side in ("train", "val")]
    assert not videos[0] & videos[1] and 90 <= len(balanced.subset) <= 100
    second = build_release(source, tmp_path / "second", settings)
    assert second.sha256 == made.sha256
