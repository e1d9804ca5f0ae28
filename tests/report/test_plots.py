import re
import xml.etree.ElementTree as ElementTree

import cv2
import matplotlib as mpl
import numpy as np
import pytest

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.statistics import compute_statistics
from finegym.annotations.subsets import find_subset
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.report.page import Picture
from finegym.report.plots import (
    COLOURS,
    Bar,
    Curve,
    draw_bars,
    draw_class_histogram,
    draw_confusion,
    draw_counts,
    draw_curves,
    draw_histogram,
    make_colours,
)
from finegym.report.statistics_plots import draw_statistics, write_plots

PLOTS = {
    "classes": lambda **o: draw_class_histogram([5, 0, 1, 1000], ["FX", "FX", "BB", "UB"], title="Classes", **o),
    "histogram": lambda **o: draw_histogram({"FX": [0.5, 1, 9], "BB": []}, x_label="duration (s)", x_max=4, **o),
    "counts": lambda **o: draw_counts({"FX": {1: 3, 4: 1}, "BB": {}}, x_label="sub-actions", **o),
    "curves": lambda **o: draw_curves(
        [Curve("train", [0, 1, 2], [1, 0.5, float("nan")]), Curve("val", [2], [0.7], [0.6], [0.8])],
        x_label="epoch",
        y_label="loss",
        log_y=True,
        **o,
    ),
    "bars": lambda **o: draw_bars(
        [Bar("TSN", 0.6, 0.5, 0.7, "RGB"), Bar("TRN", 0.7)], value_label="accuracy", chance=0.01, **o
    ),
    "confusion": lambda **o: draw_confusion(np.array([[3, 1], [0, 0]]), ["split", "ring"], boundaries=[1], **o),
    "big confusion": lambda **o: draw_confusion(np.eye(30, dtype=int), [str(i) for i in range(30)], **o),
    "nothing": lambda **o: draw_curves([], x_label="x", y_label="y", **o),
    "no classes": lambda **o: draw_class_histogram([0, 0], ["", ""], **o),
    "no values": lambda **o: draw_histogram({}, x_label="x", **o),
    "no counts": lambda **o: draw_counts({}, x_label="x", **o),
    "no bars": lambda **o: draw_bars([], value_label="x", **o),
}


def get_texts(svg):
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", PLOTS)
def test_svg_is_well_formed_repeatable_and_without_a_date(name):
    svg = PLOTS[name]()
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert svg == PLOTS[name]()
    assert b"dc:date" not in svg
    assert Picture(svg, "", "").source.startswith("data:image/svg+xml")


@pytest.mark.parametrize("name", ["classes", "histogram", "confusion"])
def test_png_is_a_picture(name):
    png = PLOTS[name](format="png")
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[0] > 200 and image.shape[1] > 300
    assert png == PLOTS[name](format="png")


def test_global_settings_of_matplotlib_stay():
    before = dict(mpl.rcParams)
    PLOTS["bars"]()
    assert dict(mpl.rcParams) == before


def test_classes_without_instances_are_counted_in_the_legend():
    texts = get_texts(PLOTS["classes"]())
    assert {"1 classes have none", "FX", "BB", "UB", "Classes", "instances (log scale)"} <= set(texts)


def count_paths(svg, colour):
    return len(re.findall(f"fill: {colour}".encode(), svg))


def test_each_class_with_instances_has_a_bar_in_the_colour_of_its_group():
    svg = draw_class_histogram([5, 0, 1, 1000, 7], ["FX", "FX", "BB", "UB", "FX"])
    # One more each for the legend.
    assert [count_paths(svg, colour) for colour in COLOURS[:4]] == [3, 2, 2, 0]


def test_values_beyond_the_axis_are_counted():
    assert {"FX (3, 1 beyond)", "BB (0)"} <= set(get_texts(PLOTS["histogram"]()))


def test_confusion_shows_counts_and_names_empty_rows():
    texts = get_texts(PLOTS["confusion"]())
    assert {"3", "1", "split", "ring (none)"} <= set(texts)
    assert "29" not in get_texts(PLOTS["big confusion"]())


def test_confusion_must_fit_its_names():
    with pytest.raises(AssertionError, match="2 names"):
        draw_confusion(np.eye(3), ["a", "b"])


def test_chance_and_groups_stand_in_the_legend():
    assert {"chance 0.01", "RGB", "TSN", "TRN"} <= set(get_texts(PLOTS["bars"]()))


def test_colours_follow_the_order_of_groups_and_repeat():
    assert make_colours(["b", "a", "b"]) == {"b": COLOURS[0], "a": COLOURS[1]}
    assert len(make_colours([str(i) for i in range(20)])) == 20


def make_dataset():
    codebook = Codebook(
        "c", "1", "s", (Event("FX", "floor"),), (Set("FX-S1", "FX", "leaps"),), (Element("1", "FX-S1", "leap"),), (), ()
    )
    subs = (SubAction("A_0000_0001", ((0, 1000),), "1"), SubAction("A_0002_0003", ((2000, 3000),), None))
    actions = (Action("E_000000_000009", "FX", 0, 9000, subs), Action("E_000010_000019", "FX", 10_000, 19_000, None))
    return Dataset(codebook, (Video("v", actions),))


@pytest.mark.parametrize(("subset", "actions", "subs"), [(None, 2, 2), ("FX", 1, 1)])
def test_plots_of_statistics_count_what_the_statistics_count(tmp_path, subset, actions, subs):
    dataset = make_dataset()
    chosen = find_subset(subset, dataset.codebook) if subset else None
    statistics = compute_statistics(dataset, chosen)
    plots = draw_statistics(dataset, statistics, chosen)
    assert f"FX ({actions})" in get_texts(plots["action-durations"])
    assert f"FX ({subs})" in get_texts(plots["sub-action-durations"])
    assert statistics.total.num_actions == actions
    paths = write_plots(plots, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    assert (tmp_path / "classes.svg").read_bytes() == plots["classes"]


def test_names_are_text_whatever_they_hold():
    svg = draw_curves([Curve("_hidden", [0], [1]), Curve("$5 & <b>", [0], [2])], x_label="x", y_label="y", log_y=True)
    texts = get_texts(svg)
    assert " _hidden" in texts or "_hidden" in texts
    assert "$5 & <b>" in texts
    assert not any("mathdefault" in text for text in texts)


def test_plots_of_an_empty_dataset():
    dataset = Dataset(make_dataset().codebook, ())
    assert len(draw_statistics(dataset, compute_statistics(dataset))) == 4
