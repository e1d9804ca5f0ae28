import json
import pickle

import av
import numpy as np
import pytest

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.datasets.films import CachedFilms, Film, FollowedFilms, RecordFilms, StoreFilms, Stretch
from finegym.datasets.following import crop_along, find_path
from finegym.errors import VideoError
from finegym.video.store.build import build_store, make_settings

FILM = Film(first_frame=10, times_ms=(-40, 0, 40, 80), end_ms=120, width=4, height=2, origin="none")


@pytest.fixture
def record(tmp_path):
    """A record of 50 grey frames at 25 fps; frame i has the brightness 5 i."""
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            picture = np.full((48, 64, 3), 5 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


class CountingFilms(RecordFilms):
    num_reads = 0

    def read(self, stretch, frames):
        CountingFilms.num_reads += 1
        return super().read(stretch, frames)


def see_numbers(frames):
    return np.rint(frames.mean(axis=(1, 2, 3)) / 5).astype(int).tolist()


def test_a_film_is_the_frames_of_its_stretch_and_of_the_time_around_it(record):
    stretch = Stretch("s", record, 400, 800)
    plain, padded = RecordFilms(short_side=24), RecordFilms(short_side=24, pad_ms=100)
    assert plain.get_film(stretch).first_frame == 10
    assert plain.get_film(stretch).times_ms == tuple(range(0, 400, 40))
    assert plain.get_film(stretch).end_ms == 400
    assert padded.get_film(stretch).first_frame == 8
    assert padded.get_film(stretch).times_ms == tuple(range(-80, 500, 40))
    assert see_numbers(plain.read(stretch, np.array([0, 9, 3]))) == [10, 19, 13]
    assert see_numbers(padded.read(stretch, np.array([0, 2]))) == [8, 10]
    assert plain.read(stretch, np.array([1])).shape == (1, 24, 32, 3)
    assert plain.get_film(stretch).fps == pytest.approx(25)


def test_time_around_a_stretch_ends_with_the_record(record):
    film = RecordFilms(short_side=24, pad_ms=5000).get_film(Stretch("s", record, 400, 2000))
    assert (film.first_frame, film.num_frames, film.times_ms[0], film.end_ms) == (0, 50, -400, 1600)


def test_moments_find_frames_and_frames_find_times():
    assert FILM.find_frames(np.array([-100, 0, 1, 40, 80, 81, 120])).tolist() == [0, 1, 2, 2, 3, 4, 4]
    assert FILM.find_times(np.array([0, 1, 4])).tolist() == [-40, 0, 120]


def test_what_is_missing_is_said(record, tmp_path):
    films = CachedFilms(RecordFilms(short_side=24), tmp_path)
    assert films.find_missing(Stretch("s", record, 0, 100)) == ""
    assert "no file" in films.find_missing(Stretch("s", None, 0, 100))
    assert "does not exist" in films.find_missing(Stretch("s", tmp_path / "gone.mp4", 0, 100))


def test_a_stretch_outside_of_its_record_is_an_error(record):
    with pytest.raises(VideoError, match="outside the video"):
        RecordFilms(short_side=24).get_film(Stretch("s", record, 5000, 6000))


def test_kept_films_are_decoded_once(record, tmp_path):
    stretch = Stretch("odd/name", record, 400, 800)
    films = CachedFilms(CountingFilms(short_side=24), tmp_path / "kept")
    expected = RecordFilms(short_side=24).read(stretch, np.arange(10))
    assert films.prepare(stretch) and not films.prepare(stretch)
    np.testing.assert_array_equal(films.read(stretch, np.arange(10)), expected)
    copy = pickle.loads(pickle.dumps(films))
    np.testing.assert_array_equal(copy.read(stretch, np.array([3])), expected[[3]])
    assert CountingFilms.num_reads == 1


def test_kept_films_of_other_frames_are_decoded_again(record, tmp_path):
    folder, stretch = tmp_path / "kept", Stretch("s", record, 400, 800)
    CachedFilms(RecordFilms(short_side=24), folder).prepare(stretch)
    assert CachedFilms(RecordFilms(short_side=20), folder).prepare(stretch)
    assert CachedFilms(RecordFilms(short_side=20), folder).read(stretch, np.array([0])).shape == (1, 20, 26, 3)
    assert CachedFilms(RecordFilms(short_side=20), folder).prepare(Stretch("s", record, 400, 840))
    (facts,) = folder.glob("*.json")
    assert json.loads(facts.read_text())["first_frame"] == 10


def test_films_of_a_clip_store_are_those_of_the_record(record, tmp_path):
    action = Action("E_000000_000002", "BB", 400, 1600, (SubAction("A_0000_0001", ((500, 800),)),))
    dataset = Dataset(Codebook("none", "1", "diving", (), (), (), (), {}), (Video("v", (action,), record.name),))
    stretch = Stretch("v_E_000000_000002", record, 400, 1600)
    settings = make_settings(unit="action", fast=True, short_side=48)
    build_store(dataset, record.parent, tmp_path / "actions", settings, show_progress=False)
    stored, plain = StoreFilms(tmp_path / "actions", short_side=24), RecordFilms(short_side=24)
    assert stored.get_film(stretch).times_ms == plain.get_film(stretch).times_ms
    assert stored.get_film(stretch).first_frame == plain.get_film(stretch).first_frame
    assert see_numbers(stored.read(stretch, np.array([0, 7]))) == [10, 17]
    assert stored.find_missing(stretch) == ""
    assert "not in the clip store" in stored.find_missing(Stretch("other", record, 400, 1600))
    settings = make_settings(fast=True, short_side=48)
    build_store(dataset, record.parent, tmp_path / "sub-actions", settings, show_progress=False)
    with pytest.raises(VideoError, match="expected of actions"):
        StoreFilms(tmp_path / "sub-actions", short_side=24)


def test_followed_films_are_squares_around_the_path(record, tmp_path):
    stretch = Stretch("s", record, 400, 800)
    plain = RecordFilms(short_side=24)
    followed = FollowedFilms(plain, 16)
    frames = plain.read(stretch, np.arange(10))
    expected = crop_along(frames, find_path(frames), 16)
    np.testing.assert_array_equal(followed.read(stretch, np.array([7, 2])), expected[[7, 2]])
    film = followed.get_film(stretch)
    assert (film.height, film.width, film.num_frames) == (16, 16, 10)
    kept = CachedFilms(followed, tmp_path)
    assert kept.prepare(stretch) and not kept.prepare(stretch)
    np.testing.assert_array_equal(kept.read(stretch, np.arange(10)), expected)
    assert CachedFilms(plain, tmp_path).prepare(stretch)  # the same frames, not followed, are others
