"""The estimate as text and JSON: each tenth beside the sub-action, the fault and the frames it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from finegym.applications.execution.features import OTHER
from finegym.applications.execution.model import Estimated, Share
from finegym.simulation.faults import HEIGHT, KINDS, KNEES

_SHOWN = 0.005


def format_estimates(estimated: Sequence[Estimated]) -> str:
    """One line a routine."""
    lines = [f"{'routine':32}{'event':7}{'score':>6}  {'  '.join(f'{kind:>16}' for kind in (*KINDS, OTHER))}"]
    for one in estimated:
        sums = {kind: sum(share.points for share in one.shares if share.fault == kind) for kind in (*KINDS, OTHER)}
        lines.append(
            f"{one.action_id:32}{one.event_id:7}{one.score:6.2f}  {'  '.join(f'{-sums[k]:16.2f}' for k in sums)}"
        )
    return "\n".join(lines)


def format_estimate(one: Estimated) -> str:
    """One routine whole."""
    lines = [f"{one.action_id}  {one.event_id}  estimated execution {one.score:.2f}", ""]
    shown = [share for share in one.shares if share.points >= _SHOWN]
    width = max((len(share.instance_id) for share in shown), default=12)
    lines.append(f"{'sub-action':{width}}  {'fault':16}  points  {'measured':16}  frames")
    for share in shown:
        frames = "" if share.frames is None else f"{share.frames[0]}-{share.frames[1] - 1}"
        lines.append(f"{share.instance_id:{width}}  {share.fault:16}  {share.points:6.2f}  {_tell(share):16}  {frames}")
    rest = sum(share.points for share in one.shares) - sum(share.points for share in shown)
    lines += [
        "",
        f"{10 - sum(s.points for s in one.shares):.2f} = 10 - {sum(s.points for s in shown):.2f} - {rest:.2f}",
    ]
    if any(one.unjudged.values()):
        lines.append(f"of {one.num_sub_actions} sub-actions not judged: {describe_unjudged([one])}; the usual is taken")
    return "\n".join(lines)


def describe_unjudged(estimated: Sequence[Estimated]) -> str:
    """How often each fault could not be judged, in words.

    Example:
        >>> describe_unjudged([])
        'bent knees 0, missing height 0, steps on landing 0'
    """
    return ", ".join(f"{kind} {sum(one.unjudged[kind] for one in estimated)}" for kind in KINDS)


def _tell(share: Share) -> str:
    if share.fault == OTHER:
        return ""
    if not share.is_judged:
        return "not judged"
    if share.fault == KNEES:
        return f"{share.amount:.0f} degrees"
    return f"{share.amount:.0%} missing" if share.fault == HEIGHT else f"{share.amount:.2f} m"


def make_json(estimated: Sequence[Estimated], missing: Sequence[str], unseen: Sequence[str]) -> dict[str, Any]:
    """For machines.

    Args:
        estimated: routines with a score.
        missing: sub-actions without poses.
        unseen: routines without a score, because nothing in them has poses.
    """
    return {
        "routines": [asdict(one) for one in estimated],
        "routines_without_poses": list(unseen),
        "sub_actions_without_poses": list(missing),
    }
