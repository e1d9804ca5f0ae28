"""``finegym annotations stats | subset | split | audit``: thin skins, added to the noun in ``cli.annotations``."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finegym.annotations.text import format_count

if TYPE_CHECKING:
    from finegym.annotations.source import Source
    from finegym.annotations.split_generator import GeneratedSplit


class PlotFormat(StrEnum):
    """How plots are written."""

    svg = "svg"
    png = "png"


class Setting(StrEnum):
    """Which classes a new split keeps."""

    balanced = "balanced"
    long_tailed = "long-tailed"


DatasetArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DATASET",
        help="A dataset folder, a folder of official FineGym files, or a folder of clips (a class a subfolder).",
    ),
]
SubsetOption = Annotated[
    str | None,
    typer.Option("--subset", metavar="NAME", help="Only this subset: gym99, FX, UB-S1, set, gym99/FX …"),
]
OfficialOption = Annotated[
    Path | None,
    typer.Option("--official", metavar="DIR", help="Where FineGym's category files are, for gym99 and gym288."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
GroupPatternOption = Annotated[
    str | None,
    typer.Option(
        "--group-pattern",
        metavar="REGEX",
        help="Clips only: finds, in the file name, the recording a clip comes from, such as `_(g\\d+)_`.",
    ),
]
MinInstancesOption = Annotated[
    int, typer.Option("--min-instances", min=0, help="Only classes with so many instances or more.")
]


def stats(
    dataset: DatasetArgument,
    subset: SubsetOption = None,
    plots: Annotated[
        Path | None, typer.Option("--plots", metavar="DIR", help="Also write the plots to this folder.")
    ] = None,
    plot_format: Annotated[PlotFormat, typer.Option("--format", help="How plots are written.")] = PlotFormat.svg,
    official: OfficialOption = None,
    group_pattern: GroupPatternOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count everything: the paper's Table 1, durations, sub-actions per action, coverage, classes.

    With `--subset` only its instances count, the actions that they are in and the videos of those.

    **Example**: `finegym annotations stats official/ --subset gym99 --plots plots/`
    """
    from finegym.annotations.choosing import choose_subset
    from finegym.annotations.statistics import compute_statistics
    from finegym.annotations.statistics_text import format_statistics

    source = _open(dataset, group_pattern)
    chosen = choose_subset(source, subset, official) if subset else None
    statistics = compute_statistics(source.dataset, chosen)
    if plots is not None:
        from finegym.report.statistics_plots import draw_statistics, write_plots

        drawn = draw_statistics(source.dataset, statistics, chosen, plot_format.value)
        written = write_plots(drawn, plots, plot_format.value)
        typer.echo(f"{format_count(len(written), 'plot')} written to {plots}", err=True)
    if as_json:
        _print_json({"dataset": str(dataset), **statistics.to_dict()})
    else:
        typer.echo(format_statistics(statistics))


def subset(
    dataset: DatasetArgument,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which subset; without it, all are listed.")
    ] = None,
    min_instances: MinInstancesOption = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write categories.txt and instances.txt there.")
    ] = None,
    official: OfficialOption = None,
    group_pattern: GroupPatternOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the classes of a subset with their instances, or all subsets of a dataset.

    `event`, `set`, `element`: a level. `gym99`, `gym288`, `gym530`: FineGym's settings. `VT`, `FX-S1`: all elements of
    an event or a set. `gym99/FX`: one of these, narrowed by an event or a set.

    **Example**: `finegym annotations subset official/ gym99/FX-S1`
    """
    from finegym.annotations.choosing import choose_subset
    from finegym.annotations.subsets import assign_classes, keep_frequent_classes

    source = _open(dataset, group_pattern)
    if name is None:
        _list_subsets(source, official, as_json)
        return
    chosen = choose_subset(source, name, official)
    if min_instances:
        chosen = keep_frequent_classes(chosen, source.dataset, min_instances)
    assignment = assign_classes(source.dataset, chosen)
    counts = assignment.count_classes(len(chosen))
    num_classes = format_count(len(chosen), "class", "classes")
    if out is not None:
        from finegym.annotations.lists import make_list, write_list
        from finegym.annotations.subsets import write_categories

        write_categories(chosen, out / "categories.txt")
        write_list(make_list(assignment.class_index_by_id), out / "instances.txt")
        instances = format_count(sum(counts), "instance")
        typer.echo(f"{out}: categories.txt ({num_classes}), instances.txt ({instances})", err=True)
    if as_json:
        classes = [
            {"class_index": class_.class_index, "id": class_.id, "name": class_.name, "instances": count}
            for class_, count in zip(chosen.classes, counts, strict=True)
        ]
        about = {"subset": chosen.name, "level": chosen.level, "sha256": chosen.sha256, "classes": classes}
        _print_json({**about, "instances": sum(counts), "outside": dict(assignment.outside)})
        return
    from finegym.annotations.text import format_table

    rows = [
        (class_.class_index, class_.id, count, class_.name)
        for class_, count in zip(chosen.classes, counts, strict=True)
    ]
    typer.echo(f"subset {chosen.name}: {num_classes} of the {chosen.level} level; {assignment}\n")
    typer.echo(format_table(("class", "id", "instances", "name"), rows, left=(3,)))


def split(
    dataset: DatasetArgument,
    out: Annotated[
        str, typer.Option("--out", metavar="NAME", help="A name under the dataset's splits/, or a path with a slash.")
    ],
    subset: Annotated[
        str, typer.Option("--subset", metavar="NAME", help="What to split, as for `finegym annotations subset`.")
    ] = "element",
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="KINDS",
            help="What stays whole: competition, video, athlete, action, duplicate; several with commas.",
        ),
    ] = "video",
    val: Annotated[float, typer.Option("--val", min=0, max=1, help="Wanted share of val, in all and a class.")] = 0.25,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the choices to start from.")] = 0,
    restarts: Annotated[int, typer.Option("--restarts", min=1, help="How many choices to start from.")] = 16,
    min_instances: MinInstancesOption = 0,
    setting: Annotated[
        Setting | None, typer.Option("--setting", help="Keep classes as FineGym's Gym99 or Gym288 did.")
    ] = None,
    min_train: Annotated[
        int | None, typer.Option("--min-train", min=0, help="Keep classes with so many instances in train.")
    ] = None,
    min_val: Annotated[
        int | None, typer.Option("--min-val", min=0, help="Keep classes with so many instances in val.")
    ] = None,
    allow_empty_classes: Annotated[
        bool, typer.Option("--allow-empty-classes", help="Keep classes without an instance on a side; counted.")
    ] = False,
    allow_unknown_groups: Annotated[
        bool,
        typer.Option("--allow-unknown-groups", help="Actions of unknown competition or athlete stand for themselves."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a split that is there.")] = False,
    official: OfficialOption = None,
    group_pattern: GroupPatternOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a split that keeps groups whole and gives val its share of every class.

    Kinds with commas join what any of them connects. `--setting`, `--min-train` and `--min-val` then drop rare classes.

    **Example**: `finegym annotations split data/ --subset set --by competition,video --val 0.25 --out by-video`
    """
    from finegym.annotations.balance import choose_thresholds
    from finegym.annotations.choosing import choose_subset
    from finegym.annotations.split_generator import keep_setting, make_split
    from finegym.annotations.splits import write_split
    from finegym.annotations.subsets import keep_frequent_classes

    source = _open(dataset, group_pattern)
    folder = _find_split_folder(source, out)
    chosen = choose_subset(source, subset, official)
    if min_instances:
        chosen = keep_frequent_classes(chosen, source.dataset, min_instances)
    thresholds = choose_thresholds(setting.value if setting else None, min_train, min_val)
    generated = make_split(
        source.dataset,
        chosen,
        folder.name,
        by=tuple(kind.strip() for kind in by.split(",")),
        val_share=val,
        seed=seed,
        restarts=restarts,
        allow_empty_classes=allow_empty_classes or thresholds is not None,
        allow_unknown_groups=allow_unknown_groups,
    )
    if thresholds is not None:
        generated = keep_setting(generated, thresholds)
    write_split(generated.split, folder, overwrite=overwrite)
    _print_generated(generated, folder, as_json)


def audit(
    dataset: DatasetArgument,
    split: Annotated[
        str,
        typer.Argument(metavar="SPLIT", help="A split of the dataset, a split folder, or gym99, gym288, gym99-v1.0 …"),
    ],
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Judge instances that the dataset lacks by their ids; counted.")
    ] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Also list every group that is on both sides.")] = False,
    group_pattern: GroupPatternOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find what is on both sides of a split, and say what that means.

    Competitions, videos, athletes, actions and near-duplicate actions, with the instances affected.

    **Example**: `finegym annotations audit official/ gym99`
    """
    from finegym.annotations.audit import audit_split, format_audit
    from finegym.annotations.choosing import choose_split
    from finegym.annotations.splits import check_split

    source = _open(dataset, group_pattern)
    chosen, folder = choose_split(source, split)
    if source.official is None:
        check_split(chosen, source.dataset, folder, allow_unknown=allow_unknown)
    found = audit_split(chosen, source.dataset, allow_unknown=allow_unknown)
    if as_json:
        _print_json(found.to_dict())
        return
    typer.echo(format_audit(found))
    if show_all:
        for leak in found.leaks:
            for id_ in leak.shared:
                typer.echo(f"{leak.kind}\t{id_}")


def add_verbs(app: typer.Typer) -> None:
    """Add these verbs to the noun."""
    for verb in (stats, subset, split, audit):
        app.command()(verb)


def _open(path: Path, group_pattern: str | None) -> Source:
    from finegym.cli.annotations import open_dataset

    return open_dataset(path, group_pattern)


def _list_subsets(source: Source, official: Path | None, as_json: bool) -> None:
    from finegym.annotations.choosing import choose_subset
    from finegym.annotations.subsets import assign_classes, list_subset_names
    from finegym.annotations.text import format_table
    from finegym.errors import AnnotationError

    rows: list[tuple[str, int | None, int | None]] = []
    for name in list_subset_names(source.dataset.codebook):
        try:
            chosen = choose_subset(source, name, official)
        except AnnotationError:
            rows.append((name, None, None))  # an official list that is not here; a dash says so
            continue
        rows.append((name, len(chosen), len(assign_classes(source.dataset, chosen).class_index_by_id)))
    if as_json:
        _print_json([{"subset": name, "classes": classes, "instances": count} for name, classes, count in rows])
        return
    typer.echo(format_table(("subset", "classes", "instances"), rows))
    if any(classes is None for _, classes, _ in rows):
        typer.echo("\n- : FineGym's class list is not here; give its folder with --official DIR")


def _find_split_folder(source: Source, out: str) -> Path:
    from finegym.errors import ConfigError

    if out in {"", ".", ".."}:
        raise ConfigError(f"--out: expected the name of a split or a path with a slash, got {out!r}")
    if "/" in out:
        return Path(out)
    if source.kind != "folder":
        raise ConfigError(
            f"--out {out}: {source.path} is no dataset folder, so a split cannot be kept in it. Give a path "
            f"(--out splits/{out}), or make a dataset folder with finegym annotations convert."
        )
    return source.path / "splits" / out


def _print_generated(generated: GeneratedSplit, folder: Path, as_json: bool) -> None:
    from finegym.annotations.balance import format_balance

    split = generated.split
    total, in_val = generated.num_groups
    if as_json:
        _print_json({"folder": str(folder), **generated.to_dict()})
        return
    in_train, groups = format_count(len(split.train), "instance"), format_count(total, "group")
    typer.echo(f"{folder}: {in_train} in train, {len(split.val):,} in val; {split.rule}")
    typer.echo(f"{groups}, {in_val:,} of them in val; the largest holds {generated.largest_group:.1%}")
    for kind, count in generated.unknown_groups.items():
        typer.echo(f"{format_count(count, 'instance')} of unknown {kind}, each for itself")
    for reason, count in split.outside.items():
        typer.echo(f"outside of the subset: {count:,} {reason}")
    typer.echo("\n" + format_balance(generated.balance))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))
