"""Pages, sheets and films of flow: right numbers, and something to look at."""

import numpy as np
import pytest
from feature_samples import IDS, make_dataset, write_records, write_video

from finegym.errors import FeatureError, VideoError
from finegym.features.build import build_features
from finegym.features.flow.colour_wheel import draw_flow
from finegym.features.flow.compare import (
    compute_epe,
    compute_photometric_error,
    measure_methods,
    move_known,
    write_comparison,
)
from finegym.features.flow.draw import LEAST_FULL_PX, draw_clip, find_full_px, write_flow_film
from finegym.features.flow.extract import FlowMaker
from finegym.features.flow.store import FlowStore
from finegym.video.reader import VideoReader


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures-of-flow")
    write_records(folder)
    maker = FlowMaker("farneback")
    build_features(make_dataset(), folder, folder / "flow", maker.make_settings(), maker)
    return folder


def make_texture(height=80, width=120):
    y, x = np.mgrid[:height, :width]
    return (128 + 50 * np.sin(x / 3 + y / 7) + 50 * np.cos(x / 8 - y / 4)).astype(np.uint8)


def test_the_photometric_error_of_the_right_flow_is_small_and_of_none_is_the_difference():
    frame = make_texture()
    moved = np.roll(frame, 3, axis=1)
    right, none = np.zeros((80, 120, 2), np.float32), np.zeros((80, 120, 2), np.float32)
    right[..., 0] = 3
    assert compute_photometric_error(frame, moved, right) == 0  # what left the picture does not count
    assert compute_photometric_error(frame, moved, none) == pytest.approx(
        np.abs(frame.astype(float) - moved).mean(), rel=1e-5
    )
    out = np.full((80, 120, 2), 500, np.float32)
    assert np.isnan(compute_photometric_error(frame, moved, out))


def test_known_motion_is_what_the_frame_was_moved_by():
    frame = make_texture()
    second, truth = move_known(frame)
    error = compute_photometric_error(frame, second, truth)
    assert error < 4  # noise of two grey levels, and interpolation
    assert compute_photometric_error(frame, second, -truth) > 5 * error
    assert 1 < np.abs(truth).max() < 12 and compute_epe(truth, truth) == 0


def test_methods_are_measured():
    frame = np.repeat(make_texture()[..., None], 3, axis=2)
    second, truth = move_known(frame[..., 0])
    first, last = measure_methods(frame, np.repeat(second[..., None], 3, axis=2), ["tvl1", "dis"], truth=truth)
    assert first.difference_px is None and last.difference_px == pytest.approx(compute_epe(last.field, first.field))
    assert first.error_px == pytest.approx(compute_epe(first.field, truth)) and first.cpu_ms > 0


def test_a_comparison_is_one_page(folder, tmp_path):
    times = [200, 1190]  # the last frame has no next one: the pair before it is shown
    truth = np.zeros((64, 96, 2), np.float32)
    measured = write_comparison(
        folder / "records/a.mp4", tmp_path / "page.html", at_ms=times, methods=["tvl1", "dis"], truth=truth
    )
    assert len(measured) == 3 and measured[1][0].error_px is None and measured[0][0].error_px > 0
    page = (tmp_path / "page.html").read_text()
    assert "Frames 5 and 6, 0.20 s" in page and "Frames 28 and 29" in page and page.count("data:image/jpeg") == 3
    assert "simulated" in page and "http" not in page.replace("http://www.w3.org", "")


def test_a_comparison_says_what_does_not_fit(folder, tmp_path):
    with pytest.raises(FeatureError, match=r"true flow is of 3x2 pixels, the frames of 96x64"):
        write_comparison(folder / "records/a.mp4", tmp_path / "p.html", truth=np.zeros((2, 3, 2), np.float32))
    write_video(tmp_path / "one.mp4", [1])
    with pytest.raises(FeatureError, match="has 1 frame; flow needs two"):
        write_comparison(tmp_path / "one.mp4", tmp_path / "p.html")
    with pytest.raises(VideoError):
        write_comparison(folder / "records/a.mp4", tmp_path / "p.html", at_ms=[9000])


def test_a_pair_across_a_cut_is_shown_and_not_measured(tmp_path):
    path = write_video(tmp_path / "a.mp4", [*range(15), *range(1000, 1015)])
    measured = write_comparison(path, tmp_path / "page.html", at_ms=[400, 565], methods=["dis"])
    assert [len(pair) for pair in measured] == [1, 0, 1]
    page = (tmp_path / "page.html").read_text()
    assert page.count("Across a cut") == 1 and "Frames 14 and 15" in page


def test_a_sheet_has_frames_above_their_flow(folder):
    store = FlowStore(folder / "flow")
    with_frames, alone = draw_clip(store, IDS[4], folder), draw_clip(store, IDS[4], None, num_pairs=4)
    assert with_frames.shape[0] > 2 * alone.shape[0] and with_frames.shape[1] == alone.shape[1]
    with pytest.raises(FeatureError, match="one frame"):
        draw_clip(store, IDS[1], folder)


def test_a_film_shows_every_pair_beside_its_frame(folder, tmp_path):
    store = FlowStore(folder / "flow")
    assert write_flow_film(store, IDS[0], folder, tmp_path / "a.mp4") == 9
    with VideoReader(tmp_path / "a.mp4") as film, VideoReader(folder / "records/a.mp4") as record:
        assert film.index.num_frames == 9 and round(film.index.fps_average) == 25
        pictures = film.read_frames(range(9)).astype(int)
        frames = record.read_frames(range(10, 19)).astype(int)
    assert pictures.shape == (9, 64, 192, 3)
    assert np.abs(pictures[:, :, :96] - frames).mean() < 6
    flow = draw_flow(store.read_fields(IDS[0], [4])[0], find_full_px(store.read_fields(IDS[0]))).astype(int)
    assert np.abs(pictures[4, :40, 96:] - flow[:40]).mean() < 12


def test_frames_of_another_record_are_not_shown(folder, tmp_path):
    store = FlowStore(folder / "flow")
    with pytest.raises(FeatureError, match="is not there"):
        draw_clip(store, IDS[0], tmp_path)
    write_video(tmp_path / "records/a.mp4", range(30), speed=1)
    with pytest.raises(FeatureError, match="is another file"):
        write_flow_film(store, IDS[0], tmp_path, tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()


def test_the_fullest_colour_ignores_the_few_fastest_pixels():
    fields = np.zeros((1, 100, 100, 2))
    fields[..., 0] = 7
    fields[0, 0, :20] = 60
    assert find_full_px(fields) == 7
    assert find_full_px(fields / 100) == find_full_px(np.empty((0, 4, 4, 2))) == LEAST_FULL_PX
