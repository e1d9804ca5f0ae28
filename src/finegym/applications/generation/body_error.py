"""What a wrong prediction means in the world: joints in the wrong place, moving wrongly, and sliding where they hold.

The numbers that a network sees all have unit variance: ten centimetres of a vault's run and of a foot on the beam are
not the same error there, and here they are. Errors are squared and in units that were chosen once.

Source: losses on positions after forward kinematics, on velocities and on the feet that stand are those of Tevet et
al., "Human Motion Diffusion Model", ICLR 2023, section 3 (equations 3 to 5), with hands beside feet.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from finegym.applications.generation.coding import NUM_BODY_VALUES, Scaling, place_joints
from finegym.applications.generation.motions import ENDS

_PLACE_M = 0.2
_STEP_M = 0.05  # a frame

BodyError = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def build_body_error(scaling: Scaling, *, place: float, step: float, hold: float, device: str) -> BodyError:
    """An error (B,) of predicted and clean motions, both float32 (B, T, D) as networks see them.

    Args:
        scaling: of the values.
        place: weight of where joints are, in units of 20 cm.
        step: weight of how joints move from frame to frame, in units of 5 cm.
        hold: weight of the same for toes and hands that are held in place.
        device: of the motions.
    """
    mean, spread = (torch.from_numpy(side).to(device) for side in (scaling.mean, scaling.spread))

    def compute(predicted: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        truth = clean * spread + mean
        error = place_joints(predicted * spread + mean) - place_joints(truth)  # (B, T, 26, 3)
        steps = (error[:, 1:] - error[:, :-1]) / _STEP_M
        held = truth[..., NUM_BODY_VALUES : NUM_BODY_VALUES + len(ENDS)] > 0.5
        held_steps = steps[:, :, ENDS].square() * (held[:, 1:] & held[:, :-1])[..., None]
        parts = ((place, (error / _PLACE_M).square()), (step, steps.square()), (hold, held_steps))
        return torch.stack([weight * part.sum(dim=-1).mean(dim=(1, 2)) for weight, part in parts]).sum(dim=0)

    return compute
