import json
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from finegym.annotations.folder import read_dataset
from finegym.errors import ConfigError, OutputError, SimulationError
from finegym.simulation import competition
from finegym.simulation.broadcast import make_programme
from finegym.simulation.competition import CompetitionSettings, plan_competition, simulate_competition

SMALL = CompetitionSettings(num_videos=2, minutes=0.5, seed=3, size=(64, 64), events=("VT", "FX"))


@pytest.fixture(scope="module")
def made(tmp_path_factory, codebook):
    folder = tmp_path_factory.mktemp("competition")
    return folder, simulate_competition(SMALL, codebook, folder)


def read_media(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "records").glob("*.mp4"))}


def test_large_competition_covers_all_sets_and_many_elements(codebook):
    """What is planned for 20 records; routines that surely fit a record of three minutes are counted only."""
    plans = plan_competition(CompetitionSettings(num_videos=20, minutes=3), codebook)
    drawn = Counter(id_ for plan in plans for order in plan.orders[:5] for id_ in order.element_ids)
    sets = {codebook.element_by_id[id_].set_id for id_ in drawn}
    assert sets == {set_.id for set_ in codebook.sets}
    assert len(drawn) >= 60


def test_elements_have_a_long_tail_unless_told_otherwise(codebook):
    def count(tail):
        plans = plan_competition(CompetitionSettings(num_videos=60, minutes=3, tail=tail), codebook)
        drawn = Counter(id_ for plan in plans for order in plan.orders for id_ in order.element_ids)
        return sorted((drawn[e.id] for e in codebook.get_elements_of_set("FX-S1")), reverse=True)

    long, flat = count(1.2), count(0.0)
    assert long[0] > 4 * long[len(long) // 2]
    assert flat[0] < 5 * flat[-1]


def test_few_elements_of_each_set_are_performed_where_so_asked(codebook):
    def list_performed(seed):
        plans = plan_competition(CompetitionSettings(num_videos=30, seed=seed, tail=0, elements_per_set=3), codebook)
        return {id_ for plan in plans for order in plan.orders for id_ in order.element_ids}

    performed = list_performed(0)
    assert performed == list_performed(1000)
    in_order = [element.id for element in codebook.get_elements_of_set("FX-S1")]
    assert [id_ for id_ in in_order if id_ in performed] == [in_order[0], in_order[15], in_order[30]]
    assert all(sum(e.id in performed for e in codebook.get_elements_of_set(s.id)) == 3 for s in codebook.sets)
    assert plan_competition(SMALL, codebook) == plan_competition(replace(SMALL, elements_per_set=99), codebook)


def test_routines_have_elements_of_one_event_and_dismount_last(codebook):
    for plan in plan_competition(CompetitionSettings(num_videos=6), codebook):
        for order in plan.orders:
            assert {codebook.get_event_of_element(id_).id for id_ in order.element_ids} == {order.event_id}
            assert len(set(order.element_ids)) == len(order.element_ids)
            kinds = [codebook.attributes_by_element_id[id_]["kind"] for id_ in order.element_ids]
            assert "dismount" not in kinds[:-1]
            assert (kinds[-1] == "dismount") == (order.event_id in ("BB", "UB"))


def test_video_ids_are_like_those_of_finegym(codebook):
    ids = [plan.video_id for plan in plan_competition(CompetitionSettings(num_videos=300, minutes=0.25), codebook)]
    assert all(len(id_) == 11 and set(id_) <= set(competition._ID_LETTERS) for id_ in ids)
    assert not any(id_.startswith("-") for id_ in ids)
    assert len({id_.lower() for id_ in ids}) == 300


def test_plans_of_the_first_records_do_not_depend_on_how_many_follow(codebook):
    few, many = (plan_competition(replace(SMALL, num_videos=n), codebook) for n in (2, 7))
    assert many[:2] == few


def test_records_of_a_competition_share_its_hall(codebook):
    plans = plan_competition(replace(SMALL, num_videos=4), codebook)
    assert plans[0].competition == plans[1].competition != plans[2].competition
    assert plans[0].venue_seed == plans[1].venue_seed != plans[2].venue_seed


def test_a_three_minute_record_shows_four_to_six_routines(codebook):
    counts = [
        len(make_programme(plan, codebook).routines)
        for plan in plan_competition(CompetitionSettings(num_videos=2, minutes=3, seed=5), codebook)
    ]
    assert 3.5 <= sum(counts) / len(counts) <= 7 and min(counts) >= 3


def test_folder_is_a_dataset(made, codebook):
    folder, tally = made
    assert len(tally.done) == 2 and not tally.failed and not tally.skipped
    dataset = read_dataset(folder)
    assert dataset.codebook == codebook
    assert dataset.instances and all((folder / video.path).is_file() for video in dataset.videos)
    assert {path.stem for path in (folder / "truth").glob("*.npz")} == {video.id for video in dataset.videos}
    assert all(action.athlete for video in dataset.videos for action in video.actions)


def test_annotations_pass_the_dataset_check(made):
    from finegym.annotations.check import check_dataset

    findings = [finding for finding in check_dataset(read_dataset(made[0])) if finding.kind not in _HARMLESS]
    assert findings == []


_HARMLESS: set[str] = set()


def test_again_skips_what_is_there(made, codebook):
    folder, _ = made
    before = read_media(folder)
    tally = simulate_competition(SMALL, codebook, folder)
    assert not tally.done and len(tally.skipped) == 2
    assert read_media(folder) == before


def test_lost_record_and_more_records_are_made(made, codebook, tmp_path):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(made[0], folder)
    before = read_media(folder)
    lost = sorted((folder / "truth").glob("*.npz"))[0]
    lost.unlink()
    tally = simulate_competition(replace(SMALL, num_videos=3), codebook, folder)
    assert (len(tally.done), len(tally.skipped)) == (2, 1)
    after = read_media(folder)
    assert {name: after[name] for name in before} == before and len(after) == 3
    assert len(read_dataset(folder).videos) == 3
    with pytest.raises(OutputError, match="1 more records"):
        simulate_competition(SMALL, codebook, folder)


@pytest.mark.slow
def test_workers_do_not_change_a_pixel(made, codebook, tmp_path):
    simulate_competition(SMALL, codebook, tmp_path, workers=2, show_progress=False)
    assert read_media(tmp_path) == read_media(made[0])
    for name in ("annotations.json", "elements.txt", "records.csv", "actions.csv"):
        assert (tmp_path / name).read_bytes() == (made[0] / name).read_bytes()


def test_another_competition_in_the_folder_is_an_error(made, codebook):
    with pytest.raises(OutputError, match=r"seed is 3 there, asked for 4"):
        simulate_competition(replace(SMALL, seed=4), codebook, made[0])


def test_foreign_folder_is_not_touched(tmp_path, codebook):
    (tmp_path / "thesis.txt").write_text("do not lose me")
    with pytest.raises(OutputError, match="not empty"):
        simulate_competition(SMALL, codebook, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_damaged_settings_are_an_error(tmp_path, codebook):
    (tmp_path / competition.SETTINGS_FILE).write_text("{")
    with pytest.raises(OutputError, match="not readable"):
        simulate_competition(SMALL, codebook, tmp_path)


def test_settings_file_says_what_was_asked(made):
    settings = json.loads((made[0] / competition.SETTINGS_FILE).read_text())
    assert (settings["seed"], settings["fps"], settings["size"]) == (3, "25", [64, 64])


def test_impossible_settings_are_listed_together():
    with pytest.raises(ConfigError) as caught:
        CompetitionSettings(
            num_videos=0, minutes=0, fps=Fraction(24), size=(641, 360), tail=-1, events=("PH",), elements_per_set=-1
        )
    for text in ("videos", "minutes", "fps", "641x360", "tail", "PH", "elements per set"):
        assert text in str(caught.value)


def test_codebook_without_the_events_is_an_error():
    from finegym.codebook.builtin import read_builtin

    with pytest.raises(SimulationError, match="no elements of event VT"):
        plan_competition(SMALL, read_builtin("artistic-women").__class__("x", "1", "x", (), (), (), (), ()))


def test_record_that_fails_is_named_and_the_others_are_kept(tmp_path, codebook, monkeypatch):
    doomed = plan_competition(SMALL, codebook)[0].video_id
    real = competition.write_record

    def write_all_but_one(plan, codebook, folder):
        if plan.video_id == doomed:
            raise OutputError("no space")
        return real(plan, codebook, folder)

    monkeypatch.setattr(competition, "write_record", write_all_but_one)
    tally = simulate_competition(SMALL, codebook, tmp_path)
    assert tally.failed == {doomed: "no space"}
    assert [video.id for video in read_dataset(tmp_path).videos] == list(tally.done)
