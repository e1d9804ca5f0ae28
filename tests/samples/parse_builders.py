"""Parts of a parse, made by hand."""

from __future__ import annotations

import numpy as np

from finegym.applications.parse.files import Candidate, Parse, ParsedAction, ParsedSubAction
from finegym.applications.parse.recognising import Opinion


def make_parsed(start_ms, end_ms, element_id=None, candidate=None, **changes):
    best = element_id or candidate
    candidates = (Candidate(element_id=best, name=best, set_id="FX-S2", probability=0.6, path=()),) if best else ()
    facts = {
        "name": f"A_{start_ms:04d}_{end_ms:04d}",
        "start_ms": start_ms,
        "end_ms": end_ms,
        "score": 0.9,
        "element_id": element_id,
        "set_id": "FX-S2",
        "events": {"FX": 1.0},
        "own_events": {"FX": 1.0},
        "sets": {"FX-S2": 1.0},
        "candidates": candidates,
        "attributes": {},
        "familiarity": None,
        "is_strange": False,
        "strange_rate": None,
        "unsure": (),
    }
    return ParsedSubAction(**{**facts, **changes})


def make_action(subs, start_ms, end_ms, **changes):
    facts = {
        "name": f"E_{start_ms // 1000:06d}_{end_ms // 1000:06d}",
        "kind": "routine",
        "evidence": (),
        "replay_of": None,
        "event_id": "FX",
        "localized_event_id": "FX",
        "start_ms": start_ms,
        "end_ms": end_ms,
        "score": 0.9,
        "events": {"FX": 1.0},
        "sub_actions": tuple(subs),
        "unsure": (),
        "points": None,
        "points_of_likeliest": None,
    }
    return ParsedAction(**{**facts, **changes})


def make_parse(actions, **changes):
    facts = {
        "record_id": "v",
        "video": "v.mp4",
        "video_fingerprint": "",
        "duration_ms": 60_000,
        "bundle": "b",
        "bundle_sha256": "",
        "is_trained_on_simulation": None,
        "code_of_points": "fig-women-2017",
        "is_simulated": False,
        "warnings": (),
        "settings": {},
        "actions": tuple(actions),
        "stretches": (),
        "seconds": {},
    }
    return Parse(**{**facts, **changes})


def make_opinion(level, probabilities, familiarity=0.5, num_calibrated=99, instances=1):
    """What somebody says of all of some instances, the same of each."""
    ids, values = zip(*probabilities.items(), strict=True)
    names = tuple(f"v_E_000001_000040_A_{place + 1:04d}_{place + 2:04d}" for place in range(instances))
    return Opinion(
        "made",
        level,
        ids,
        names,
        np.array([values] * instances),
        np.array([familiarity] * instances),
        num_calibrated,
    )
