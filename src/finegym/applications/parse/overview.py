"""A parse in a few lines, for a terminal."""

from __future__ import annotations

from finegym.annotations.text import format_count
from finegym.applications.parse.files import Parse
from finegym.applications.parse.page import count_kinds, format_clock, format_percent


def describe_parse(parse: Parse) -> str:
    """One line a routine and one a sub-action; what is unsure ends with why."""
    subs = sum(len(action.sub_actions) for action in parse.actions)
    unseen = f" ({parse.num_not_seen} not seen)" if parse.num_not_seen else ""
    head = f"{parse.record_id}: {count_kinds(parse)}, {format_count(subs, 'sub-action')}{unseen}"
    some = "some models" if parse.is_partly_simulated else "models"
    lines = [head + (f"; {some} trained on a simulated competition" if parse.is_trained_on_simulation else "")]
    lines += [f"  WARNING: {warning}" for warning in parse.warnings]
    for action in parse.actions:
        points = "" if action.points is None else f", difficulty {action.points:.1f}"
        doubts = "".join(f"; {doubt}" for doubt in action.unsure)
        if action.kind != "routine":
            doubts = f"  {action.kind.upper()}: {', '.join(one.text for one in action.evidence)}{doubts}"
        span = f"{format_clock(action.start_ms)}-{format_clock(action.end_ms)}"
        lines.append(f"  {span}  {action.event_id}  {format_percent(action.score)}{points}{doubts}")
        for sub in action.sub_actions:
            best = sub.candidates[0] if sub.candidates else None
            if sub.element_id is not None and best is not None:
                said = f"{best.name}  {format_percent(best.probability)}"
            elif sub.set_id is not None:
                said = f"{sub.set_id}  {format_percent(sub.sets[sub.set_id])}"
            else:
                said = "?"
            doubts = "".join(f"; {doubt}" for doubt in sub.unsure)
            lines.append(f"    {format_clock(sub.start_ms)}  {said}{doubts}")
    if parse.stretches:
        lines.append(f"  {format_count(len(parse.stretches), 'candidate')} for replays and slow motion")
    return "\n".join(lines)
