from fractions import Fraction

import numpy as np
import pytest

from finegym.errors import SimulationError
from finegym.simulation.athlete import Athlete
from finegym.simulation.broadcast import make_programme
from finegym.simulation.performance import Performance, PerformedElement
from finegym.simulation.programme import (
    SHOT_KINDS,
    Routine,
    find_action_offset,
    get_stage_frames,
    make_action,
    make_video,
    name_times,
    round_time_ms,
)

RATES = (Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(50))


@pytest.fixture
def programme(make_plan, codebook, perform):
    return make_programme(make_plan(seconds=120), codebook, perform)


def test_shots_follow_each_other_without_gap_and_fill_the_record(programme):
    assert programme.shots[0].start == 0
    for before, after in zip(programme.shots, programme.shots[1:], strict=False):
        assert before.end == after.start
    assert programme.num_frames == programme.plan.num_frames
    assert {shot.kind for shot in programme.shots} <= set(SHOT_KINDS)


def test_every_shot_has_a_path_and_a_body_as_long_as_itself(programme):
    for shot in programme.shots:
        if shot.path is not None:
            assert len(shot.path) == shot.num_frames
        if shot.joints is not None:
            assert len(shot.joints) == shot.num_frames and shot.appearance is not None


def test_every_routine_is_one_live_shot(programme):
    live = [shot for shot in programme.shots if shot.kind in ("routine", "interrupted")]
    assert [shot.start for shot in live] == [routine.start for routine in programme.routines]
    for shot, routine in zip(live, programme.routines, strict=True):
        assert shot.num_frames == len(routine.performance.joints)
        assert (shot.kind == "routine") == routine.is_annotated


def test_programmes_show_all_kinds_of_shots_and_discard_interrupted_routines(make_plan, codebook, perform):
    kinds, annotated, shown = set(), 0, 0
    for seed in range(12):
        programme = make_programme(make_plan(seconds=100, seed=seed), codebook, perform)
        kinds |= {shot.kind for shot in programme.shots}
        shown += len(programme.routines)
        annotated += len(make_video(programme, None, codebook).actions)
        for routine in programme.routines:
            assert routine.is_annotated == routine.performance.is_complete
    assert kinds == set(SHOT_KINDS)
    assert 0 < annotated < shown


def test_replays_show_a_routine_slower_and_are_not_annotated(make_plan, codebook, perform):
    found = 0
    for seed in range(6):
        programme = make_programme(make_plan(seconds=100, seed=seed), codebook, perform)
        actions = make_video(programme, None, codebook).actions
        for shot in programme.shots:
            if shot.kind != "replay":
                continue
            found += 1
            assert 0 < shot.speed < 1 and shot.performance_frames is not None
            np.testing.assert_allclose(np.diff(shot.performance_frames), shot.speed)
            performance = programme.routines[shot.routine].performance
            whole = np.flatnonzero(np.abs(shot.performance_frames % 1) < 1e-9)
            frames = shot.performance_frames[whole].astype(int)
            np.testing.assert_allclose(shot.joints[whole], performance.joints[frames], atol=1e-5)
            start, end = (round_time_ms(frame, programme.plan.fps) for frame in (shot.start, shot.end))
            assert all(action.end_ms <= start or action.start_ms >= end for action in actions)
    assert found > 3


def test_same_seed_same_programme_other_seed_other_programme(make_plan, codebook, perform):
    first, again, other = (make_programme(make_plan(seconds=60, seed=s), codebook, perform) for s in (1, 1, 2))
    assert [(s.kind, s.start) for s in first.shots] == [(s.kind, s.start) for s in again.shots]
    assert all(a.appearance == b.appearance for a, b in zip(first.shots, again.shots, strict=True))
    assert [(s.kind, s.start) for s in first.shots] != [(s.kind, s.start) for s in other.shots]


def test_looks_and_people_do_not_depend_on_what_is_performed(make_plan, codebook, perform):
    """Other elements of the same length: the same gymnast, leotard, cameras, cuts."""
    from dataclasses import replace

    plan = make_plan(seconds=60)
    changed = replace(plan, orders=tuple(replace(order, element_ids=order.element_ids[::-1]) for order in plan.orders))
    first, second = make_programme(plan, codebook, perform), make_programme(changed, codebook, perform)
    assert make_video(first, None, codebook) != make_video(second, None, codebook)
    for a, b in zip(first.shots, second.shots, strict=True):
        assert (a.kind, a.start, a.num_frames, a.appearance, a.name) == (
            b.kind,
            b.start,
            b.num_frames,
            b.appearance,
            b.name,
        )
        if a.path is not None:
            assert (a.path.pan == b.path.pan).all() and (a.path.focal == b.path.focal).all()


@pytest.mark.parametrize("fps", RATES)
def test_annotated_times_keep_the_frames(fps):
    """Frames that begin in [start, end), with PTS rounded to milliseconds as the video reader does, are those meant."""
    pts_ms = np.array([round(float(1000 * k / fps)) for k in range(4000)])
    for frame in range(3990):
        start, end = round_time_ms(frame, fps), round_time_ms(frame + 7, fps)
        assert start % 10 == 0
        assert np.flatnonzero((pts_ms >= start) & (pts_ms < end)).tolist() == list(range(frame, frame + 7))


def make_routine(*stages, start=40, num_frames=500, event_id="BB"):
    elements = tuple(PerformedElement(f"e{k}", ((a, b),)) for k, (a, b) in enumerate(stages))
    return Routine(start, Performance(event_id, np.zeros((num_frames, 26, 3)), elements), Athlete("Ada Abel"), True)


def test_names_are_floored_seconds():
    action = make_action(make_routine((3.52, 4.4), (4.4, 6.0)), Fraction(25))
    assert action.name == "E_000001_000021"
    assert [sub.name for sub in action.sub_actions] == ["A_0003_0004", "A_0004_0006"]
    assert (action.start_ms, action.end_ms) == (1600, 21600)
    assert action.sub_actions[0].stages == ((5120, 6000),)
    assert name_times("E", 2184999, 2237000, 6) == "E_002184_002237"


def test_stages_of_a_vault_touch():
    vault = PerformedElement("v", ((0.0, 3.0), (3.0, 4.2), (4.2, 6.0)))
    routine = Routine(10, Performance("VT", np.zeros((200, 26, 3)), (vault,)), Athlete("A"), True)
    assert get_stage_frames(routine, vault, Fraction(25)) == ((10, 85), (85, 115), (115, 160))


def test_clashing_names_are_told_apart_by_where_the_action_begins():
    routine = make_routine((2.04, 2.4), (2.48, 2.88))  # both A_0002_0002 when the action begins with the performance
    offset = find_action_offset(routine.performance, routine.start, Fraction(25))
    assert offset is not None and offset > 0
    action = make_action(Routine(routine.start, routine.performance, routine.athlete, True, offset), Fraction(25))
    assert len({sub.name for sub in action.sub_actions}) == 2
    assert action.start_ms <= action.sub_actions[0].start_ms


def test_names_that_always_clash_are_noticed(make_plan, codebook, perform):
    assert find_action_offset(make_routine((0.0, 0.3), (0.4, 0.7)).performance, 40, Fraction(25)) is None

    def perform_too_fast(codebook, event_id, element_ids, athlete, fps, rng, *, interrupted=False):
        performance = perform(codebook, event_id, element_ids, athlete, fps, rng)
        elements = tuple(PerformedElement(id_, ((0.3 * k, 0.3 * k + 0.2),)) for k, id_ in enumerate(element_ids))
        return Performance(event_id, performance.joints, elements)

    with pytest.raises(SimulationError, match="same second"):
        make_programme(make_plan(seconds=60), codebook, perform_too_fast)


def test_video_knows_set_and_athlete(programme, codebook):
    video = make_video(programme, "records/x.mp4", codebook)
    assert video.num_frames == programme.plan.num_frames and (video.width, video.height) == programme.plan.size
    for action in video.actions:
        assert action.athlete
        for sub in action.sub_actions:
            assert codebook.element_by_id[sub.element_id].set_id == sub.set_id
            assert action.start_ms <= sub.start_ms < sub.end_ms <= action.end_ms
