import pytest
from annotation_samples import FX_1, UB_1, VT_1, make_dataset

from finegym.annotations.model import INSTANCE_ID, Dataset, Video
from finegym.errors import AnnotationError


def test_instances_are_indexed_by_the_published_id():
    dataset = make_dataset()
    assert next(iter(dataset.instances)) == VT_1 and len(dataset.instances) == 4
    instance = dataset.instances[UB_1]
    assert (instance.video.id, instance.action_id) == ("_E_-A_bbbbb", "_E_-A_bbbbb_E_000003_000030")
    assert (instance.sub_action.start_ms, instance.sub_action.end_ms) == (4860, 5610)


def test_an_instance_id_twice_is_refused():
    dataset = make_dataset()
    twice = Dataset(dataset.codebook, (*dataset.videos, Video("aaaaaaaaaaa", dataset.videos[0].actions[:1])))
    with pytest.raises(AnnotationError, match=f"{VT_1} occurs twice"):
        _ = twice.instances


@pytest.mark.parametrize("video_id", ["_E_21jlKax8M", "6_ATNiI0y-E", "-HvXd_vqJ5A", "x_E_000001_000002", "a b"])
def test_ids_are_taken_apart_from_the_right(video_id):
    match = INSTANCE_ID.match(f"{video_id}_E_000001_000002_A_0003_0003")
    assert match is not None
    assert match.groups() == (video_id, "E_000001_000002", "A_0003_0003")


def test_frames_have_a_row_each():
    dataset = make_dataset()
    assert dataset.videos_frame["num_actions"].to_list() == [2, 3]
    assert dataset.actions_frame["num_sub_actions"].to_list() == [1, 2, 1, None, 0]
    rows = {row["instance_id"]: row for row in dataset.sub_actions_frame.iter_rows(named=True)}
    assert (rows[VT_1]["num_stages"], rows[VT_1]["start_ms"], rows[VT_1]["end_ms"]) == (3, 10110, 16790)
    assert (rows[FX_1]["element_id"], rows[FX_1]["set_id"], rows[FX_1]["event_id"]) == ("2", "FX-S1", "FX")


def test_frames_of_no_records_have_their_columns():
    empty = Dataset(make_dataset().codebook, ())
    assert empty.sub_actions_frame.height == 0 and "element_id" in empty.sub_actions_frame.columns
