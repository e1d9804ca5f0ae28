"""Footage that the models have never seen the like of: what comes out must sound unsure, and the test can tell."""

from __future__ import annotations

from tiny_bundles import make_overconfident

from finegym.applications.parse.files import read_parse
from finegym.applications.parse.interpreting import Thresholds
from finegym.applications.parse.run import ParseSettings, parse_videos

MAX_WITHOUT_DOUBT = 0.1
"""Share of sub-actions of foreign footage that may be named without a doubt."""


def list_clips(shared, num_beam=4):
    """The example GIFs of the paper, and real clips of a beam."""
    beam = sorted((shared / "clips/ucf101/BalanceBeam").glob("*.avi"))[:num_beam]
    return [*sorted((shared / "finegym/examples").glob("*.gif")), *beam]


def parse_clips(clips, bundle, out):
    settings = ParseSettings(Thresholds(), device="cpu", whole="sub-action")
    tally = parse_videos(clips, bundle, out, settings, show_progress=False)
    assert not tally.failed, tally
    return [read_parse(out / clip.stem / "parse.json") for clip in clips]


def measure_sureness(parses):
    """Share of sub-actions whose set or element is named although nothing speaks against it."""
    subs = [sub for parse in parses for action in parse.actions for sub in action.sub_actions]
    assert len(subs) == len(parses)  # nothing was dropped
    named = [sub for sub in subs if sub.set_id is not None or sub.element_id is not None]
    sure = [sub for sub in named if not any("element: no model tells" not in doubt for doubt in sub.unsure)]
    return len(sure) / len(subs)


def test_real_clips_are_not_named_without_a_doubt(tiny, shared, tmp_path):
    clips = list_clips(shared, num_beam=2)
    parses = parse_clips(clips, tiny.bundle, tmp_path / "out")
    assert measure_sureness(parses) <= MAX_WITHOUT_DOUBT
    for parse, clip in zip(parses, clips, strict=True):
        page = (tmp_path / "out" / clip.stem / "parse.html").read_text(encoding="utf-8")
        (sub,) = parse.actions[0].sub_actions
        assert parse.actions[0].kind == ("unclear" if sub.is_strange else "routine")
        assert sub.unsure and all(doubt.split("(")[0] in page for doubt in sub.unsure)
        # What cannot be relied on stands above everything else.
        assert parse.warnings and page.index(parse.warnings[0][:40]) < page.index("<video")
    control = parse_clips(clips, make_overconfident(tiny.bundle, tmp_path / "sure.finegym"), tmp_path / "control")
    assert measure_sureness(control) > MAX_WITHOUT_DOUBT  # the first assertion can fail


def test_models_of_a_simulation_never_sound_sure_of_anything_else(tiny, shared, tmp_path):
    """However sure they are: nothing about poses or energies tells real footage reliably, the bundle's origin does."""
    clips = list_clips(shared, num_beam=1)[-3:]
    bundle = make_overconfident(tiny.bundle, tmp_path / "simulated.finegym", is_simulated=True)
    parses = parse_clips(clips, bundle, tmp_path / "out")
    assert measure_sureness(parses) == 0
    for parse, clip in zip(parses, clips, strict=True):
        (sub,) = parse.actions[0].sub_actions
        assert parse.is_foreign and not parse.is_simulated
        assert sub.unsure[0] == parse.actions[0].unsure[0] == "the models have seen simulated competitions only"
        page = (tmp_path / "out" / clip.stem / "parse.html").read_text(encoding="utf-8")
        assert sub.unsure[0] in page and 'article class="unsure"' in page
