"""Statistics and figures of a release, for the whole dataset and for every split."""

from __future__ import annotations

from dataclasses import dataclass, replace

from finegym.annotations.statistics import Statistics, compute_statistics
from finegym.annotations.statistics_text import format_statistics
from finegym.release.contents import Contents, format_json
from finegym.release.setting_splits import leave_out
from finegym.report.plots import draw_class_histogram
from finegym.report.statistics_plots import draw_statistics

FOLDER = "statistics"
WHOLE = "dataset"


@dataclass(frozen=True)
class ReleaseNumbers:
    """Statistics by what they count: ``dataset``, then every split's name (the instances in its lists)."""

    statistics: dict[str, Statistics]

    @property
    def whole(self) -> Statistics:
        """Of the whole dataset."""
        return self.statistics[WHOLE]


def compute_numbers(contents: Contents) -> ReleaseNumbers:
    """Count the dataset and its splits."""
    counted = {WHOLE: compute_statistics(contents.dataset)}
    for gated in contents.splits:
        split = gated.released.split
        others = contents.dataset.instances.keys() - split.train.keys() - split.val.keys()
        counted[split.name] = compute_statistics(leave_out(contents.dataset, others), split.subset)
    return ReleaseNumbers(counted)


def format_numbers(contents: Contents, numbers: ReleaseNumbers) -> dict[str, bytes]:
    """``statistics/``: JSON and text of each, figures if they are wanted."""
    files: dict[str, bytes] = {}
    simulated = "simulated: nobody filmed these records\n\n" if contents.source.is_simulated else ""
    for name, statistics in numbers.statistics.items():
        files[f"{FOLDER}/{name}.json"] = format_json(statistics.to_dict()).encode()
        files[f"{FOLDER}/{name}.txt"] = f"{simulated}{format_statistics(statistics)}\n".encode()
    if contents.settings.with_figures:
        whole = replace(numbers.whole, subset="simulated") if simulated else numbers.whole  # stands in the titles
        plots = draw_statistics(contents.dataset, whole)
        files |= {f"{FOLDER}/{WHOLE}-{stem}.svg": data for stem, data in plots.items()}
        for gated in contents.splits:
            split = gated.released.split
            files[f"{FOLDER}/{split.name}-classes.svg"] = _draw_classes(contents, numbers.statistics[split.name])
    return files


def _draw_classes(contents: Contents, statistics: Statistics) -> bytes:
    simulated = ", simulated" if contents.source.is_simulated else ""
    return draw_class_histogram(
        [class_.num_instances for class_ in statistics.classes],
        [class_.event_id for class_ in statistics.classes],
        title=f"Instances of every class ({statistics.subset}{simulated})",
    )
