"""Figure 6(d): accuracy of every element with I3D, by what it was pre-trained on.

The paper compares Kinetics with ImageNet. Where a size has no Kinetics weights, the study compares ImageNet with no
pre-training at all: the same question, whether what was learnt elsewhere helps with fine-grained motion, on weights
that are there. Names of rows and columns say which.
"""

from __future__ import annotations

from collections.abc import Mapping

from finegym.studies.class_study import compare_methods
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import Outcome, PlannedPrediction, Study

ROLE = "balanced"
BARE = "without pre-training all blocks learn; what the size leaves as ImageNet left it stands still only with ImageNet"
NO_WEIGHTS = ('model.weights="none"', "model.freeze=[]")


def plan_both(size: Size) -> Mapping[str, tuple[PlannedPrediction, ...]]:
    """The runs of two initialisations, by name."""
    imagenet = plan_predictions(size, "I3D RGB", ROLE)
    if "I3D* RGB" in size.choices:
        return {"I3D, ImageNet": imagenet, "I3D, Kinetics": plan_predictions(size, "I3D* RGB", ROLE)}
    bare = plan_predictions(size, "I3D RGB", ROLE, NO_WEIGHTS)[:1]  # one seed: it costs as much, and teaches little
    return {"I3D, no pre-training": bare, "I3D, ImageNet": imagenet[:1]}


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """Both."""
    return tuple(planned for runs in plan_both(size).values() for planned in runs)


def make(results: Results) -> Outcome:
    """Compare what is there."""
    return compare_methods(
        results,
        "fig6d",
        "Figure 6(d): I3D by its pre-training, element by element",
        plan_both(results.size),
        ROLE,
        "Elements that gain from the pre-training named second stand above, those that lose below. In the paper "
        "Kinetics helps about as many elements as it hurts: what it teaches is coarse.",
        () if "I3D* RGB" in results.size.choices else (BARE,),
    )


STUDY = Study("fig6d", "Figure 6(d): per-class accuracy of I3D by pre-training", ("clips",), plan, make)
