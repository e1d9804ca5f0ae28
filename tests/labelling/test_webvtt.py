"""WebVTT out and back, and what is refused."""

import pytest
from labelling_world import make_codebook

from finegym.annotations.model import Action, SubAction, Video
from finegym.annotations.webvtt import format_webvtt, parse_webvtt
from finegym.errors import AnnotationError

VIDEO = Video(
    "rec",
    (
        Action(
            "E_000002_000012",
            "BB",
            2000,
            12_040,
            (
                SubAction("A_0000_0001", ((2400, 3600),), "t2", "BB-S1"),
                SubAction("A_0001_0003", ((3600, 5200),), None, "BB-S2"),
                SubAction("A_0004_0005", ((6000, 7001),)),
            ),
        ),
        Action(
            "E_000012_000016",
            "VT",
            12_800,
            16_000,
            (SubAction("A_0000_0002", ((13_200, 13_800), (13_800, 14_800), (14_800, 15_600)), "v2", "VT-S1"),),
        ),
        Action("E_003600_003661", "BB", 3_600_000, 3_661_001, None),
    ),
)


def test_what_is_written_is_read_back():
    assert parse_webvtt(format_webvtt(VIDEO, make_codebook()), "rec", make_codebook()) == VIDEO


def test_the_text_by_hand():
    text = format_webvtt(VIDEO, make_codebook())
    assert text.startswith("WEBVTT\n\nNOTE record rec, codebook tiny 1\n\n")
    assert "\n\nE_000002_000012_A_0000_0001\n00:00:02.400 --> 00:00:03.600\nt2 full turn, tucked\n\n" in text
    assert "\n\nE_000012_000016_A_0000_0002_stage_2\n00:00:13.800 --> 00:00:14.800\n- stage 2\n\n" in text
    assert "E_003600_003661\n01:00:00.000 --> 01:01:01.001\nBB balance beam\n" in text


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("VTT\n", "expected WEBVTT"),
        ("WEBVTT\n\nchapter\n00:00:01.000 --> 00:00:02.000\nBB\n", "identifier"),
        ("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nBB\n", "identifier"),
        ("WEBVTT\n\nE_000001_000002\n00:00:01.000 --> 00:00:02.000\nXX\n", "no event"),
        ("WEBVTT\n\nE_000001_000002\n00:00:02.000 --> 00:00:02.000\nBB\n", "end must exceed"),
        ("WEBVTT\n\nE_000001_000002_A_0000_0001\n00:00:01.000 --> 00:00:02.000\nt1\n", "not in the file"),
        (
            "WEBVTT\n\nE_000001_000002\n00:00:01.000 --> 00:00:02.000\nBB\n\n"
            "E_000001_000002_A_0000_0001\n00:01.000 --> 00:02.000\nt9\n",
            "no set or element",
        ),
        ("WEBVTT\n\nE_000001_000002_A_0000_0001_stage_1\n00:01.000 --> 00:02.000\n-\n", "before its sub-action"),
    ],
)
def test_what_would_be_lost_is_refused(text, fact):
    with pytest.raises(AnnotationError, match=fact):
        parse_webvtt(text, "rec", make_codebook())


def test_text_is_escaped():
    codebook = make_codebook()
    video = Video("a<b>&--", (Action("E_000001_000002", "BB", 1000, 2000, ()),))
    assert "NOTE record a&lt;b&gt;&amp;--" in format_webvtt(video, codebook)
