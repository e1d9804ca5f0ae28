"""The rules: what a verdict depends on, and how a rule file is refused."""

import tomllib

import pytest

from finegym.errors import ConfigError
from finegym.video.ingest.record import AudioStream, Clock, Damage, Probe
from finegym.video.ingest.rules import DEFAULT_RULES, Rules, judge, read_rules


def make_probe(**changes) -> Probe:
    clock = Clock(
        time_base="1/90000",
        start_ms=0.0,
        end_ms=600_000.0,
        fps_average=changes.pop("fps", 29.97),
        fps_distinct=(29.97,),
        is_constant_rate=changes.pop("constant", True),
        num_duplicate_pts=0,
        num_missing_pts=0,
        num_backward_dts=0,
        has_edit_list=False,
    )
    facts = {
        "container": "mov",
        "codec": "h264",
        "profile": "High",
        "pixel_format": "yuv420p",
        "width": 1280,
        "height": 720,
        "resolution_class": "720p",
        "rotation": 0,
        "is_mirrored": False,
        "num_frames": 17982,
        "num_frames_header": 17982,
        "num_discarded": 0,
        "num_key_frames": 72,
        "duration_ms": 600_000,
        "bit_rate_bps": 1_500_000,
        "clock": clock,
        "audio": (AudioStream(codec="aac", rate_hz=48000, channels=2, start_ms=0, end_ms=600_000),),
    }
    return Probe(**{**facts, **changes})


def test_the_built_in_rules_take_a_sound_720p_record():
    assert judge(make_probe(), [], read_rules()) == ()


@pytest.mark.parametrize(
    ("limits", "changes", "fact"),
    [
        ({"min_height": 720}, {"height": 576, "width": 1024}, "height 576 is below min_height 720"),
        ({"min_height": 720}, {"height": 1280, "width": 720}, None),
        ({"min_minutes": 11}, {}, "10.00 minutes are below min_minutes 11"),
        ({"max_minutes": 9}, {}, "10.00 minutes are above max_minutes 9"),
        ({"min_fps": 30}, {"fps": 25.0}, "25 frames a second are below min_fps 30"),
        ({"min_fps": 30}, {"fps": 29.97}, None),
        ({"allow_variable_rate": False}, {"constant": False}, "the frame rate varies"),
        ({"require_audio": True}, {"audio": ()}, "there is no sound"),
        ({"containers": ["matroska"]}, {}, "container mov is not among"),
        ({"codecs": ["hevc"]}, {}, "codec h264 is not among"),
    ],
)
def test_each_rule_gives_its_reason(limits, changes, fact):
    reasons = judge(make_probe(**changes), [], Rules(**limits))
    assert (len(reasons) == 0) if fact is None else (len(reasons) == 1 and fact in reasons[0])


@pytest.mark.parametrize(
    ("kind", "limit", "length_ms", "is_accepted"),
    [
        ("gap", {"max_gap_ms": 1000}, 1000, True),
        ("gap", {"max_gap_ms": 1000}, 1001, False),
        ("black", {"max_black_share": 0.1}, 60_000, True),
        ("black", {"max_black_share": 0.1}, 60_001, False),
        ("frozen", {"max_frozen_share": 0.1}, 60_001, False),
        # What lies past the end is measured against what was promised: 100 of 700 s.
        ("truncated", {"max_missing_share": 1 / 7}, 100_000, True),
        ("missing", {"max_missing_share": 0.14}, 100_000, False),
        ("frozen_hint", {"max_frozen_share": 0.0}, 60_000, True),
    ],
)
def test_damage_counts_against_its_limit(kind, limit, length_ms, is_accepted):
    start = 600_000 if kind in ("truncated", "missing") else 0
    damage = [Damage(kind=kind, start_ms=start, end_ms=start + length_ms)]
    assert (judge(make_probe(), damage, Rules(**limit)) == ()) == is_accepted


def test_all_reasons_are_given():
    rules = Rules(min_height=1080, min_minutes=20, require_audio=True)
    assert len(judge(make_probe(audio=()), [], rules)) == 3


def test_a_rule_left_out_sets_no_limit(tmp_path):
    (tmp_path / "none.toml").write_text("")
    probe = make_probe(height=90, width=160, audio=(), fps=1.0, constant=False)
    damage = [Damage(kind="black", start_ms=0, end_ms=600_000)]
    assert judge(probe, damage, read_rules(tmp_path / "none.toml")) == ()


def test_the_printed_rules_are_the_built_in_ones(tmp_path):
    (tmp_path / "rules.toml").write_text(DEFAULT_RULES)
    assert read_rules(tmp_path / "rules.toml") == read_rules()
    named = set(tomllib.loads(DEFAULT_RULES)) | {"max_minutes", "containers", "codecs"}
    assert named == set(Rules.model_fields), "every rule is shown"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("min_hight = 720", 'unknown key "min_hight"; did you mean "min_height"?'),
        ("zzz = 1", 'unknown key "zzz"; expected one of min_height'),
        ("min_height = -1", '"min_height": input should be greater than or equal to 1, got -1'),
        ("max_black_share = 20", '"max_black_share": input should be less than or equal to 1, got 20'),
        ("min_height = ", "is not TOML"),
    ],
)
def test_a_wrong_rule_file_is_one_line(tmp_path, text, fact):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_rules(path)
    assert fact in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_rule_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.toml: cannot be read: No such file"):
        read_rules(tmp_path / "gone.toml")


def test_equal_rules_have_equal_sums_however_they_were_written():
    assert Rules(min_height=720).sha256 == Rules(min_height=720, max_minutes=None).sha256
    assert Rules(min_height=720).sha256 != Rules(min_height=721).sha256
