"""The paper's size: the shipped recipes, which are the published schedules, on the official data."""

from __future__ import annotations

from finegym.studies.sizes import Choice, Size

_FRAMES = ("tsn", "trn", "trnms")

PAPER_CHOICES = {
    "ActionVLAD step 1 RGB": Choice("actionvlad_vgg16_gym99_rgb_step1"),
    "ActionVLAD RGB": Choice("actionvlad_vgg16_gym99_rgb_step2", first="ActionVLAD step 1 RGB"),
    "TSN RGB": Choice("tsn_bninception_gym99_rgb"),
    "TSN Flow": Choice("tsn_bninception_gym99_flow"),
    "TRN RGB": Choice("trn_bninception_gym99_rgb"),
    "TRN Flow": Choice("trn_bninception_gym99_flow"),
    "TRNms RGB": Choice("trnms_bninception_gym99_rgb"),
    "TRNms Flow": Choice("trnms_bninception_gym99_flow"),
    "TSM RGB": Choice("tsm_r50_gym99_rgb"),
    "TSM Flow": Choice("tsm_r50_gym99_flow"),
    "I3D RGB": Choice("i3d_r50_gym99_rgb"),
    "I3D* RGB": Choice("i3d_r50_k400_gym99_rgb"),
    "NL I3D RGB": Choice("nl_i3d_r50_gym99_rgb"),
    "NL I3D* RGB": Choice("nl_i3d_r50_k400_gym99_rgb"),
    "SSN actions": Choice("ssn_actions_rgb"),
    "SSN sub-actions": Choice("ssn_sub_actions_rgb"),
    "ActionFormer actions": Choice("actionformer_actions", ('snippets.stores=["snippets-rgb"]',)),
    "ActionFormer sub-actions": Choice("actionformer_sub_actions", ('snippets.stores=["snippets-rgb"]',)),
    "ST-GCN Pose": Choice("stgcn_gym99_pose", ('data.features="pose-hrnet"',)),
}

PAPER = Size("paper", PAPER_CHOICES)
