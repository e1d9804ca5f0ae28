"""A run on one page: did it learn, was it fast, which classes does it know, which clips does it get wrong?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from finegym import __version__
from finegym.errors import ConfigError
from finegym.report.page import Code, Picture, Prose, Section, Table, write_page
from finegym.report.plots import Curve, draw_curves
from finegym.training.data import open_data
from finegym.training.recipe import Recipe
from finegym.training.recipe_text import format_recipe
from finegym.training.run_folder import RunFolder
from finegym.training.run_page_clips import judge_predictions, make_class_section, make_worst_section

MAX_POINTS = 300  # of a curve of steps; more are averaged
SHOWS_DATA = {"Learning", "Classes", "Worst clips"}
TRUTH_FOLDER = "truth"  # only simulated competitions have one

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PageTally:
    """What a page holds.

    Attributes:
        epochs: done.
        num_judged: instances with a prediction; 0 where there is no prediction file.
        num_worst: clips shown.
        unread: clips that could not be shown, each with the reason.
    """

    epochs: int
    num_judged: int
    num_worst: int
    unread: Mapping[str, str]


def write_run_page(
    run: RunFolder,
    recipe: Recipe,
    out: Path,
    *,
    predictions: Path | None = None,
    side: Literal["train", "val"] = "val",
    num_worst: int = 12,
) -> PageTally:
    """Write the page of a run.

    Args:
        run: with at least one finished epoch.
        recipe: the run's, perhaps with another ``data.dataset``.
        out: the HTML file.
        predictions: of the run; the run's own of this side by default. Where there are none the page says so.
        side: of the split that they are of.
        num_worst: clips of the highest loss that are shown.

    Raises:
        ConfigError: there is no run, it has no finished epoch, or the predictions asked for are not there.
        PredictionError: they are damaged or of something else.
        AnnotationError: the dataset is not where the recipe says.
    """
    facts, rows = run.read_facts(), run.read_metrics()
    last = run.read_last_epoch()
    path = run.predictions_path / f"{side}.parquet" if predictions is None else predictions
    if predictions is not None and not path.is_file():
        raise ConfigError(f"{path} does not exist. `finegym predict {run.path} --split {side}` writes predictions.")
    sections = [*_make_warnings(facts, last), _make_learning(rows), _make_speed(rows)]
    judged, unread, num_shown = None, dict[str, str](), 0
    if path.is_file():
        data = open_data(recipe.data)
        judged = judge_predictions(path, data, side)
        sections.append(make_class_section(judged, data, path, side))
        section, unread = make_worst_section(judged, data, recipe, num_worst)
        sections.append(section)
        num_shown = min(num_worst, len(judged.instance_ids)) - len(unread)
    elif "overfit" not in facts:
        command = f"finegym predict {run.path} --split {side}"
        sections.append(Section("Classes and clips", [Prose(f"No predictions yet: {path} is made by"), Code(command)]))
    sections += [_make_facts(facts, run), Section("Recipe", [Code(format_recipe(run.read_recipe()))])]
    simulated = (Path(recipe.data.dataset) / TRUTH_FOLDER).is_dir()
    write_page(
        out,
        f"Run {recipe.name}",
        [Section(s.title, s.blocks, "simulated" if simulated and s.title in SHOWS_DATA else "") for s in sections],
        lead=_describe_end(last, recipe, facts),
        footer=f"made by finegym {__version__} from {run.path}; trained by {facts.get('finegym')}, seed {recipe.seed}",
    )
    return PageTally(last["epoch"], 0 if judged is None else len(judged.instance_ids), num_shown, unread)


def _describe_end(last: Mapping[str, Any], recipe: Recipe, facts: Mapping[str, Any]) -> str:
    text = (
        f"{recipe.model.name} on {recipe.data.modality}, {len(facts['classes'])} classes, {facts['num_train']:,} "
        f"training instances; epoch {last['epoch']} of {recipe.schedule.epochs}: training loss "
        f"{last['train_loss']:.3f}, top-1 {100 * last['train_top1_accuracy']:.1f} %."
    )
    if "val_loss" in last:
        text += (
            f" Validation on {last['val_num_instances']:,} instances: loss {last['val_loss']:.3f}, top-1 "
            f"{100 * last['val_top1_accuracy']:.1f} %, mean class accuracy "
            f"{100 * last['val_mean_class_accuracy']:.1f} %."
        )
    return text


def _make_warnings(facts: Mapping[str, Any], last: Mapping[str, Any]) -> Iterator[Section]:
    """What a reader must know before any number."""
    if "overfit" in facts:
        count = facts["overfit"]["num_clips"]
        text = (
            f"An overfit test: {count} clips were to be learned by heart, and validation looks at the same. No result."
        )
        yield Section("Not a result", [Prose(text), *(Prose(line) for line in facts["overfit"]["odd_clips"])])
    left_out = {f"{side}: {key}": reason for side, keys in facts["left_out"].items() for key, reason in keys.items()}
    if left_out:
        yield Section("Left out", [Table(("instance", "reason"), list(left_out.items()), "instances without a clip")])
    if last.get("bad_clips"):
        rows = list(last["bad_clips"].items())
        yield Section(
            "Could not be read", [Table(("instance", "reason"), rows, "left out, as --max-bad-clips permits")]
        )


def _make_learning(rows: Rows) -> Section:
    steps, epochs = _split(rows)
    validated = [row for row in epochs if "val_loss" in row]
    loss = [_average("training, steps", steps, "loss"), _plot("validation", validated, "val_loss")]
    accuracy = [
        _plot("training (with crops, flips, dropout)", epochs, "train_top1_accuracy"),
        _plot("validation, top-1", validated, "val_top1_accuracy"),
        _plot("validation, mean class", validated, "val_mean_class_accuracy"),
    ]
    averaged = f"; {len(steps):,} steps averaged to {len(loss[0].x)} points" if len(loss[0].x) < len(steps) else ""
    rate = [_average("learning rate", steps, "learning_rate")]
    norm = [_average("gradient norm", steps, "gradient_norm")]
    return Section(
        "Learning",
        [
            _draw("Loss" + averaged, [c for c in loss if len(c.x)], "loss"),
            _draw("Accuracy by epoch", [c for c in accuracy if len(c.x)], "accuracy", 1.0),
            _draw("Learning rate", rate, "learning rate"),
            _draw("Norm of the gradient, before clipping", norm, "norm"),
        ],
    )


def _make_speed(rows: Rows) -> Section:
    _, epochs = _split(rows)
    seconds, clips = sum(row["seconds"] for row in epochs), sum(row["num_clips"] for row in epochs)
    waited = sum(row["share_waiting_for_data"] * row["seconds"] for row in epochs) / max(seconds, 1e-9)
    advice = (
        "More than 5 %: more data.workers help, if there are cores."
        if waited > 0.05
        else "The loader keeps the model busy."
    )
    text = (
        f"{clips:,} clips in {seconds:,.1f} s of training (validation not counted): {clips / max(seconds, 1e-9):.1f} "
        f"clips a second, {100 * waited:.1f} % of the time waiting for data. {advice}"
    )
    return Section(
        "Speed",
        [
            Prose(text),
            _draw("Throughput", [_plot("clips a second", epochs, "clips_per_second")], "clips / s"),
            _draw(
                "Share of training time waiting for data",
                [_plot("waiting", epochs, "share_waiting_for_data")],
                "share",
                1.0,
            ),
        ],
    )


def _make_facts(facts: Mapping[str, Any], run: RunFolder) -> Section:
    hidden = {"classes", "left_out", "weights", "overfit"}
    rows = [(key, _format_fact(value)) for key, value in facts.items() if key not in hidden]
    weights = facts.get("weights")
    if weights:
        rows.append(
            ("weights", f"{weights['source']}: {len(weights['used'])} keys used, {len(weights['ignored'])} not")
        )
    rows.append(("checkpoints", ", ".join(path.name for _, path in run.list_checkpoints()) or "none"))
    return Section("Facts", [Table(("fact", "value"), rows, "from run.json")])


def _format_fact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _split(rows: Rows) -> tuple[Rows, Rows]:
    return [row for row in rows if row["kind"] == "step"], [row for row in rows if row["kind"] == "epoch"]


def _plot(name: str, rows: Rows, key: str) -> Curve:
    return Curve(name, [row["step"] for row in rows], [row[key] for row in rows])


def _average(name: str, rows: Rows, key: str) -> Curve:
    """A curve of steps, averaged over equal parts where there are very many."""
    if not rows:
        return Curve(name, [], [])
    parts = np.array_split(np.arange(len(rows)), min(len(rows), MAX_POINTS))
    x = [float(np.mean([rows[i]["step"] for i in part])) for part in parts]
    return Curve(name, x, [float(np.mean([rows[i][key] for i in part])) for part in parts])


def _draw(caption: str, curves: Sequence[Curve], label: str, top: float | None = None) -> Picture:
    highest = max((max(curve.y) for curve in curves if len(curve.y)), default=1.0) if top is None else top
    data = draw_curves(curves, x_label="step", y_label=label, y_range=(0.0, 1.04 * highest or 1.0))
    names = ", ".join(curve.name for curve in curves)
    return Picture(data, caption, f"{label} over steps: {names}")
