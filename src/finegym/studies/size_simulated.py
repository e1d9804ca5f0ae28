"""The simulated sizes: ``tiny`` for tests, ``smoke`` for two cores and 25 minutes, ``large`` for a GPU.

The data is designed for what the studies ask. Vaults differ in body and direction; the beam has saltos forward and
backward in the same bodies, bars have circles in pairs of the two directions: the two of a pair show about the same
poses in opposite order. Floor has many leaps, with turns and without. Elements get rare by Zipf's law, so that there is
a long tail, and the classes that have enough are the balanced setting. The data was written down before anything was
trained on it, and was not changed for what came out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from finegym.annotations.balance import Thresholds
from finegym.studies.sizes import SEEDS, Choice, Competition, Size

ELEMENTS = (
    *(f"vt-{vault}-{body}" for vault in ("yurchenko", "handspring-front") for body in ("tucked", "piked", "stretched")),
    # Leaps and jumps, with and without a turn.
    *("fx-split-leap", "fx-split-leap-1", "fx-switch-leap", "fx-switch-leap-half"),
    *("fx-split-jump", "fx-split-jump-1", "fx-straddle-jump", "fx-straddle-jump-1"),
    *("bb-split-jump", "bb-split-jump-1", "bb-switch-leap", "bb-switch-leap-half"),
    # Saltos in pairs.
    *(f"fx-front-salto-{body}" for body in ("tucked", "piked", "stretched")),
    *(f"bb-{way}-salto-{body}" for way in ("front", "back") for body in ("tucked", "piked")),
    # Circles in pairs, and dismounts.
    *(f"ub-{circle}-{way}" for circle in ("giant", "free-hip", "stalder", "toe-on") for way in ("backward", "forward")),
    *("ub-dismount-back-tucked", "ub-dismount-back-stretched", "ub-dismount-front-tucked"),
)
# A vault is one clip, a floor routine six: vaults and floor take more turns, so that they can be studied by themselves.
EVENTS = ("VT", "VT", "VT", "FX", "FX", "BB", "UB")

RANDOM = "from random weights, because the package of EfficientNet-Lite0 is the only one that brings ImageNet weights"
SKELETONS = (
    "skeletons are the simulation's own joints with noise of a twentieth of her height, not a pose model's: what is "
    "learnt of them says nothing about poses found in pictures"
)


def _make_choices(
    frames: tuple[str, ...], flow: tuple[str, ...], clips: tuple[str, ...], others: dict[str, Choice]
) -> dict[str, Choice]:
    """Choices on EfficientNet-Lite0, and whatever else."""
    choices = {}
    for name, recipe in (("TSN", "tsn"), ("TRN", "trn"), ("TRNms", "trnms"), ("TSM", "tsm")):
        choices[f"{name} RGB"] = Choice(f"smoke/{recipe}_smoke", frames)
        choices[f"{name} Flow"] = Choice(f"smoke/{recipe}_smoke", (*frames, *flow))
    choices["I3D RGB"] = Choice("smoke/i3d_smoke", clips)
    return {**choices, **others}


def _make_frame_overrides(crop_size: int, epochs: int, num_segments: int) -> tuple[str, ...]:
    return (
        *_make_clip_overrides(crop_size, epochs),
        f"data.num_segments={num_segments}",
        f"data.num_segments_test={num_segments}",
    )


def _make_clip_overrides(crop_size: int, epochs: int) -> tuple[str, ...]:
    return (
        f"data.short_side={crop_size + 8}",
        f"data.crop_size={crop_size}",
        f"schedule.epochs={epochs}",
        "schedule.warmup_epochs=0.3",
        *QUICK,
    )


# Loader processes take longer to start than these runs take; results do not change.
QUICK = ("data.workers=0", "train.checkpoint_every=1000", "train.keep_checkpoints=1", "train.evaluate_every=0")
FLOW = ('data.modality="flow"', 'data.features="flow-tvl1-fast"', "model.freeze=[]")
POSE = ('data.features="pose-truth"', *QUICK)
TAIL = "PoseMLP Pose"


def _make_tail(epochs: int, seeds: tuple[int, ...]) -> Choice:
    """What remedies against the long tail are tried on: a network that is trained to its end in a quarter of a minute.

    What a head or a loss does for rare elements shows once training has converged. Three epochs of an image network
    have not, nor have twenty of this one as its recipe has it (right in 91 % of its training clips; after sixty, in
    99 %, the tree head and the flat one change places). So steps are twice as long here, and a tenth drops out, not
    half.
    """
    return Choice(
        "pose_mlp_demo",
        (f"schedule.epochs={epochs}", "optim.learning_rate=0.002", "model.dropout=0.1", *POSE),
        roles=("long-tailed",),
        seeds=seeds,
        note=f"PoseMLP: a perceptron, {epochs} epochs, as three of an image network would decide nothing; {SKELETONS}",
    )


BROADCAST = Competition((), ("VT", "FX", "BB", "UB"), 8, 1.0, (480, 270), tail=1.0, seed=3, short_side=270)
TINY_BROADCAST = Competition((), ("VT", "UB"), 2, 0.5, (480, 270), tail=1.0, seed=3, short_side=270)


def make_localizers(ssn_epochs: int, actionformer_epochs: int, max_seeds: int = 1) -> dict[str, Choice]:
    """Localizers of both tasks, by row of Table 4."""
    settings = {
        "SSN": (ssn_epochs, (f"ssn.actionness_epochs={ssn_epochs}", "ssn.repeats=2")),
        "ActionFormer": (actionformer_epochs, (f"schedule.warmup_epochs={actionformer_epochs // 10}.0",)),
    }
    return {
        f"{name} {task}": Choice(
            f"smoke/{name.lower()}_{task.replace('-', '_')}_smoke",
            (f"schedule.epochs={epochs}", "train.evaluate_every=0", *others),
            max_seeds=max_seeds,
        )
        for name, (epochs, others) in settings.items()
        for task in ("actions", "sub-actions")
    }


def _make_brief(body: str) -> tuple[str, ...]:
    """Where steps are few: small ones, and five blocks that stay as ImageNet left them."""
    frozen = [f"{body}.{part}.*" for part in ("_conv_stem", "_bn0", "_blocks.[0-4]")]
    return ("train.batch_size=8", f"model.freeze={json.dumps(frozen)}")


def make_small_choices(
    epochs: int, random_epochs: int, tail_epochs: int, localizers: Mapping[str, Choice]
) -> dict[str, Choice]:
    """Choices for two cores.

    Args:
        epochs: of networks that begin from ImageNet weights, and of ST-GCN.
        random_epochs: of those that begin from random ones.
        tail_epochs: of the remedies against the long tail.
        localizers: of Table 4.
    """
    few_clips = ("clip.clip_len=4", "clip.frame_interval=6")
    small = ("data.short_side=40", "data.crop_size=32")
    from_random = (f"schedule.epochs={random_epochs}", "schedule.warmup_epochs=0.3", *QUICK)
    return _make_choices(
        (*_make_frame_overrides(64, epochs, 3), *_make_brief("backbone.body")),
        FLOW,
        (*_make_clip_overrides(64, epochs), *_make_brief("backbone.body.body"), *few_clips),
        {
            "ActionVLAD RGB": Choice(
                "smoke/actionvlad_smoke",
                (*small, *from_random),
                max_seeds=1,
                roles=("balanced",),
                note=f"ActionVLAD: VGG-16 {RANDOM}; 32 pixels, one step, {random_epochs} epochs; on the balanced "
                "setting only",
            ),
            "NL I3D RGB": Choice(
                "smoke/nl_i3d_smoke",
                (*small, *few_clips, *from_random),
                max_seeds=1,
                roles=("balanced",),
                note=f"NL I3D: ResNet-34 {RANDOM}; 4 frames of 32 pixels, {random_epochs} epochs; on the balanced "
                "setting only",
            ),
            "ST-GCN Pose": Choice(
                "smoke/stgcn_smoke", ("pose.clip_len=16", f"schedule.epochs={epochs}", *POSE), note=SKELETONS
            ),
            TAIL: _make_tail(tail_epochs, SEEDS),
            **localizers,
        },
    )


SMOKE_CHOICES = make_small_choices(3, 2, 20, make_localizers(6, 20))
# 25 minutes have no room for three seeds of each, nor for both kinds of TRN everywhere; findings rest on the others.
ONCE = ("TRN Flow", "TSM Flow", "I3D RGB", "ST-GCN Pose")
SMOKE = Size(
    "smoke",
    SMOKE_CHOICES
    | {method: replace(SMOKE_CHOICES[method], max_seeds=1) for method in ONCE}
    | {
        method: replace(
            SMOKE_CHOICES[method], max_seeds=1, roles=("balanced",), note="TRNms: on the balanced setting only"
        )
        for method in ("TRNms RGB", "TRNms Flow")
    },
    Competition(ELEMENTS, EVENTS, 50, 2.5, (128, 96), tail=1.0, seed=17, short_side=72),
    seeds=dict.fromkeys(("event", "set", "long-tailed", "VT", "FX", "FX-S1", "UB-S1"), (0,)),
    role_overrides={
        "VT": ("schedule.epochs=8",),
        "FX": ("schedule.epochs=6",),
        "FX-S1": ("schedule.epochs=12",),
        "UB-S1": ("schedule.epochs=14",),
    },
    tail_method=TAIL,
    max_seeds_of_many_frames=1,
    thresholds=Thresholds(8, 3),
    flow_store="flow-tvl1-fast",
    pose_store="pose-truth",
    broadcast=BROADCAST,
    notes=(
        "SIMULATED, smoke-sized: 36 elements instead of 288 or 99, some 850 clips instead of 30,000, pictures "
        "of 96 lines, cropped to 64 pixels",
        "networks are EfficientNet-Lite0 from ImageNet weights instead of BN-Inception and ResNet-50, with 3 epochs "
        "instead of 80 to 200 (6 to 14 within events and sets, which have fewer clips), their stem and first five "
        "blocks of sixteen as ImageNet left them where they see RGB",
        "no Kinetics weights: I3D* and NL I3D* are not run",
    ),
)

TINY_ELEMENTS = (
    *("vt-yurchenko-tucked", "vt-handspring-front-tucked", "fx-split-jump", "fx-straddle-jump"),
    *("fx-front-salto-tucked", "fx-back-salto-tucked", "bb-front-salto-tucked", "bb-back-salto-tucked"),
    *("ub-giant-backward", "ub-giant-forward", "ub-stalder-backward", "ub-stalder-forward"),
)
# What the figures compare, and little else: a run takes two seconds however small it is.
_WITHIN = ("balanced", "FX-S1", "UB-S1")
TINY_ROLES = {
    "TSN RGB": (),
    "TSN Flow": ("event", "set", "balanced"),
    "TRN RGB": _WITHIN,
    "TSM RGB": ("balanced",),
    "I3D RGB": _WITHIN,
    "ST-GCN Pose": _WITHIN,
}
TINY_CHOICES = _make_choices(
    _make_frame_overrides(32, 1, 3),
    FLOW,
    (*_make_clip_overrides(32, 1), "clip.clip_len=4", "clip.frame_interval=6"),
    {"ST-GCN Pose": Choice("smoke/stgcn_smoke", ("pose.clip_len=12", "schedule.epochs=1", *POSE), note=SKELETONS)},
)
TINY = Size(
    "tiny",
    {method: replace(TINY_CHOICES[method], roles=roles) for method, roles in TINY_ROLES.items()}
    | {TAIL: _make_tail(2, ())}
    | make_localizers(1, 1),
    Competition(TINY_ELEMENTS, EVENTS, 8, 1.5, (128, 96), tail=1.0, seed=17, short_side=40),
    seeds=dict.fromkeys(("event", "set", "long-tailed", "balanced", "VT", "FX", "FX-S1", "UB-S1"), (0,)),
    tail_method=TAIL,
    thresholds=Thresholds(1, 1),
    flow_store="flow-tvl1-fast",
    pose_store="pose-truth",
    broadcast=TINY_BROADCAST,
    notes=("SIMULATED, tiny: it shows that the studies run; its numbers mean nothing",),
)

# A benchmark for one GPU: all elements, so that 99 and more of them have instances, and 112 pixels.
_LARGE_RUN = ("data.workers=8", "train.batch_size=32", "train.checkpoint_every=5", "train.keep_checkpoints=1")
_LARGE_CLIPS = (
    "data.short_side=128",
    "data.crop_size=112",
    "schedule.epochs=30",
    "schedule.warmup_epochs=1.0",
    *_LARGE_RUN,
)
_LARGE_FRAMES = (*_LARGE_CLIPS, "data.num_segments=8", "data.num_segments_test=8")
LARGE = Size(
    "large",
    _make_choices(
        _LARGE_FRAMES,
        FLOW,
        (*_LARGE_CLIPS, "clip.clip_len=16", "clip.frame_interval=2"),
        {
            "ActionVLAD RGB": Choice(
                "smoke/actionvlad_smoke", _LARGE_FRAMES, note=f"ActionVLAD: VGG-16 {RANDOM}; one step"
            ),
            "NL I3D RGB": Choice(
                "smoke/nl_i3d_smoke",
                (*_LARGE_CLIPS, "clip.clip_len=16", "clip.frame_interval=2"),
                note=f"NL I3D: ResNet-34 {RANDOM}",
            ),
            "ST-GCN Pose": Choice(
                "smoke/stgcn_smoke", ('data.features="pose-truth"', "schedule.epochs=30", *_LARGE_RUN), note=SKELETONS
            ),
            **make_localizers(18, 40, len(SEEDS)),
        },
    ),
    Competition((), EVENTS, 320, 2.5, (228, 128), tail=1.0, seed=17, short_side=128),
    thresholds=Thresholds(18, 6),
    flow_store="flow-tvl1-fast",
    pose_store="pose-truth",
    broadcast=BROADCAST,
    notes=(
        "SIMULATED: 328 elements, some 5,000 clips instead of 30,000, pictures of 128 lines, cropped to 112 pixels",
        "networks are EfficientNet-Lite0 from ImageNet weights instead of BN-Inception and ResNet-50, with 30 epochs "
        "instead of 80 to 200, their stem and first two blocks of sixteen as ImageNet left them where they see RGB",
        "no Kinetics weights: I3D* and NL I3D* are not run",
    ),
)
