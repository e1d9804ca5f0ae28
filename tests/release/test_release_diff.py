"""What changed between two releases, against changes that were made on purpose."""

import json
from dataclasses import replace

import numpy as np
from release_samples import CODEBOOK, SETTINGS, build, make_action, make_dataset

from finegym.annotations.model import Dataset, SubAction, Video
from finegym.release.build import build_release
from finegym.release.diff import KINDS, LEVELS, compare_releases
from finegym.release.diff_text import format_changes_page, format_diff
from finegym.release.read import read_release
from finegym.release.source import ReleaseSource


def make_video(*actions, name="record00000"):
    return Dataset(CODEBOOK, (Video(name, actions),))


def list_changes(old, new):
    return [(c.level, c.kind, c.id, c.old_id) for c in compare_releases(old, new).changes]


ACTION = make_action(5, ["leap", "turn", "leap"])
NAME = "record00000_E_000005_000014"


def change_sub(place, **facts):
    subs = list(ACTION.sub_actions)
    subs[place] = replace(subs[place], **facts)
    return make_video(replace(ACTION, sub_actions=tuple(subs)))


def test_the_same_is_the_same():
    diff = compare_releases(make_dataset(), make_dataset())
    assert diff.is_empty and diff.num_same == {"record": 12, "action": 36, "sub-action": 175}
    assert "hold the same" in format_diff(diff) and "Nothing changed" in format_changes_page(diff)


def test_one_change_of_every_kind():
    old = make_video(ACTION)
    assert list_changes(old, change_sub(1, element_id="turn-2")) == [
        ("sub-action", "relabelled", f"{NAME}_A_0003_0005", f"{NAME}_A_0003_0005")
    ]
    assert list_changes(old, change_sub(1, stages=((8_000, 9_900),))) == [
        ("sub-action", "moved", f"{NAME}_A_0003_0005", f"{NAME}_A_0003_0005")
    ]
    # Moved so far that floored seconds, and with them the id, are others.
    assert list_changes(old, change_sub(1, name="A_0002_0005", stages=((7_900, 10_050),))) == [
        ("sub-action", "moved", f"{NAME}_A_0002_0005", f"{NAME}_A_0003_0005")
    ]
    assert list_changes(old, change_sub(1, name="A_0002_0005")) == [
        ("sub-action", "renamed", f"{NAME}_A_0002_0005", f"{NAME}_A_0003_0005")
    ]
    fewer = make_video(replace(ACTION, sub_actions=ACTION.sub_actions[:2]))
    gone = f"{NAME}_A_0006_0008"
    assert list_changes(old, fewer) == [("sub-action", "removed", gone, gone)]
    assert list_changes(fewer, old) == [("sub-action", "added", gone, None)]
    assert list_changes(old, make_video(replace(ACTION, event_id="UB"))) == [("action", "relabelled", NAME, NAME)]


def test_moved_and_relabelled_at_once_is_two_changes():
    changes = list_changes(make_video(ACTION), change_sub(0, stages=((5_000, 6_000),), element_id="ring-leap"))
    assert [kind for _, kind, *_ in changes] == ["moved", "relabelled"]


def test_an_action_that_moves_takes_its_sub_actions_along():
    """Names of sub-actions count from the start of their action: those of a moved one are joined by time."""
    subs = tuple(replace(sub, name=f"A_{3 * i + 1:04d}_{3 * i + 3:04d}") for i, sub in enumerate(ACTION.sub_actions))
    moved = replace(ACTION, name="E_000004_000014", start_ms=4_000, sub_actions=subs)
    changes = list_changes(make_video(ACTION), make_video(moved))
    assert changes[0] == ("action", "moved", "record00000_E_000004_000014", NAME)
    assert [(level, kind) for level, kind, *_ in changes[1:]] == [("sub-action", "renamed")] * 3


def test_far_away_is_another_thing():
    far = make_action(60, ["leap"])
    changes = list_changes(make_video(ACTION), make_video(far))
    assert sorted({(level, kind) for level, kind, *_ in changes}) == [
        ("action", "added"),
        ("action", "removed"),
        ("sub-action", "added"),
        ("sub-action", "removed"),
    ]
    other = make_video(ACTION, name="another0000")
    assert ("record", "added", "another0000", None) in list_changes(make_video(ACTION), other)
    assert ("record", "removed", "record00000", "record00000") in list_changes(make_video(ACTION), other)


def test_many_random_changes_are_all_counted():
    """Second road: what was done is written down while it is done."""
    rng = np.random.default_rng(3)
    done = {(level, kind): 0 for level in LEVELS for kind in KINDS}
    videos = []
    old = make_dataset(num_videos=40)
    for video in old.videos:
        if rng.random() < 0.1:
            done["record", "removed"] += 1
            done["action", "removed"] += len(video.actions)
            done["sub-action", "removed"] += sum(len(a.sub_actions or ()) for a in video.actions)
            continue
        actions = []
        for action in video.actions:
            subs = []
            for sub in action.sub_actions or ():
                draw = rng.random()
                if draw < 0.1:
                    done["sub-action", "removed"] += 1
                    continue
                if draw < 0.3:
                    done["sub-action", "moved"] += 1
                    shift = int(rng.integers(1, 400))
                    stages = tuple((start + shift, end + shift) for start, end in sub.stages)
                    sub = replace(sub, stages=stages)
                    if rng.random() < 0.5:  # and another name
                        sub = replace(sub, name=f"A_{int(sub.name[2:6]) + 500:04d}_{sub.name[7:]}")
                if 0.25 < draw < 0.5:
                    done["sub-action", "relabelled"] += 1
                    sub = replace(sub, element_id="lost", set_id="UB-S1")
                subs.append(sub)
            if rng.random() < 0.2 and action.sub_actions is not None:
                done["sub-action", "added"] += 1
                subs.append(SubAction("A_0080_0081", ((action.start_ms + 80_000, action.start_ms + 81_000),)))
            actions.append(replace(action, sub_actions=None if action.sub_actions is None else tuple(subs)))
        videos.append(replace(video, actions=tuple(actions)))
    diff = compare_releases(old, Dataset(CODEBOOK, tuple(videos)))
    assert {(level, kind): n for level, kinds in diff.count().items() for kind, n in kinds.items()} == done
    back = compare_releases(Dataset(CODEBOOK, tuple(videos)), old).count()
    assert back["sub-action"]["added"] == done["sub-action", "removed"]
    assert back["sub-action"]["relabelled"] == done["sub-action", "relabelled"]


def test_codebooks_and_splits_are_compared_too():
    old = make_dataset()
    elements = tuple(replace(e, name="kip!") if e.id == "kip" else e for e in CODEBOOK.elements)
    new = Dataset(replace(CODEBOOK, elements=elements, version="3"), old.videos)
    diff = compare_releases(old, new)
    assert [change.id for change in diff.codebook.elements_renamed] == ["kip"] and not diff.changes
    assert "1 elements renamed" in format_diff(diff)


def test_a_release_says_what_changed_since_the_last_one(tmp_path):
    first = build(tmp_path, "first")
    dataset = make_dataset()
    videos = list(dataset.videos[1:])
    action = videos[0].actions[0]
    subs = (replace(action.sub_actions[0], element_id="lost", set_id="UB-S1"), *action.sub_actions[1:])
    videos[0] = replace(videos[0], actions=(replace(action, sub_actions=subs), *videos[0].actions[1:]))
    source = ReleaseSource("sample", replace(dataset, videos=tuple(videos)))
    previous = read_release(first.folder)
    second = build_release(source, tmp_path / "second", replace(SETTINGS, version="1.1"), previous=previous)
    written = json.loads((second.folder / "changes.json").read_bytes())
    assert written["old"] == "sample 1.0" and written["new"] == "sample 1.1" == f"sample {second.facts.version}"
    assert written["counts"]["record"] == {
        "added": 0,
        "removed": 1,
        "moved": 0,
        "relabelled": 0,
        "renamed": 0,
        "same": 11,
    }
    assert written["counts"]["sub-action"]["relabelled"] == 1 and written["counts"]["sub-action"]["removed"] == 10
    page = (second.folder / "CHANGES.md").read_text()
    assert f"- {videos[0].id}_{action.name}_{subs[0].name}: {action.sub_actions[0].element_id} → lost" in page
    assert "Changes since sample 1.0" in (second.folder / "README.md").read_text()
    fresh = compare_releases(previous.dataset, read_release(second.folder).dataset)
    assert fresh.count() == {
        level: {k: n for k, n in kinds.items() if k != "same"} for level, kinds in written["counts"].items()
    }
    assert {split["name"] for split in written["splits"]} == {"balanced", "long-tailed"}
