"""What a wrong prediction means in the world: joints in the wrong place, moving wrongly, and sliding where they hold.

The numbers that a network sees all have unit variance: ten centimetres of a vault's run and of a foot on the beam are
not the same error there, and here they are. The weights are small: the path of the centre of mass moves all joints by
metres, and would drown what the limbs do. Joints of the prediction are taken to first order around the truth: near
the noise the best prediction of a direction is the mean of many, next to nothing, and to make it a direction again
would make gradients as large as that is small. First order also leaves the best prediction the mean, which the flow
needs.

Source: losses on positions after forward kinematics, on velocities and on the feet that stand are those of Tevet et
al., "Human Motion Diffusion Model", ICLR 2023, section 3 (equations 3 to 5), with hands beside feet.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from finegym.applications.generation.coding import NUM_BODY_VALUES, Scaling, move_joints
from finegym.applications.generation.motions import ENDS

BodyError = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def build_body_error(scaling: Scaling, *, place: float, step: float, hold: float, device: str) -> BodyError:
    """An error (B,) of predicted and clean motions, both float32 (B, T, D) as networks see them.

    Args:
        scaling: of the values.
        place: weight of where joints are, a square metre.
        step: weight of how joints move from frame to frame, a square metre.
        hold: weight of the same for toes and hands that are held in place.
        device: of the motions.
    """
    mean, spread = (torch.from_numpy(side).to(device) for side in (scaling.mean, scaling.spread))

    def compute(predicted: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        truth = clean * spread + mean
        error = move_joints(truth, (predicted - clean) * spread)  # (B, T, 26, 3)
        steps = error[:, 1:] - error[:, :-1]
        held = truth[..., NUM_BODY_VALUES : NUM_BODY_VALUES + len(ENDS)] > 0.5
        held_steps = steps[:, :, ENDS].square() * (held[:, 1:] & held[:, :-1])[..., None]
        parts = ((place, error.square()), (step, steps.square()), (hold, held_steps))
        return torch.stack([weight * part.sum(dim=-1).mean(dim=(1, 2)) for weight, part in parts]).sum(dim=0)

    return compute
