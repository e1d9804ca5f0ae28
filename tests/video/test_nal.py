"""Which pictures may be left out: by hand-made NAL headers, and by decoding without them."""

import av
import numpy as np
import pytest
from numbered import write_numbered

from finegym.video.nal import ReferenceScan

AVCC = bytes([1, 100, 0, 31, 0xFF])  # lengths of four bytes
HVCC = bytes([1]) + bytes(20) + bytes([3]) + bytes(2)


def with_lengths(*units):
    return b"".join(len(unit).to_bytes(4) + unit for unit in units)


def with_start_codes(*units):
    return b"".join(b"\0\0\0\1" + unit for unit in units)


def h264(ref_idc, kind):
    return bytes([ref_idc << 5 | kind, 0x88, 0x84])


def hevc(kind, temporal_id):
    return bytes([kind << 1, temporal_id + 1, 0xAF])


@pytest.mark.parametrize(
    ("pack", "extradata"), [(with_lengths, AVCC), (with_start_codes, b""), (with_start_codes, None)]
)
def test_h264_pictures_are_marked_by_every_slice(pack, extradata):
    scan = ReferenceScan("h264", extradata)
    delimiter, sei = h264(0, 9), h264(0, 6)
    for units in (
        [delimiter, sei, h264(3, 5)],  # a key picture
        [h264(2, 1)],  # P
        [delimiter, h264(0, 1)],  # B that nothing refers to
        [h264(0, 1), h264(0, 1)],  # the same in two slices
        [h264(0, 1), h264(1, 1)],  # two fields, one of them for reference
        [sei],  # no picture at all
        [h264(0, 2), h264(0, 3)],  # data partitions
    ):
        scan.add(pack(*units))
    assert scan.find_disposable().tolist() == [False, False, True, True, False, False, True]


@pytest.mark.parametrize(("pack", "extradata"), [(with_lengths, HVCC), (with_start_codes, b"")])
def test_hevc_pictures_may_be_left_out_of_the_highest_layer_only(pack, extradata):
    scan = ReferenceScan("hevc", extradata)
    for unit in (hevc(19, 0), hevc(1, 0), hevc(0, 0), hevc(0, 1), hevc(1, 1), hevc(8, 1), hevc(9, 1)):
        scan.add(pack(hevc(35, 0), unit))
    # TRAIL_N of layer 0 may be referred to from layer 1; TRAIL_R, RASL_R never are left out.
    assert scan.find_disposable().tolist() == [False, False, False, True, False, True, False]


def test_hevc_pictures_below_a_layer_that_only_has_references_are_kept():
    scan = ReferenceScan("hevc", HVCC)
    for unit in (hevc(19, 0), hevc(0, 1), hevc(1, 2)):
        scan.add(with_lengths(unit))
    assert not scan.find_disposable().any()


def test_pictures_of_other_codecs_are_never_left_out():
    scan = ReferenceScan("vp9", None)
    scan.add(b"\x82\x49\x83")
    assert scan.find_disposable().tolist() == [False]


def test_short_lengths_are_read_from_the_configuration():
    scan = ReferenceScan("h264", bytes([1, 100, 0, 31, 0xFD]))
    scan.add(len(h264(0, 1)).to_bytes(2) + h264(0, 1))
    assert scan.find_disposable().tolist() == [True]


def test_a_truncated_packet_is_no_reason_to_fail():
    scan = ReferenceScan("h264", AVCC)
    for packet in (b"", b"\0\0", b"\0\0\0\xff\x01", b"\0\0\0\0"):
        scan.add(packet)
    assert len(scan.find_disposable()) == 4


@pytest.mark.parametrize(
    "options",
    [
        {"codec": "libx264", "options": {"x264-params": "keyint=30:bframes=5:b-pyramid=normal:b-adapt=0"}},
        {"codec": "libx264", "options": {"x264-params": "keyint=30:bframes=3:tff=1:b-adapt=0"}},
        {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=30:bframes=4:b-adapt=0"}},
        {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=30:temporal-layers=1"}},
    ],
    ids=["h264-pyramid", "h264-interlaced", "hevc-pyramid", "hevc-layers"],
)
def test_leaving_pictures_out_changes_no_other_picture(tmp_path, options):
    """Against decoding everything, bit by bit."""
    path = write_numbered(tmp_path / "a.mp4", 60, size=(192, 128), **options)
    with av.open(str(path)) as container:
        whole = {frame.pts: frame.to_ndarray() for frame in container.decode(video=0)}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        scan = ReferenceScan(stream.codec_context.name, stream.codec_context.extradata)
        for packet in packets:
            scan.add(bytes(packet))
        disposable = scan.find_disposable()
        kept = [packet for packet, skip in zip(packets, disposable, strict=True) if not skip]
        frames = [frame for packet in kept for frame in packet.decode()] + stream.codec_context.decode(None)
    assert 10 < disposable.sum() < 50
    assert len(frames) == len(kept)
    for frame in frames:
        np.testing.assert_array_equal(frame.to_ndarray(), whole[frame.pts])
