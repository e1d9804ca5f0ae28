"""Dots with intervals: everything that is known is drawn, nothing else, at a width that a phone shows."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from finegym.report.dot_plot import NARROW, Dots, draw_dots

NAN = float("nan")


def draw(**options):
    rows = ["a leap", "a question that is so long that it does not fit on one line: does she turn, and how often?"]
    series = [Dots("TSN", [10.0, NAN], [5.0, NAN], [20.0, NAN]), Dots("_TRN", [30.0, 40.0])]
    return draw_dots(rows, series, value_label="accuracy (%)", line_at=50, line_label="chance", **options)


def test_names_and_legend_are_there_and_text_stays_text():
    root = ElementTree.fromstring(draw())
    text = " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert all(word in text for word in ("a leap", "how often?", "TSN", "_TRN", "chance", "accuracy (%)"))
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(72 * NARROW)


def test_what_is_not_known_is_not_drawn():
    colours = [len(re.findall(f"stroke: {colour}", draw().decode())) for colour in ("#0072b2", "#d55e00")]
    both = draw_dots(["x"], [Dots("TSN", [1.0]), Dots("TRN", [NAN])], value_label="v").decode()
    only = draw_dots(["x"], [Dots("TSN", [NAN]), Dots("TRN", [NAN])], value_label="v").decode()
    assert min(colours) > 0 and both.count("#0072b2") > only.count("#0072b2")


def test_the_same_values_give_the_same_bytes_and_png_is_possible():
    assert draw() == draw()
    assert draw(format="png")[:4] == b"\x89PNG"


def test_a_value_a_row_is_needed():
    with pytest.raises(AssertionError, match="a value a row"):
        draw_dots(["x", "y"], [Dots("TSN", [1.0])], value_label="v")
