"""Building a clip store: every frame is the one that the map says, whatever the settings and the number of workers."""

import io
import tarfile
import warnings
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from numbered import read_numbers, write_numbered
from store_samples import CODEBOOK, FAST, FRAMES, VARIABLE_MS, build, compute_psnr, make_video, read_all

from finegym.annotations.model import Dataset
from finegym.errors import AnnotationError, ConfigError, OutputError
from finegym.video.reader import VideoReader
from finegym.video.store.build import make_settings
from finegym.video.store.pack import list_shards
from finegym.video.store.read import ClipStore


@pytest.mark.parametrize("settings", [{}, FAST])
def test_every_frame_of_every_clip_is_the_one_that_the_map_names(dataset, folder, settings):
    result = build(dataset, folder, settings=settings)
    assert (len(result.tally.done), result.tally.skipped, result.tally.failed) == (5, [], {})
    store = ClipStore(folder / "clips")
    assert list(store.instance_ids) == list(dataset.instances)
    for instance_id, frames in zip(store.instance_ids, FRAMES, strict=True):
        facts = store.get_facts(instance_id)
        assert (facts.first_frame, facts.num_frames) == (frames.start, len(frames))
        assert read_numbers(store.read_frames(instance_id)) == list(frames)
        with VideoReader(folder / facts.record) as record:
            np.testing.assert_array_equal(record.index.pts[frames.start : frames.stop], facts.pts)
            np.testing.assert_array_equal(record.index.pts_ms[frames.start : frames.stop], facts.pts_ms)
            theirs = record.read_frames(frames, size=(facts.height, facts.width))
        assert compute_psnr(store.read_frames(instance_id), theirs) > 32


def test_the_mp4_of_a_clip_keeps_the_distances_of_its_frames(dataset, folder, tmp_path):
    build(dataset, folder)
    store = ClipStore(folder / "clips")
    for instance_id in store.instance_ids:
        facts = store.get_facts(instance_id)
        (media,) = store.read_media(instance_id)
        (tmp_path / "clip.mp4").write_bytes(media)
        with VideoReader(tmp_path / "clip.mp4", use_cache=False) as clip:
            np.testing.assert_allclose(clip.index.pts_ms, facts.pts_ms - facts.pts_ms[0], atol=0.1)
            assert (clip.index.width, clip.index.height) == (facts.width, facts.height)
            planes = clip.read_frames(range(facts.num_frames), colours="yuv420")
            np.testing.assert_array_equal(planes, store.read_frames(instance_id, colours="yuv420"))
            assert compute_psnr(clip.read_frames(range(facts.num_frames)), store.read_frames(instance_id)) > 30


def test_an_mp4_in_a_shard_is_a_whole_file(dataset, folder):
    build(dataset, folder)
    store = ClipStore(folder / "clips")
    (media,) = store.read_media(store.instance_ids[0])
    with av.open(io.BytesIO(media)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 20


def test_three_of_four_frames_of_a_clip_can_be_left_out(folder):
    build(Dataset(CODEBOOK, (make_video("a", [(0, 3600)]),)), folder)
    store = ClipStore(folder / "clips")
    facts = store.get_facts(store.instance_ids[0])
    assert facts.packet_roles[0] == 2 and facts.packet_roles.count(2) == 1
    assert facts.packet_roles.count(0) == 3 * (facts.num_frames - 1) // 4
    assert [frame for frame, role in zip(facts.packet_frames, facts.packet_roles, strict=True) if role] == [
        *range(0, facts.num_frames, 4),
        facts.num_frames - 1,
    ]


def test_a_long_clip_has_a_key_frame_every_96_frames(tmp_path):
    (tmp_path / "records").mkdir()
    write_numbered(tmp_path / "records" / "a.mp4", 250)
    dataset = Dataset(CODEBOOK, (make_video("a", [(0, 100)], length_ms=10_000),))
    build(dataset, tmp_path, settings={"unit": "action"})
    store = ClipStore(tmp_path / "clips")
    (instance_id,) = store.instance_ids
    facts = store.get_facts(instance_id)
    keys = [frame for frame, role in zip(facts.packet_frames, facts.packet_roles, strict=True) if role == 2]
    assert keys == [0, 96, 192]
    wanted = [249, 100, 3, 95, 96, 97, 200]
    assert read_numbers(store.read_frames(instance_id, wanted)) == wanted


@pytest.mark.parametrize("settings", [{}, FAST])
def test_the_same_input_gives_the_same_bytes_with_any_number_of_workers(dataset, folder, settings):
    build(dataset, folder, folder / "x", settings=settings)
    build(dataset, folder, folder / "y", settings=settings, workers=2)
    assert read_all(folder / "x") == read_all(folder / "y")


def test_a_ray_cluster_makes_the_same_bytes(dataset, folder, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (folder / "records" / "text.mp4").write_text("hello")
    dataset = replace(dataset, videos=(*dataset.videos, make_video("text", [(0, 400)])))
    build(dataset, folder, folder / "x")
    with warnings.catch_warnings():
        # Ray leaves its own sockets to the garbage collector, and speaks of its next version.
        warnings.simplefilter("ignore")
        tally = build(dataset, folder, folder / "y", workers=2, engine="ray").tally
    assert (len(tally.done), len(tally.failed)) == (5, 1)
    assert read_all(folder / "x") == read_all(folder / "y")


def test_actions_and_snippets_are_clips_too(dataset, folder):
    build(dataset, folder, folder / "actions", settings={"unit": "action"})
    store = ClipStore(folder / "actions")
    assert store.instance_ids == ("a_E_000000_000009", "b_E_000000_000009")
    assert read_numbers(store.read_frames("a_E_000000_000009", [0, 89, 40])) == [0, 89, 40]
    build(dataset, folder, folder / "snippets", settings={"unit": "snippet", "snippet_ms": 1600, "stride_ms": 800})
    store = ClipStore(folder / "snippets")
    ids = [i for i in store.instance_ids if i.startswith("a_")]
    assert ids == [f"a_E_000000_000009_S_{start:08d}" for start in (0, 800, 1600, 2400)]
    assert [read_numbers(store.read_frames(i))[::20] for i in ids] == [[0, 20], [20, 40], [40, 60], [60, 80]]
    assert [store.count_frames(i) for i in ids] == [40, 40, 40, 30]


def test_variable_rate_is_written_down_as_it_is(dataset, folder):
    build(dataset, folder)
    facts = ClipStore(folder / "clips").get_facts(list(dataset.instances)[3])
    np.testing.assert_allclose(facts.pts_ms, VARIABLE_MS[10:30])
    assert Fraction(facts.time_base) * facts.pts[0] * 1000 == VARIABLE_MS[10]


def test_ids_with_dots_and_signs_keep_their_names(folder):
    name = "final.2019 á%x"
    dataset = Dataset(CODEBOOK, (make_video(name, [(0, 200)], path="records/a.mp4"),))
    build(dataset, folder)
    (path,) = list_shards(folder / "clips")
    assert ClipStore(folder / "clips").instance_ids == (f"{name}_E_000000_000009_A_0000_0000",)
    with tarfile.open(path) as archive:
        assert all(member.count(".") == 1 and "%2E2019" in member for member in archive.getnames())


def test_an_id_that_occurs_twice_is_an_error(folder):
    with pytest.raises(AnnotationError, match="occurs twice"):
        build(Dataset(CODEBOOK, (make_video("a", [(0, 100)]), make_video("a", [(0, 100)]))), folder)


def test_settings_out_of_range_are_refused():
    for settings, words in (
        ({"short_side": 255}, "short_side must be even"),
        ({"crf": 60}, "quality of mp4 must lie in 0 to 51, got 60"),
        ({"fast": True, "jpeg_quality": 0}, "quality of jpeg must lie in 1 to 100, got 0"),
        ({"fast": True, "crf": 20}, "crf belongs to H.264"),
        ({"jpeg_quality": 90}, "jpeg_quality belongs to JPEGs"),
    ):
        with pytest.raises(ConfigError, match=words):
            make_settings(**settings)


def test_a_folder_that_cannot_be_made_is_one_clear_error(dataset, folder):
    (folder / "clips").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        build(dataset, folder)
