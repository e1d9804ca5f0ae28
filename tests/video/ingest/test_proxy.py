"""Proxies: every frame is the record's frame that the map says, in sync with the sound, and made for browsers."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from numbered import draw_number, read_number, read_numbers, write_numbered

from finegym.errors import OutputError, VideoError
from finegym.video.decoding import find_damaged_frames
from finegym.video.index_cache import read_index
from finegym.video.ingest.chunks import Chunk, make_chunks
from finegym.video.ingest.filmstrip import write_filmstrip
from finegym.video.ingest.proxy import GOP, read_proxy_map, write_proxy
from finegym.video.ingest.work_items import write_views
from finegym.video.reader import VideoReader
from finegym.workspace import Workspace


def write_with_clicks(path, *, seconds=6, clicks=(1.0, 3.5), start_s=0.0, audio_start_s=0.0, rate=44100):
    """A numbered video with a click of 5 ms in its sound at some times (of the video)."""
    samples = np.zeros(round(seconds * rate), np.float32)
    for click in clicks:
        place = round((click - audio_start_s) * rate)
        samples[place : place + rate // 200] = 0.9
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        audio = container.add_stream("aac", rate=rate, layout="mono")
        for number in range(round(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(draw_number(number, 320, 180), format="rgb24")
            frame.pts, frame.time_base = number + round(start_s * 25), Fraction(1, 25)
            container.mux(video.encode(frame))
        for place in range(0, len(samples) - 1024, 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, place : place + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = place + round((start_s + audio_start_s) * rate)
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def find_clicks(path):
    """Seconds at which the sound of a file jumps up, on its own clock."""
    times = []
    with av.open(str(path)) as container:
        quiet_since = -1.0
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()).max(0) > 0.4)
            for place in loud:
                time = float(frame.pts * frame.time_base) + place / frame.sample_rate
                if time - quiet_since > 0.1:
                    times.append(time)
                quiet_since = time
    return times


def list_boxes(path):
    """Names of the top-level boxes of an MP4, in order."""
    data, place, names = path.read_bytes(), 0, []
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        names.append(name.decode())
        place += size
    return names


def read_all(path):
    with av.open(str(path)) as container:
        return [(frame.pts * frame.time_base, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def check_map(record, proxy):
    """Every frame of the proxy shows the number that its map says, at the time that its map says."""
    made = read_proxy_map(proxy.with_suffix(".npz"))
    index = read_index(record)
    shown = read_all(proxy)
    assert [read_number(picture) for _, picture in shown] == made.frames.tolist()
    assert shown[0][0] == 0
    assert made.pts.tolist() == index.pts[made.frames].tolist() and made.time_base == index.time_base
    assert [float(time) for time, _ in shown] == pytest.approx(made.times_s, abs=1e-9)
    for time, picture in shown[::7]:
        assert made.find_record_frame(round(float(time), 6)) == read_number(picture)
    return made


def test_proxies_of_a_record_hold_every_frame_once_per_chunk(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 200, size=(320, 180))
    seen = []
    for chunk in make_chunks(0, 8000, length_ms=3000, overlap_ms=1000):
        out = tmp_path / f"proxy-{chunk.number:03d}.mp4"
        write_proxy(record, chunk, out, short_side=90)
        made = check_map(record, out)
        assert (made.height, made.width, made.has_audio) == (90, 160, False)
        assert made.frames.tolist() == list(range(chunk.start_ms // 40, min(200, chunk.end_ms // 40)))
        seen += made.frames.tolist()
    assert set(seen) == set(range(200))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_variable_rate_and_late_start_are_kept(tmp_path, suffix):
    times = (5000 + np.cumsum(np.tile([20, 60, 33], 30))).tolist()
    record = write_numbered(tmp_path / f"a{suffix}", 90, size=(320, 180), times=times, rate=1000)
    write_proxy(record, Chunk(number=0, start_ms=6000, end_ms=7500), tmp_path / "p.mp4")
    made = check_map(record, tmp_path / "p.mp4")
    inside = [number for number, time in enumerate(times) if 6000 <= time < 7500]
    assert made.frames.tolist() == inside
    assert np.diff(made.times_s * 1000) == pytest.approx(np.diff([times[number] for number in inside]))


def test_29_97_frames_a_second_and_turned_records(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 90, size=(320, 180), rate=Fraction(30000, 1001))
    write_proxy(record, Chunk(number=0, start_ms=0, end_ms=2000), tmp_path / "p.mp4")
    check_map(record, tmp_path / "p.mp4")
    turned = write_numbered(
        tmp_path / "t.mp4", 20, size=(320, 180), matrix=(0, 1, -1, 0), prepare=lambda picture: np.rot90(picture, 1)
    )
    write_proxy(turned, Chunk(number=0, start_ms=0, end_ms=800), tmp_path / "tp.mp4")
    made = check_map(turned, tmp_path / "tp.mp4")
    assert (made.width, made.height) == (320, 180)


def test_a_proxy_is_made_for_browsers(tmp_path):
    record = write_with_clicks(tmp_path / "a.mp4")
    write_proxy(record, Chunk(number=0, start_ms=1000, end_ms=5000), tmp_path / "p.mp4")
    boxes = list_boxes(tmp_path / "p.mp4")
    assert boxes.index("moov") < boxes.index("mdat")
    with av.open(str(tmp_path / "p.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert "Baseline" in video.codec_context.profile
        assert (audio.codec_context.name, audio.codec_context.profile) == ("aac", "LC")
        packets = [packet for packet in container.demux(video) if packet.size]
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == list(range(0, 100, GOP))
    assert all(packet.pts == packet.dts for packet in packets), "no B-frames"


@pytest.mark.parametrize("start_s", [0.0, 2.0])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_is_in_sync(tmp_path, suffix, start_s):
    record = write_with_clicks(tmp_path / f"a{suffix}", start_s=start_s)
    # Shown at 1 s and 3.5 s of the video; the proxy begins at 0.52 s of it.
    chunk = Chunk(number=0, start_ms=round(1000 * start_s) + 520, end_ms=round(1000 * start_s) + 5000)
    made = write_proxy(record, chunk, tmp_path / "p.mp4")
    assert made.frames[0] == 13 and made.has_audio and made.missing_audio_ms == 0
    assert find_clicks(tmp_path / "p.mp4") == pytest.approx([0.48, 2.98], abs=0.004)


def test_sound_that_begins_late_and_ends_early_is_filled_up_and_counted(tmp_path):
    record = write_with_clicks(tmp_path / "a.mkv", seconds=4, clicks=(2.5,), audio_start_s=1.0, rate=48000)
    whole = Chunk(number=0, start_ms=0, end_ms=4000)
    made = write_proxy(record, whole, tmp_path / "p.mp4")
    assert made.missing_audio_ms == pytest.approx(1000, abs=30)
    assert find_clicks(tmp_path / "p.mp4") == pytest.approx([2.5], abs=0.004)


def test_a_proxy_that_is_there_is_kept_and_one_that_does_not_fit_is_made_again(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 60, size=(320, 180))
    chunk, out = Chunk(number=0, start_ms=0, end_ms=2000), tmp_path / "p.mp4"
    write_proxy(record, chunk, out)
    stamp = out.stat().st_mtime_ns
    write_proxy(record, chunk, out)
    assert out.stat().st_mtime_ns == stamp
    write_proxy(record, chunk, out, short_side=90)
    assert out.stat().st_mtime_ns != stamp and read_proxy_map(out.with_suffix(".npz")).height == 90
    out.write_bytes(out.read_bytes()[:-100])  # as a full disk leaves it
    write_proxy(record, chunk, out, short_side=90)
    check_map(record, out)
    out.with_suffix(".npz").unlink()  # as a run that was killed between the two leaves it
    write_proxy(record, chunk, out, short_side=90)
    check_map(record, out)


def test_the_same_record_gives_the_same_bytes(tmp_path):
    record = write_with_clicks(tmp_path / "a.mp4", seconds=2, clicks=(1.0,))
    for name in ("p.mp4", "q.mp4"):
        write_proxy(record, Chunk(number=0, start_ms=0, end_ms=2000), tmp_path / name)
    assert (tmp_path / "p.mp4").read_bytes() == (tmp_path / "q.mp4").read_bytes()


def test_frames_that_do_not_decode_are_left_out_and_named(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 60, size=(320, 180), options={"x264-params": "bframes=0:keyint=10"})
    index = read_index(record)
    with av.open(str(record)) as container:
        packets = {packet.pts: (packet.pos, packet.size) for packet in container.demux(video=0) if packet.size}
    position, size = packets[int(index.pts[25])]
    data = bytearray(record.read_bytes())
    data[position + 4 : position + size] = bytes([0xFF] * (size - 4))
    record.write_bytes(data)
    made = write_proxy(record, Chunk(number=0, start_ms=0, end_ms=2400), tmp_path / "p.mp4")
    assert 25 in made.left_out and set(made.left_out) <= set(range(25, 30))
    assert sorted([*made.frames, *made.left_out]) == list(range(60))
    check_map(record, tmp_path / "p.mp4")


def damage(record, numbers):
    """Overwrite what frames are decoded from, behind length and header."""
    index, data = read_index(record), bytearray(record.read_bytes())
    for number in numbers:
        position, size = int(index.position[number]), int(index.packet_bytes[number])
        data[position + 5 : position + size] = bytes((73 * place + 11) & 255 for place in range(size - 5))
    record.write_bytes(data)


def test_many_lost_frames_in_a_row_leave_a_proxy_of_the_others(tmp_path, monkeypatch):
    """Each lost frame that is asked for costs its group again: after the first, only those that decode are."""
    options = {"x264-params": "bframes=0:keyint=400:min-keyint=400:scenecut=0"}
    record = write_numbered(tmp_path / "a.mp4", 850, size=(160, 90), options=options)
    damage(record, [410])
    asked, passes = [], []
    iterate = VideoReader.iterate_frames
    monkeypatch.setattr(
        VideoReader, "iterate_frames", lambda self, *run, **how: asked.append(run) or iterate(self, *run, **how)
    )
    find = lambda index: passes.append(1) or find_damaged_frames(index)  # noqa: E731
    made = write_proxy(record, Chunk(number=0, start_ms=8000, end_ms=34_000), tmp_path / "p.mp4", find_damaged=find)
    assert len(passes) == 1 and len(asked) <= 3
    assert made.left_out[0] == 410 and len(made.left_out) > 250
    assert sorted([*made.frames, *made.left_out]) == [*range(200, 850)]
    assert set(made.frames) >= {*range(200, 410), *range(800, 850)}
    check_map(record, tmp_path / "p.mp4")


def test_the_chunks_of_a_record_look_for_damage_once(tmp_path, monkeypatch):
    options = {"x264-params": "bframes=0:keyint=25:scenecut=0"}
    record = write_numbered(tmp_path / "a.mp4", 200, size=(160, 90), options=options)
    damage(record, [30, 110, 160])
    passes = []
    monkeypatch.setattr(
        "finegym.video.ingest.work_items.find_damaged_frames",
        lambda index: passes.append(1) or find_damaged_frames(index),
    )
    chunks = make_chunks(0, 8000, length_ms=2000, overlap_ms=0)
    workspace = Workspace(tmp_path / "gym")
    assert write_views("a", record, "x", chunks, workspace) == [] and len(passes) == 1
    for chunk in chunks:
        made = check_map(record, workspace.get_chunk_file("a", "proxy", chunk.number, ".mp4"))
        assert len(made.frames) + len(made.left_out) == 50


def test_wrong_requests_leave_nothing_behind(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 25, size=(320, 180))
    with pytest.raises(VideoError, match="outside"):
        write_proxy(record, Chunk(number=0, start_ms=5000, end_ms=6000), tmp_path / "out" / "p.mp4")
    with pytest.raises(OutputError, match="even"):
        write_proxy(record, Chunk(number=0, start_ms=0, end_ms=900), tmp_path / "out" / "p.mp4", short_side=91)
    with pytest.raises(VideoError, match="no such file"):
        write_proxy(tmp_path / "b.mp4", Chunk(number=0, start_ms=0, end_ms=9), tmp_path / "p.mp4", record_sha256="x")
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_filmstrips_show_the_frames_that_they_name(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 200, size=(320, 180))
    chunk = Chunk(number=0, start_ms=1000, end_ms=7000)
    proxy = tmp_path / "proxy-000.mp4"
    write_proxy(record, chunk, proxy)
    for source, name in ((None, "exact.jpg"), (proxy, "quick.jpg")):
        tiles = write_filmstrip(record, chunk, tmp_path / name, proxy=source, step_ms=500)
        assert len(tiles) == 12
        sheet = read_picture(tmp_path / name)
        for tile in tiles:
            x, y, width, height = tile.box
            assert read_number(sheet[y : y + height, x : x + width]) == tile.frame
            assert tile.time_ms == 40 * tile.frame
            distance = abs(tile.time_ms - tile.start_ms)
            assert distance < 40 if source is None else distance <= 1000 * GOP / 25 / 2


def read_picture(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_filmstrips_name_times_and_boxes_in_webvtt(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 100, size=(320, 180))
    write_filmstrip(record, Chunk(number=0, start_ms=0, end_ms=4000), tmp_path / "filmstrip-000.jpg")
    lines = (tmp_path / "filmstrip-000.vtt").read_text().splitlines()
    assert lines[0] == "WEBVTT"
    assert lines[4:] == [
        "frame 0 at 0 ms",
        "00:00:00.000 --> 00:00:02.000",
        "filmstrip-000.jpg#xywh=0,0,160,90",
        "",
        "frame 50 at 2000 ms",
        "00:00:02.000 --> 00:00:04.000",
        "filmstrip-000.jpg#xywh=160,0,160,90",
    ]


def test_long_filmstrips_have_several_sheets(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 320, size=(320, 180))
    tiles = write_filmstrip(record, Chunk(number=0, start_ms=0, end_ms=12800), tmp_path / "f.jpg", step_ms=40)
    assert [tile.sheet for tile in tiles] == ["f.jpg"] * 300 + ["f-1.jpg"] * 20
    x, y, width, height = tiles[-1].box
    assert read_number(read_picture(tmp_path / "f-1.jpg")[y : y + height, x : x + width]) == 319


def test_a_filmstrip_of_a_proxy_that_is_not_there_is_refused(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 25, size=(320, 180))
    chunk = Chunk(number=0, start_ms=0, end_ms=1000)
    with pytest.raises(VideoError, match="Make the proxy again"):
        write_filmstrip(record, chunk, tmp_path / "f.jpg", proxy=tmp_path / "p.mp4")


def test_the_map_finds_record_frames_that_the_reader_gives(tmp_path):
    record = write_numbered(tmp_path / "a.mp4", 100, size=(320, 180), rate=Fraction(30000, 1001))
    made = write_proxy(record, Chunk(number=0, start_ms=1000, end_ms=3000), tmp_path / "p.mp4")
    wanted = [made.find_record_frame(seconds) for seconds in (0.0, 0.033367, 1.001)]
    with VideoReader(record) as reader:
        assert read_numbers(reader.read_frames(wanted)) == wanted == [30, 31, 60]
