"""The size ``medium``: what the findings need in order to be decided, in a night of two cores.

After ``smoke``'s three epochs networks have learnt too little to lose or gain anything. Here they see six times as many
clips in training, from twice as many records, and everything that a finding rests on has three seeds. The 24 further
elements are of the sets whose pairs nothing is asked about; they make the tail long again, which more records shorten.
Written down before anything of this size was trained, but for the threshold of the balanced setting: with 16 training
clips two leaps were left of FX-S1, so that it was lowered to smoke's before there was any result. The seed is not
``smoke``'s, so that the two are independent.
"""

from __future__ import annotations

from finegym.annotations.balance import Thresholds
from finegym.studies.size_simulated import BROADCAST, ELEMENTS, EVENTS, TAIL, make_localizers, make_small_choices
from finegym.studies.sizes import SEEDS, Competition, Size

MORE_ELEMENTS = (
    *(
        f"vt-{vault}-{body}"
        for vault in ("tsukahara", "yurchenko-half-on")
        for body in ("tucked", "piked", "stretched")
    ),
    *("fx-ring-leap", "fx-johnson", "fx-cat-leap", "fx-cat-leap-1", "fx-wolf-jump", "fx-wolf-jump-1"),
    *(f"fx-back-salto-{body}" for body in ("tucked", "piked", "stretched")),
    *("bb-ring-leap", "bb-johnson", "bb-cat-leap", "bb-cat-leap-1", "bb-wolf-jump", "bb-wolf-jump-1"),
    *("ub-dismount-back-piked", "ub-dismount-front-piked", "ub-dismount-front-stretched"),
)
EPOCHS, RANDOM_EPOCHS, TAIL_EPOCHS = 10, 10, 20

MEDIUM = Size(
    "medium",
    make_small_choices(EPOCHS, RANDOM_EPOCHS, TAIL_EPOCHS, make_localizers(6, 20, len(SEEDS))),
    Competition((*ELEMENTS, *MORE_ELEMENTS), EVENTS, 100, 2.5, (128, 96), tail=1.0, seed=18, short_side=72),
    role_overrides={
        "VT": ("schedule.epochs=20",),
        "FX": ("schedule.epochs=16",),
        "FX-S1": ("schedule.epochs=24",),
        "UB-S1": ("schedule.epochs=28",),
    },
    tail_method=TAIL,
    thresholds=Thresholds(8, 3),
    flow_store="flow-tvl1-fast",
    pose_store="pose-truth",
    broadcast=BROADCAST,
    notes=(
        "SIMULATED, for two cores: 60 elements instead of 288 or 99, some 1,700 clips instead of 30,000, pictures of "
        "96 lines, cropped to 64 pixels",
        "networks are EfficientNet-Lite0 from ImageNet weights instead of BN-Inception and ResNet-50, with 10 epochs "
        "instead of 80 to 200 (16 to 28 within events and sets, which have fewer clips), their stem and first five "
        "blocks of sixteen as ImageNet left them where they see RGB",
        "no Kinetics weights: I3D* and NL I3D* are not run",
    ),
)
