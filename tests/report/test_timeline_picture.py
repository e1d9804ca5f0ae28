"""Timelines as SVG: well-formed, to scale, stacked where segments overlap, escaped."""

import re
from xml.etree import ElementTree

from finegym.report.timeline_picture import LANE, NAME_WIDTH, WIDTH, Row, Span, draw_timeline

SVG = "{http://www.w3.org/2000/svg}"


def read_rects(svg):
    return [
        (float(r.get("x")), float(r.get("y")), float(r.get("width")), r)
        for r in ElementTree.fromstring(svg).iter(f"{SVG}rect")
    ]


def test_spans_are_to_scale_and_overlapping_ones_in_lanes():
    rows = [Row("truth", [Span(0, 5, "a"), Span(5, 10, "b"), Span(4, 6, "c")]), Row("predicted", [])]
    rects = read_rects(draw_timeline(rows, 10, {"a": "#123456"}))
    scale = (WIDTH - NAME_WIDTH - 10) / 10
    assert [round(x - NAME_WIDTH, 1) for x, _, _, _ in rects] == [0, 5 * scale, 4 * scale]
    assert [round(width, 1) for _, _, width, _ in rects] == [5 * scale, 5 * scale, 2 * scale]
    tops = [y for _, y, _, _ in rects]
    assert tops[0] == tops[1] and tops[2] == tops[0] + LANE
    assert rects[0][3].get("fill") == "#123456"


def test_spans_are_cut_at_the_ends_and_never_vanish():
    rects = read_rects(draw_timeline([Row("r", [Span(-5, 30, "a"), Span(2, 2.0001, "b")])], 10, {}))
    assert rects[0][0] == NAME_WIDTH and rects[0][0] + rects[0][2] == WIDTH - 10
    assert rects[1][2] == 1


def test_kinds_differ_and_text_is_escaped():
    spans = [Span(0, 5, "<b> & co", kind) for kind in ("plain", "wrong", "missed", "ignored")]
    svg = draw_timeline([Row("a < b", spans)], 10, {})
    styles = {(r.get("fill"), r.get("stroke"), r.get("stroke-dasharray")) for _, _, _, r in read_rects(svg)}
    assert len(styles) == 4 and b"<b>" not in svg and b"&lt;b&gt; &amp; co" in svg


def test_axis_has_few_round_marks():
    for duration in (0.5, 3, 24, 100, 5000, 40_000):
        svg = draw_timeline([Row("r", [])], duration, {}).decode()
        marks = [float(mark) for mark in re.findall(r">([\d.]+) s</text>", svg)]
        assert 2 <= len(marks) <= 13 and marks[-1] <= duration
