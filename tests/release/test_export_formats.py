"""Every format, read by another reader than ours, is the dataset again, without what the export says it lacks."""

import html
import json
import re
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from export_readers import READERS
from export_samples import HARD, datasets, drop_facts, make_codebook, make_hard_dataset
from hypothesis import given, settings

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.errors import AnnotationError
from finegym.release.exports import activitynet, coco, cvat, elan, label_studio, parquet, spotting, via, webvtt
from finegym.release.exports.exported import SIMULATED, ExportSettings, name_files
from finegym.release.exports.facts import DESCRIPTIONS, EVERYTHING, FACTS, UNUSED, describe_lost
from finegym.release.exports.write import EXPORT_FORMATS, EXPORTS, write_exports

CARRIED = {
    "activitynet": activitynet.CARRIED,
    "coco": coco.CARRIED,
    "parquet": parquet.CARRIED,
    "elan": elan.CARRIED,
    "cvat": cvat.CARRIED,
    "label-studio": label_studio.CARRIED,
    "via": via.CARRIED,
    "webvtt": webvtt.CARRIED,
    "spotting": spotting.CARRIED,
}
UNHELD = {"cvat": {"unmeasured"}, "label-studio": {"unmeasured"}}
SET_OF = {element.id: element.set_id for element in make_codebook().elements}
LOSSY = ExportSettings(allow_loss=True)


def test_every_format_is_tested():
    assert set(EXPORT_FORMATS) == set(CARRIED)
    assert set(EXPORT_FORMATS) - set(READERS) == {"spotting"}  # which has a file of tests of its own


@pytest.mark.parametrize("name", READERS)
def test_what_is_read_back_is_the_dataset(name, tmp_path):
    dataset = make_hard_dataset()
    write_exports(dataset, tmp_path, [name], LOSSY)
    kept = replace(dataset, videos=tuple(v for v in dataset.videos if v.id not in UNHELD.get(name, ())))
    expected = drop_facts(kept, EVERYTHING - CARRIED[name])
    found = sorted(READERS[name](tmp_path / name, SET_OF), key=lambda video: video.id)
    assert [video.id for video in found] == [video.id for video in expected.videos]
    for read, true in zip(found, expected.videos, strict=True):
        assert read == true


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_what_is_not_carried_is_listed_with_its_count(name, tmp_path):
    dataset = make_hard_dataset()
    (exported,) = write_exports(dataset, tmp_path, [name], LOSSY).values()
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(exported.written)
    lines = "\n".join(exported.cannot_carry)
    descriptions = DESCRIPTIONS | ({"unlooked": spotting.UNSOUGHT} if name == "spotting" else {})
    for fact in set(FACTS) - CARRIED[name]:
        assert f"{descriptions[fact]}: " in lines
    for fact in CARRIED[name]:
        assert f"{DESCRIPTIONS[fact]}: " not in lines


@pytest.mark.parametrize("name", sorted(set(EXPORT_FORMATS) - {"spotting", "cvat", "webvtt"}))
def test_all_labels_have_their_names(name, tmp_path):
    codebook = make_codebook()
    write_exports(make_hard_dataset(), tmp_path, [name], LOSSY)
    labels = (*codebook.events, *codebook.sets, *codebook.elements)
    # ActivityNet's have always been written without blanks at their ends.
    pairs = {(label.id, label.name.strip() if name == "activitynet" else label.name) for label in labels}
    assert read_names(tmp_path / name, name) == pairs


def read_names(folder, name):
    if name == "parquet":
        from pyarrow import parquet as arrow

        return {(row["label_id"], row["name"]) for row in arrow.read_table(folder / "labels.parquet").to_pylist()}
    if name == "elan":
        from pympi import Eaf

        vocabularies = Eaf(str(next(folder.glob("*.eaf")))).controlled_vocabularies.values()
        return {(text, about) for _, entries, _ in vocabularies for ((text, _, about),), _ in entries.values()}
    if name == "label-studio":
        labels = ET.parse(folder / "labelling_interface.xml").iter("Label")
        pairs = {(label.get("value"), label.get("hint")) for label in labels}
        return {pair for pair in pairs if pair[1]}
    content = json.loads(
        next(folder.glob("*.json")).read_text() if name != "activitynet" else (folder / "elements.json").read_text()
    )
    if name == "via":
        return {pair for attribute in content["attribute"].values() for pair in attribute["options"].items()}
    if name == "coco":
        return {(category["key"], category["name"]) for category in content["categories"]}
    return {(node["nodeId"], node["nodeName"]) for node in content["taxonomy"]}


@pytest.mark.parametrize("name", ["cvat", "webvtt"])
def test_labels_that_are_used_have_their_names(name, tmp_path):
    (exported,) = write_exports(make_hard_dataset(), tmp_path, [name], LOSSY).values()
    text = " ".join(html.unescape(path.read_text()) for path in exported.written)
    for label in ("vault & <table>", HARD, "BB_leaps 跳", "é" * 90):
        assert label in text
    assert f"{UNUSED}: 2, such as 1" in exported.cannot_carry


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_the_same_dataset_gives_the_same_bytes(name, tmp_path):
    for folder in ("one", "two"):
        write_exports(make_hard_dataset(), tmp_path / folder, [name], LOSSY)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / folder / name).iterdir()} for folder in ("one", "two")
    )
    assert one == two


@settings(max_examples=25, deadline=None)
@given(dataset=datasets())
@pytest.mark.parametrize("name", READERS)
def test_what_is_read_back_is_any_dataset(name, dataset):
    set_of = {element.id: element.set_id for element in dataset.codebook.elements}
    expected = drop_facts(dataset, EVERYTHING - CARRIED[name])
    with tempfile.TemporaryDirectory() as folder:
        try:
            write_exports(dataset, Path(folder), [name], LOSSY)
        except AnnotationError as error:  # signs that XML does not have: U+FFFE
            assert "XML" in str(error)
            return
        found = sorted(READERS[name](Path(folder) / name, set_of), key=lambda video: video.id)
    assert found == list(expected.videos)


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_simulated_records_are_called_so(name, tmp_path):
    settings = replace(LOSSY, is_simulated=True)
    (exported,) = write_exports(make_hard_dataset(), tmp_path, [name], settings).values()
    said = any(b"simulated" in path.read_bytes() for path in exported.written)
    assert said or any(line.startswith(SIMULATED) for line in exported.cannot_carry)
    (real,) = write_exports(make_hard_dataset(), tmp_path / "real", [name], LOSSY).values()
    assert not any(line.startswith(SIMULATED) for line in real.cannot_carry)
    mentions = {path.name for path in real.written if b'simulated"' in path.read_bytes()}
    assert mentions <= {"annotations.json"} and b'"simulated": true' not in b"".join(
        path.read_bytes() for path in real.written
    )


def test_losses_are_counted():
    lost = describe_lost(make_hard_dataset(), EVERYTHING - {"athletes", "stages", "unlooked", "sets", "unlabelled"})
    assert [line.partition(": ")[2] for line in lost] == [
        "2, such as -x<y&z_E_000010_000017",
        "1, such as -x<y&z_E_000300_000301",
        "1, such as -x<y&z_E_000100_000190_A_0005_0006",
        "1, such as 跳馬/é \"A\" 'b'_E_000003_000030_A_0001_0002",
        "2, such as -x<y&z_E_000010_000017_A_0000_0006",
    ]


@pytest.mark.parametrize("name", ["cvat", "label-studio", "spotting"])
def test_records_whose_frames_are_not_known_are_not_left_out_unasked(name, tmp_path):
    with pytest.raises(AnnotationError, match="frame rate of 1 records is not known, such as of unmeasured"):
        write_exports(make_hard_dataset(), tmp_path, [name])
    (exported,) = write_exports(make_hard_dataset(), tmp_path, [name], LOSSY).values()
    assert "records left out: their frame rate is not known: 1, such as unmeasured" in exported.cannot_carry


@pytest.mark.parametrize("name", ["cvat", "label-studio", "spotting"])
def test_where_no_frame_rate_is_known_there_is_nothing_to_allow(name, tmp_path):
    (video,) = (video for video in make_hard_dataset().videos if video.id == "unmeasured")
    dataset = Dataset(make_codebook(), (video,))
    with pytest.raises(AnnotationError, match="frame rate of 1 records is not known"):
        write_exports(dataset, tmp_path, [name], LOSSY)
    exported = write_exports(dataset, tmp_path, None, LOSSY)[name]
    assert exported.written == () and exported.cannot_carry[0].startswith("everything: ")


def test_eaf_files_are_built_as_elan_asks(tmp_path):
    """Order of the parts, references and constraints, as ELAN's documentation of the format has them."""
    (exported,) = write_exports(make_hard_dataset(), tmp_path, ["elan"]).values()
    for path in exported.written:
        root = ET.parse(path).getroot()
        order = [
            *("HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE", "CONSTRAINT"),
            *("CONTROLLED_VOCABULARY", "LEXICON_REF", "EXTERNAL_REF"),
        ]
        places = [order.index(part.tag) for part in root]
        assert places == sorted(places)
        slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
        assert list(slots.values()) == sorted(slots.values())
        types = {one.get("LINGUISTIC_TYPE_ID"): one for one in root.iter("LINGUISTIC_TYPE")}
        constraints = {one.get("STEREOTYPE") for one in root.iter("CONSTRAINT")}
        vocabularies = {
            one.get("CV_ID"): {entry.get("CVE_ID"): entry.findtext("CVE_VALUE") for entry in one.iter("CV_ENTRY_ML")}
            for one in root.iter("CONTROLLED_VOCABULARY")
        }
        entries = [id_ for vocabulary in vocabularies.values() for id_ in vocabulary]
        annotations = {}
        for tier in root.iter("TIER"):
            type_ = types[tier.get("LINGUISTIC_TYPE_REF")]
            known = vocabularies.get(type_.get("CONTROLLED_VOCABULARY_REF"), {})
            assert type_.get("CONSTRAINTS") in {None, *constraints}
            assert (tier.get("PARENT_REF") is None) == (type_.get("TIME_ALIGNABLE") == "true")
            parents = set()
            for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
                assert slots[annotation.get("TIME_SLOT_REF1")] < slots[annotation.get("TIME_SLOT_REF2")]
                annotations[annotation.get("ANNOTATION_ID")] = tier.get("TIER_ID")
            for annotation in tier.iter("REF_ANNOTATION"):
                parent = annotation.get("ANNOTATION_REF")
                assert annotations[parent] == tier.get("PARENT_REF")
                assert parent not in parents  # one to one
                parents.add(parent)
                assert known.get(annotation.get("CVE_REF")) in (None, annotation.findtext("ANNOTATION_VALUE"))
                assert (annotation.get("CVE_REF") in known) == bool(known)
                annotations[annotation.get("ANNOTATION_ID")] = tier.get("TIER_ID")
        ids = [*annotations, *slots, *entries]
        assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[A-Za-z_][\w.-]*", id_) for id_ in ids)


def test_cvat_needs_sizes_too(tmp_path):
    video = replace(make_hard_dataset().videos[0], width=None)
    with pytest.raises(AnnotationError, match="picture size or number of frames of 1 records is not known"):
        write_exports(Dataset(make_codebook(), (video,)), tmp_path, ["cvat"])


def test_cvat_shows_what_begins_after_the_last_frame_in_it(tmp_path):
    video = replace(make_hard_dataset().videos[0], num_frames=2600)  # 104 s
    (exported,) = write_exports(Dataset(make_codebook(), (video,)), tmp_path, ["cvat"]).values()
    assert f"{cvat.LATE}: 6, such as -x<y&z_E_000100_000190_A_0008_0010" in exported.cannot_carry
    frames = [int(box.get("frame")) for path in exported.written[1:] for box in ET.parse(path).iter("box")]
    assert max(frames) == 2599


@pytest.mark.parametrize("name", ["elan", "cvat"])
def test_what_xml_has_no_sign_for_is_an_error(name, tmp_path):
    video = replace(make_hard_dataset().videos[0], id="bell \x07")
    with pytest.raises(AnnotationError, match="control character"):
        write_exports(Dataset(make_codebook(), (video,)), tmp_path, [name])


def test_labels_that_the_codebook_lacks_are_an_error(tmp_path):
    action = Action("E_000000_000009", "XX", 0, 9000, (SubAction("A_0000_0001", ((0, 40),), "99", None),))
    with pytest.raises(AnnotationError, match=r"event 'XX' is not in codebook.*element '99' is not in codebook"):
        write_exports(Dataset(make_codebook(), (Video("v", (action,)),)), tmp_path)


def test_an_empty_dataset_is_written_too(tmp_path):
    exported = write_exports(Dataset(make_codebook(), ()), tmp_path)
    assert set(exported) == set(EXPORTS)
    assert json.loads((tmp_path / "coco" / "annotations.json").read_text())["videos"] == []


def test_file_names_are_safe_and_differ():
    names = name_files(["a/../b", "..", "con|", "A", "a", "é", "é", "x" * 300, "x" * 301], ".eaf")
    assert len({name.casefold() for name in names.values()}) == len(names)
    assert all(not set(name) & set('/\\:*?"<>|') and len(name.encode()) < 256 for name in names.values())
    assert names["a/../b"] == "a%2F..%2Fb.eaf" and names["a"] == "a~2.eaf"
