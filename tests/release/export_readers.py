"""What other readers find in exported files: each gives back records, as far as its format carries them.

None of them uses the code that wrote the files. Where a library reads the format it does (pympi for ELAN, webvtt-py,
pyarrow); where none does, the file is read as its tool's documentation describes it.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from finegym.annotations.model import Action, SubAction, Video


def _make_video(id_: str, actions: list[Action], subs: Mapping[str, list[SubAction]], **facts: Any) -> Video:
    """Put sub-actions into their actions by the action's name; all in order of time."""
    made = [
        Action(
            a.name,
            a.event_id,
            a.start_ms,
            a.end_ms,
            None if a.sub_actions is None else tuple(sorted(subs.get(a.name, ()), key=_get_order)),
            a.athlete,
        )
        for a in actions
    ]
    return Video(id_, tuple(sorted(made, key=_get_order)), **facts)


def _get_order(one: Action | SubAction) -> tuple[int, int, str]:
    return one.start_ms, one.end_ms, one.name


def _to_ms(seconds: float) -> int:
    ms = round(seconds * 1000)
    assert abs(seconds * 1000 - ms) < 1e-6, seconds
    return ms


def read_activitynet(folder: Path, set_of: Mapping[str, str]) -> list[Video]:
    events, sets, elements = (
        json.loads((folder / name).read_text(encoding="utf-8"))["database"]
        for name in ("actions.json", "sets.json", "elements.json")
    )
    videos = []
    for record, entry in events.items():
        actions, subs = [], {}
        for row in entry["annotations"]:
            name = row["id"].removeprefix(f"{record}_")
            start, end = map(_to_ms, row["segment"])
            sought = row["id"] in sets
            actions.append(Action(name, row["label"], start, end, () if sought else None))
            if not sought:
                assert row["id"] not in elements
                continue
            assert sets[row["id"]]["record_segment"] == elements[row["id"]]["record_segment"] == row["segment"]
            set_ids, element_ids = (_get_labels(part[row["id"]]) for part in (sets, elements))
            assert set_ids.keys() == element_ids.keys()
            subs[name] = [
                SubAction(
                    id_.removeprefix(f"{row['id']}_"), ((start + s, start + e),), element_ids[id_, s, e], set_ids[key]
                )
                for key in set_ids
                for id_, s, e in [key]
            ]
        videos.append(_make_video(record, actions, subs))
    return videos


def _get_labels(entry: Mapping[str, Any]) -> dict[tuple[str, int, int], str | None]:
    rows = [*entry["annotations"], *entry["ignored"]]
    return {(row["id"], *map(_to_ms, row["segment"])): row.get("label") for row in rows}


def read_coco(folder: Path, set_of: Mapping[str, str]) -> list[Video]:
    content = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    category = {one["id"]: one for one in content["categories"]}
    assert len(category) == len(content["categories"])
    name_of = {one["id"]: one["name"] for one in content["annotations"]}
    assert len(name_of) == len(content["annotations"])
    videos = []
    for video in content["videos"]:
        mine = [one for one in content["annotations"] if one["video_id"] == video["id"]]
        actions, subs = [], defaultdict(list)
        for one in mine:
            assert [_to_ms(edge) for edge in one["segment"]] == one["segment_ms"]
            label = category.get(one["category_id"])
            if one["level"] == "action":
                name = one["name"].removeprefix(f"{video['name']}_")
                sought = () if one["sub_actions_sought"] else None
                actions.append(Action(name, label["key"], *one["segment_ms"], sought, one["athlete"]))
                continue
            parent = name_of[one["action_annotation_id"]]
            element = label["key"] if label and label["level"] == "element" else None
            set_id = label["supercategory"] if element else label["key"] if label else None
            stages = tuple(map(tuple, one["stages_ms"]))
            sub = SubAction(one["name"].removeprefix(f"{parent}_"), stages, element, set_id)
            subs[parent.removeprefix(f"{video['name']}_")].append(sub)
        facts = {key: video[key] for key in ("competition", "fps", "width", "height")}
        facts |= {"path": video["file_name"], "num_frames": video["length"]}
        videos.append(_make_video(video["name"], actions, subs, **facts))
    return videos


def read_parquet(folder: Path, set_of: Mapping[str, str]) -> list[Video]:
    from pyarrow import parquet

    records, actions, subs = (
        parquet.read_table(folder / f"{name}.parquet").to_pylist() for name in ("records", "actions", "sub_actions")
    )
    found = defaultdict(list)
    for row in subs:
        assert (row["start_ms"], row["end_ms"]) == (row["stages"][0]["start_ms"], row["stages"][-1]["end_ms"])
        assert row["num_stages"] == len(row["stages"])
        stages = tuple((stage["start_ms"], stage["end_ms"]) for stage in row["stages"])
        set_id = set_of.get(row["element_id"], row["set_id"])
        name = row["instance_id"].removeprefix(f"{row['action_id']}_")
        found[row["action_id"]].append(SubAction(name, stages, row["element_id"], set_id))
    videos = []
    for record in records:
        id_ = record.pop("video_id")
        mine = [row for row in actions if row["video_id"] == id_]
        made = [
            Action(
                row["action_id"].removeprefix(f"{id_}_"),
                row["event_id"],
                row["start_ms"],
                row["end_ms"],
                None if row["num_sub_actions"] is None else (),
                row["athlete"],
            )
            for row in mine
        ]
        by_name = {row["action_id"].removeprefix(f"{id_}_"): found[row["action_id"]] for row in mine}
        assert all(row["num_sub_actions"] in (None, len(found[row["action_id"]])) for row in mine)
        videos.append(_make_video(id_, made, by_name, **record))
    return videos


def read_elan(folder: Path, set_of: Mapping[str, str]) -> list[Video]:
    return [_read_eaf(path, set_of) for path in sorted(folder.glob("*.eaf"))]


def _read_eaf(path: Path, set_of: Mapping[str, str]) -> Video:
    from pympi import Eaf

    eaf = Eaf(str(path))
    facts = dict(eaf.properties)
    actions, subs, stages = [], defaultdict(list), defaultdict(dict)
    for tier in eaf.get_tier_names():
        kind, _, number = tier.partition(" ") if re.fullmatch(r"[a-z-]+ \d+", tier) else (tier, "", "")
        if kind not in ("actions", "sub-actions", "stages"):
            continue
        notes = _collect_notes(eaf, tier, number)
        rows = [
            (eaf.timeslots[a], eaf.timeslots[b], value, id_) for id_, (a, b, value, _) in eaf.tiers[tier][0].items()
        ]
        _check_no_overlap(rows)
        for start, end, value, id_ in rows:
            note = notes[id_]
            if kind == "actions":
                sought = None if "action notes" in note else ()
                action = Action(note["action names"], note["events"], start, end, sought, note.get("athletes"))
                actions.append(action)
            elif kind == "sub-actions":
                subs[note["sub-action names"]].append((start, end, note.get("elements"), note.get("sets")))
            else:
                stages[note["stage of"]][int(value)] = (start, end)
    made = defaultdict(list)
    for name, (one,) in subs.items():
        start, end, element, set_id = one
        parts = tuple(stages[name][number] for number in sorted(stages[name])) or ((start, end),)
        assert (parts[0][0], parts[-1][1]) == (start, end)
        made[name[:15]].append(SubAction(name[16:], parts, element, set_id))
    known = {key: facts.get(key) for key in ("path", "competition")}
    known |= {key: int(facts[key]) for key in ("num_frames", "width", "height") if key in facts}
    known |= {"fps": float(facts["fps"])} if "fps" in facts else {}
    return _make_video(facts["record"], actions, made, **known)


def _collect_notes(eaf: Any, parent: str, number: str) -> dict[str, dict[str, str]]:
    notes: dict[str, dict[str, str]] = defaultdict(dict)
    for tier in eaf.get_child_tiers_for(parent) if hasattr(eaf, "get_child_tiers_for") else ():
        kind = tier.removesuffix(f" {number}") if number else tier
        for ref, value, _, _ in eaf.tiers[tier][1].values():
            notes[ref][kind] = value
    return notes


def _check_no_overlap(rows: list[tuple[int, int, str, str]]) -> None:
    assert all(left[1] <= right[0] for left, right in pairwise(sorted(rows)))


def read_cvat(folder: Path, set_of: Mapping[str, str]) -> list[Video]:
    """Tracks as CVAT's own reader takes them: keyframes of boxes, attributes as text."""
    return [_read_cvat_task(ET.parse(path).getroot()) for path in sorted(folder.glob("*.xml"))]


def _read_cvat_task(root: ET.Element) -> Video:
    assert root.findtext("version") == "1.1"
    task = root.find("meta/task")
    declared = {
        label.findtext("name"): [one.findtext("name") for one in label.iterfind("attributes/attribute")]
        for label in task.iterfind("labels/label")
    }
    num_frames = int(task.findtext("size"))
    width, height = (int(task.findtext(f"original_size/{side}")) for side in ("width", "height"))
    actions, subs, stages = [], defaultdict(list), defaultdict(list)
    for track in root.iterfind("track"):
        boxes = track.findall("box")
        assert [box.get("outside") for box in boxes] in (["0"], ["0", "1"])
        assert all(0 <= int(box.get("frame")) < num_frames for box in boxes)
        assert [float(boxes[0].get(edge)) for edge in ("xtl", "ytl", "xbr", "ybr")] == [0, 0, width, height]
        values = {one.get("name"): one.text or "" for one in boxes[0].iterfind("attribute")}
        assert list(values) == declared[track.get("label")]
        times = int(values["start_ms"]), int(values["end_ms"])
        key = (values.get("action", values["name"]), values["name"])
        if track.get("label") == "action":
            sought = () if values["sub_actions_sought"] == "yes" else None
            actions.append(Action(values["name"], values["event_id"], *times, sought, values["athlete"] or None))
        elif track.get("label") == "sub-action":
            subs[key].append((times, values["element_id"] or None, values["set_id"] or None))
        else:
            assert int(values["number"]) == len(stages[key]) + 1
            stages[key].append(times)
    made = defaultdict(list)
    for (action, name), (one,) in subs.items():
        times, element, set_id = one
        made[action].append(SubAction(name, tuple(stages[action, name]) or (times,), element, set_id))
    sizes = {"num_frames": num_frames, "width": width, "height": height}
    return _make_video(task.findtext("name"), actions, made, **sizes)


def read_label_studio(folder: Path, set_of: Mapping[str, str]) -> list[Video]:
    tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    interface = ET.parse(folder / "labelling_interface.xml").getroot()
    controls = {
        one.get("name"): {label.get("value") for label in one.iterfind("Label")}
        for one in interface.iterfind("TimelineLabels")
    }
    assert interface.find("Video").get("value") == "$video"
    return [_read_task(task, controls, set_of) for task in tasks]


def _read_task(task: dict[str, Any], controls: Mapping[str, set[str]], set_of: Mapping[str, str]) -> Video:
    data, (annotation,) = task["data"], task["annotations"]
    actions, subs, stages = [], {}, defaultdict(list)
    assert len({region["id"] for region in annotation["result"]}) == len(annotation["result"])
    for region in annotation["result"]:
        (label,) = region["value"]["timelinelabels"]
        (span,) = region["value"]["ranges"]
        assert region["type"] == "timelinelabels" and label in controls[region["from_name"]]
        assert 1 <= span["start"] <= span["end"]
        notes = dict(note.partition(" ")[::2] for note in region["meta"]["text"])
        times = int(notes["start_ms"]), int(notes["end_ms"])
        key = notes["action"], notes.get("sub-action")
        if region["from_name"] == "actions":
            sought = None if "nobody" in notes else ()
            actions.append(Action(notes["action"], label, *times, sought, notes.get("athlete")))
        elif region["from_name"] == "stages":
            stages[key].append(times)
            assert label == f"stage {len(stages[key])}"
        else:
            subs[key] = (times, region["from_name"], label)
    made = defaultdict(list)
    for (action, name), (times, control, label) in subs.items():
        element = label if control == "elements" else None
        set_id = set_of[label] if element else label if control == "sets" else None
        made[action].append(SubAction(name, tuple(stages[action, name]) or (times,), element, set_id))
    facts = {key: data[key] for key in ("path", "competition", "fps", "num_frames", "width", "height")}
    return _make_video(data["record"], actions, made, **facts)


def read_via(folder: Path, set_of: Mapping[str, str]) -> list[Video]:
    project = json.loads((folder / "project.json").read_text(encoding="utf-8"))
    assert project["project"]["vid_list"] == list(project["view"]) == list(project["file"])
    found = defaultdict(list)
    for one in project["metadata"].values():
        values = {}
        for number, value in one["av"].items():
            attribute = project["attribute"][number]
            assert attribute["anchor_id"] == ("FILE1_Z2_XY0" if one["z"] else "FILE1_Z0_XY0")
            assert attribute["type"] == 1 or value in attribute["options"]
            values[attribute["aname"]] = value
        found[one["vid"]].append((tuple(map(_to_ms, one["z"])), values))
    return [_read_view(project, vid, found[vid], set_of) for vid in project["project"]["vid_list"]]


def _read_view(project: dict[str, Any], vid: str, rows: list[Any], set_of: Mapping[str, str]) -> Video:
    (fid,) = project["view"][vid]["fid_list"]
    file = project["file"][fid]
    actions, subs, stages, facts = [], {}, defaultdict(list), {}
    for times, values in rows:
        key = values.get("action"), values.get("sub-action")
        if not times:
            facts = {"path": values.get("path"), "competition": values.get("competition")}
            facts |= {name: int(values[name]) for name in ("num_frames", "width", "height") if name in values}
            facts |= {"fps": float(values["fps"])} if "fps" in values else {}
        elif "event" in values:
            sought = None if values.get("sub-actions sought") == "no" else ()
            actions.append(Action(values["action"], values["event"], *times, sought, values.get("athlete")))
        elif "stage" in values:
            stages[key].append(times)
        else:
            subs[key] = (times, values.get("element"), values.get("set"))
    made = defaultdict(list)
    for (action, name), (times, element, set_id) in subs.items():
        made[action].append(SubAction(name, tuple(stages[action, name]) or (times,), element, set_id))
    assert file["src"] == (facts.get("path") or "")
    return _make_video(file["fname"], actions, made, **facts)


def read_webvtt(folder: Path, set_of: Mapping[str, str]) -> list[Video]:
    return [_read_vtt(path, set_of) for path in sorted(folder.glob("*.vtt"))]


def _read_vtt(path: Path, set_of: Mapping[str, str]) -> Video:
    import html

    import webvtt

    text = path.read_text(encoding="utf-8")
    unlooked = set(re.findall(r"^NOTE nobody has looked for sub-actions of (\S+)$", text, re.MULTILINE))
    actions, subs, stages = [], {}, defaultdict(list)
    for cue in webvtt.from_string(text):
        times = tuple(_parse_time(getattr(cue, edge)) for edge in ("start", "end"))
        word = html.unescape(cue.raw_text).split(" ")[0]
        label = None if word == "-" else unquote(word)
        name, sub, stage = cue.identifier[:15], cue.identifier[16:27], cue.identifier[28:]
        if not sub:
            actions.append(Action(name, str(label), *times, None if name in unlooked else ()))
        elif stage:
            stages[name, sub].append(times)
        else:
            subs[name, sub] = (times, label)
    made = defaultdict(list)
    for (action, name), (times, label) in subs.items():
        element = label if label in set_of else None
        set_id = set_of[label] if element else label
        made[action].append(SubAction(name, tuple(stages[action, name]) or (times,), element, set_id))
    record = html.unescape(re.search(r"^NOTE record (.*), codebook ", text, re.MULTILINE)[1])
    return _make_video(record, actions, made)


def _parse_time(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + _to_ms(float(seconds))


READERS = {
    "activitynet": read_activitynet,
    "coco": read_coco,
    "parquet": read_parquet,
    "elan": read_elan,
    "cvat": read_cvat,
    "label-studio": read_label_studio,
    "via": read_via,
    "webvtt": read_webvtt,
}
