"""``finegym evaluate`` of segments, moments and frame labels: text, JSON, page, and what flags permit."""

import json

import pytest
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.errors import AnnotationError, PredictionError


def run(verb, *arguments):
    result = CliRunner().invoke(app, ["evaluate", verb, *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def make_entry(record, *segments, subset="validation", ignored=()):
    return {
        "subset": subset,
        "duration": 20.0,
        "record": record,
        "annotations": [{"segment": [start, start + 2], "label": label} for start, label in segments],
        "ignored": [{"segment": [start, start + 2]} for start in ignored],
    }


@pytest.fixture
def files(tmp_path):
    """Three records; every segment is found exactly but one, and there is a false alarm in an ignored segment."""
    database = {
        "a1": make_entry("a", (0, "leap"), (4, "turn"), ignored=[10]),
        "a2": make_entry("a", (1, "leap")),
        "b1": make_entry("b", (2, "leap"), (8, "turn")),
        "c1": make_entry("c", (5, "turn")),
        "t1": make_entry("t", (5, "salto"), subset="training"),
    }
    taxonomy = [{"nodeId": name, "nodeName": f"a {name}", "parentId": None} for name in ("turn", "leap", "salto")]
    results = {
        video: [{"segment": a["segment"], "label": a["label"], "score": 0.5} for a in entry["annotations"]]
        for video, entry in database.items()
        if video not in ("t1", "c1")
    }
    results["a1"].append({"segment": [10, 12], "label": "turn", "score": 0.9})
    results["a1"].append({"segment": [10, 12], "label": "salto", "score": 0.9})
    truth = write(tmp_path / "truth.json", {"database": database, "taxonomy": taxonomy, "simulated": True})
    return write(tmp_path / "found.json", {"results": results}), truth


def test_localization_as_json(files, tmp_path):
    found, truth = files
    result = run("localization", found, "--ground-truth", truth, "--split", "validation", "--json", "--out",
                 tmp_path / "out.json")  # fmt: skip
    report = json.loads(result.stdout)
    assert json.loads((tmp_path / "out.json").read_text()) == report
    # Turns: the false alarm stands first, then two of three: (1/2 + 2/3) / 3, raised to (2/3 + 2/3) / 3.
    assert report["ap"] == {"turn": pytest.approx([4 / 9] * 10), "leap": [1.0] * 10}
    assert report["mAP"] == pytest.approx([13 / 18] * 10)
    assert report["average_mAP"] == pytest.approx(13 / 18, abs=1e-15)
    assert report["tiou_thresholds"][-1] == 0.95 and len(report["tiou_thresholds"]) == 10
    assert (report["num_videos"], report["num_records"], report["num_segments"]) == (4, 3, 6)
    assert (report["num_predictions"], report["num_evaluated"], report["num_other_labels"]) == (7, 6, 1)
    assert report["num_missing_videos"] == 1 and report["is_simulated"] is True
    assert report["diagnosis"]["num_missed"] == 1
    assert report["proposals"]["average_recall"][-1] == pytest.approx(5 / 6)
    low, high = (report["intervals"]["average_mAP"][edge] for edge in ("low", "high"))
    assert low < report["average_mAP"] < high or report["intervals"]["average_mAP"]["no_interval"]


def test_localization_as_text_and_page(files, tmp_path):
    found, truth = files
    page = tmp_path / "page.html"
    result = run("localization", found, "--ground-truth", truth, "--ignore-regions", "--tiou", 0.5, "--tiou", 0.7,
                 "--classes", "--resamples", 0, "--page", page)  # fmt: skip
    text = result.stdout
    assert "SIMULATED" in text and "average  83.33" in text and "a turn" in text and "intervals" not in text
    assert "evaluated 6 of 7 predictions, left out 1; 1 videos without a line" in text
    html = page.read_text(encoding="utf-8")
    assert html.count("timeline of ") == 4 and "simulated" in html and "4 timelines" in result.stderr
    run("localization", found, "--ground-truth", truth, "--page", page, "--page-records", 1)
    assert page.read_text(encoding="utf-8").count("timeline of ") == 2


def test_localization_refuses_what_no_flag_permits(files):
    found, truth = files
    content = json.loads(found.read_text())
    content["results"]["t1"] = [{"segment": [1, 2], "label": "leap", "score": 1}]
    content["results"]["a2"] += [{"segment": [3, 2], "label": "leap", "score": 1}]
    content["results"]["b1"] += [{"segment": [3, 99], "label": "flip", "score": "x"}]
    write(found, content)
    words = ["localization", found, "--ground-truth", truth]
    with pytest.raises(PredictionError) as caught:
        run(*words)
    options = ("--unknown-videos", "--unknown-labels", "--bad-segments", "--bad-scores", "--outside")
    assert all(option in str(caught.value) for option in options)
    permitted = [word for option in options for word in (option, "ignore")]
    report = json.loads(run(*words, "--json", *permitted).stdout)
    assert report["average_mAP"] == pytest.approx(13 / 18) and len(report["problems"]) == 6
    with pytest.raises(PredictionError, match="--missing-videos"):
        run(*words, *permitted, "--missing-videos", "error")
    with pytest.raises(AnnotationError, match="no video is in subset 'testing'"):
        run(*words, "--split", "testing")


def test_all_subsets_and_our_names_of_sides(files):
    found, truth = files
    words = ["localization", found, "--ground-truth", truth, "--json", "--resamples", 0]
    assert json.loads(run(*words, "--split", "val").stdout)["subset"] == "validation"
    assert json.loads(run(*words, "--split", "all").stdout)["num_videos"] == 5


def test_spotting(tmp_path):
    truth = [
        {"video": f"r{i}_E_000001_000009", "num_frames": 50, "events": [{"frame": 10, "label": "V"}]} for i in range(6)
    ]
    found = [{"video": v["video"], "events": [{"frame": 11 + d, "label": "V", "score": 0.9 - d / 10} for d in (0, 1)]}
             for v in truth]  # fmt: skip
    words = ["spotting", write(tmp_path / "f.json", found), "--ground-truth", write(tmp_path / "t.json", truth)]
    report = json.loads(run(*words, "--json").stdout)
    assert report["tolerances"] == [0, 1, 2] and report["mAP"] == [0, 1, 1] and report["num_suppressed"] == 0
    report = json.loads(run(*words, "--json", "--nms-window", 1, "--tolerance", 3).stdout)
    assert report["mAP"] == [1] and report["num_suppressed"] == 6 and report["ap"] == {"V": [1]}
    text = run(*words, "--classes").stdout
    assert "6 events of 1 classes in 6 videos of 6 records" in text and "evaluated 12 of 12 predictions" in text
    found[0]["events"][0]["label"] = "W"
    write(tmp_path / "f.json", found)
    with pytest.raises(PredictionError, match="--unknown-labels"):
        run(*words)
    (tmp_path / "labels.txt").write_text("V\nW\n")
    assert "1 predictions of labels without an event" in run(*words, "--labels", tmp_path / "labels.txt").stdout


def test_segmentation_of_folders(tmp_path):
    for folder in ("true", "found"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b"):
        (tmp_path / "true" / f"{name}.txt").write_text("background\nleap\nleap\nturn\n")
        (tmp_path / "found" / name).write_text("### Frame level recognition: ###\nbackground leap turn turn")
    words = ["segmentation", tmp_path / "found", "--ground-truth", tmp_path / "true"]
    report = json.loads(run(*words, "--json").stdout)
    values = {name: score["value"] for name, score in report["scores"].items()}
    assert values == {"frame_accuracy": 0.75, "edit": 1, "f1@10": 1, "f1@25": 1, "f1@50": 1}
    assert "evaluated 2 videos" in run(*words).stdout
    (tmp_path / "found" / "b").rename(tmp_path / "found" / "c")
    (tmp_path / "found" / "a").write_text("leap\nflip\n")
    with pytest.raises(PredictionError) as caught:
        run(*words)
    for fact in ("a has 2 frames, not 4", "flip", "1 unknown videos (c)", "1 videos without a file (b)"):
        assert fact in str(caught.value)


def test_segmentation_of_segments(files):
    found, truth = files
    words = ["segmentation", found, "--ground-truth", truth, "--fps", 2, "--json", "--min-score", 0.6]
    report = json.loads(run(*words, "--missing-videos", "ignore").stdout)
    # Four videos of 40 frames, six segments of 4 frames; the only prediction so sure is a false alarm of 4 frames.
    assert report["scores"]["frame_accuracy"]["value"] == pytest.approx((160 - 28) / 160)
    assert report["scores"]["f1@10"]["value"] == 0
    report = json.loads(run(*words[:-1], 0, "--missing-videos", "ignore").stdout)
    assert report["scores"]["f1@50"]["value"] == pytest.approx(2 * 5 / (6 + 6))
    with pytest.raises(PredictionError, match="--missing-videos"):
        run(*words)


def test_oracle(shared, tmp_path):
    result = run("oracle", shared / "finegym", "--frames", 1, "--figure", tmp_path / "o.svg", "--out",
                 tmp_path / "o.json", "--tiou", 0.5)  # fmt: skip
    assert "sub-actions, sets: 38,024 segments of 15 classes" in result.stdout
    assert (tmp_path / "o.svg").read_bytes().startswith(b"<?xml")
    study = json.loads((tmp_path / "o.json").read_text())
    assert study["tasks"][0]["rows"][0]["mAP"] == [1.0]
    assert run("oracle", shared / "finegym", "--figure", tmp_path / "o.pdf").exit_code == 2
