"""Model bundles: what goes in comes out, what is damaged is refused, what cannot be relied on is said."""

from __future__ import annotations

import json
import shutil
import zipfile

import pytest
import torch
from tiny_bundles import rewrite_calibration
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset
from finegym.applications.bundle import make_bundle, open_bundle
from finegym.applications.bundle_calibration import describe_weaknesses
from finegym.applications.bundle_routines import describe_routines
from finegym.cli.app import app
from finegym.errors import ConfigError
from finegym.localization.opening import open_localizer
from finegym.training.run_folder import RunFolder, read_checkpoint


def test_a_bundle_gives_back_the_runs_it_was_made_of(tiny, tmp_path):
    bundle = open_bundle(tiny.bundle)
    assert bundle.codebook == read_dataset(tiny.dataset).codebook
    for inside, outside in ((bundle.actions, tiny.actions), (bundle.recognisers[0], tiny.recogniser)):
        mine, theirs = (read_checkpoint(RunFolder(path).find_checkpoint()) for path in (inside, outside))
        assert mine["classes"] == theirs["classes"] and mine["epochs_done"] == theirs["epochs_done"]
        assert mine["model"].keys() == theirs["model"].keys()
        assert all(torch.equal(mine["model"][key], value) for key, value in theirs["model"].items())
    localizers = [open_localizer(path, device="cpu").localizer for path in (bundle.actions, tiny.actions)]
    states = [localizer.state_dict() for localizer in localizers]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    again = make_bundle(
        tmp_path / "tiny.finegym", actions=tiny.actions, sub_actions=tiny.sub_actions, recognisers=[tiny.recogniser]
    )
    assert again == bundle.facts and (tmp_path / "tiny.finegym").read_bytes() == tiny.bundle.read_bytes()
    for lost in ("bundle.json", "codebook.yaml", bundle.facts.actions):  # a cache that was cleared in part
        there = open_bundle(tiny.bundle, tmp_path / "cache").folder / lost
        shutil.rmtree(there) if there.is_dir() else there.unlink()
        again = open_bundle(tiny.bundle, tmp_path / "cache")
        assert (again.folder / lost).exists() and again.mended
    assert open_bundle(tiny.bundle, tmp_path / "cache").mended == ()


def test_a_damaged_bundle_is_refused(tiny, tmp_path):
    content = bytearray(tiny.bundle.read_bytes())
    place = content.index(b"learning_rate")
    content[place : place + 8] = b"LEARNING"
    (tmp_path / "bad.finegym").write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"):
        open_bundle(tmp_path / "bad.finegym", tmp_path / "cache")
    assert not any((tmp_path / "cache").glob("*/bundle.json"))
    with zipfile.ZipFile(tmp_path / "evil.finegym", "w") as archive:
        text = zipfile.ZipFile(tiny.bundle).read("bundle.json").decode().replace("codebook.yaml", "../../evil.yaml")
        archive.writestr("bundle.json", text)
    with pytest.raises(ConfigError, match="damaged"):
        open_bundle(tmp_path / "evil.finegym", tmp_path / "cache")
    (tmp_path / "text.finegym").write_text("no archive")
    with pytest.raises(ConfigError, match="no bundle"):
        open_bundle(tmp_path / "text.finegym", tmp_path / "cache")
    with pytest.raises(ConfigError, match="finegym bundle make"):
        open_bundle(tmp_path / "none.finegym", tmp_path / "cache")


def test_a_bundle_of_wrong_parts_is_refused(tiny, tmp_path):
    out = tmp_path / "x.finegym"
    with pytest.raises(ConfigError, match="task sub-actions; expected one of actions"):
        make_bundle(out, actions=tiny.sub_actions, sub_actions=tiny.actions, recognisers=[tiny.recogniser])
    with pytest.raises(ConfigError, match="needs a recogniser"):
        make_bundle(out, actions=tiny.actions, sub_actions=tiny.sub_actions, recognisers=[])
    other = tmp_path / "other"  # names sets of another codebook, which nobody would understand
    shutil.copytree(tiny.sub_actions, other)
    facts = json.loads((other / "run.json").read_text(encoding="utf-8"))
    (other / "run.json").write_text(json.dumps(facts | {"codebook": {"sha256": "0" * 64}}), encoding="utf-8")
    with pytest.raises(ConfigError, match="different codebooks"):
        make_bundle(out, actions=tiny.actions, sub_actions=other, recognisers=[tiny.recogniser])
    assert not out.exists()


def test_few_held_out_clips_are_said_loudly(tiny, tmp_path):
    def describe(count):
        return describe_weaknesses({"colours": json.dumps({"num_clips": count}).encode()})

    assert describe(19) == () and describe(2000) == ()
    (said,) = describe(13)
    assert "13 held-out clips" in said and "1 known clip in 14" in said
    assert "not calibrated" in describe_weaknesses({"colours": None})[0]
    out = tmp_path / "loud.finegym"
    parts = ["--actions", tiny.actions, "--sub-actions", tiny.sub_actions, "--recogniser", tiny.recogniser]
    runner = CliRunner()
    made = runner.invoke(app, ["bundle", "make", str(out), *map(str, parts), "--without-calibration"])
    assert made.exit_code == 0 and "WARNING: Recogniser colours is not calibrated" in made.output
    shown = runner.invoke(app, ["bundle", "show", str(out)])
    assert "WARNING: Recogniser colours is not calibrated" in shown.output
    assert "WARNING" in runner.invoke(app, ["bundle", "show", str(tiny.bundle)]).output  # a handful of clips


def test_a_bundle_knows_what_whole_routines_are_like(tiny):
    facts = open_bundle(tiny.bundle).facts.routines
    assert facts == describe_routines(read_dataset(tiny.dataset)) and facts


def test_what_was_changed_after_it_was_unpacked_is_noticed_and_mended(tiny):
    bundle = open_bundle(tiny.bundle)
    name = next(name for name in bundle.facts.files if name.endswith(".safetensors"))
    content = (bundle.folder / name).read_bytes()
    (bundle.folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    shown = CliRunner().invoke(app, ["bundle", "show", str(tiny.bundle)])
    assert (
        f"1 of the unpacked files were gone or not what the bundle says, and were unpacked anew: {name}" in shown.stderr
    )
    assert (bundle.folder / name).read_bytes() == content
    (bundle.folder / "bundle.json").write_text("{}")
    assert open_bundle(tiny.bundle).mended == ("bundle.json",) and open_bundle(tiny.bundle).facts == bundle.facts
    assert "unpacked" not in CliRunner().invoke(app, ["bundle", "show", str(tiny.bundle)]).stderr


def test_clips_are_counted_not_the_quantiles_that_are_kept_of_them(tiny, tmp_path):
    def thin_out(content):
        return content | {"num_clips": 5000, "energies": sorted(content["energies"])[:3]}

    bundle = rewrite_calibration(tiny.bundle, tmp_path / "many.finegym", thin_out)
    shown = CliRunner().invoke(app, ["bundle", "show", str(bundle)]).stdout
    assert "on the 5000 clips it was fitted to (of their energies, 3 quantiles are kept)" in shown
    assert "quantiles" not in CliRunner().invoke(app, ["bundle", "show", str(tiny.bundle)]).stdout


def test_a_bundle_of_which_some_parts_saw_a_simulation_names_them(tiny, tmp_path):
    (tmp_path / "competition").mkdir()
    (tmp_path / "competition/simulation.json").write_text("{}")
    shutil.copytree(tiny.recogniser, tmp_path / "simulated")
    recipe = tmp_path / "simulated/recipe.toml"
    text = recipe.read_text(encoding="utf-8")
    assert str(tiny.dataset) in text
    recipe.write_text(text.replace(str(tiny.dataset), str(tmp_path / "competition")), encoding="utf-8")
    parts = {"actions": tiny.actions, "sub_actions": tiny.sub_actions, "without_calibration": True}
    runs = [tiny.recogniser, tmp_path / "simulated"]
    facts = make_bundle(tmp_path / "mixed.finegym", recognisers=runs, **parts)
    assert facts.is_simulated is True and facts.simulated_parts == ("recogniser 2 (colours)",)
    assert list(facts.trained_on.values()) == [False, False, False, True]
    shown = CliRunner().invoke(app, ["bundle", "show", str(tmp_path / "mixed.finegym")]).stdout
    assert "trained on a simulated competition in part" in shown
    assert "recogniser 2 (colours): a simulated competition" in shown
    recipe.write_text(text.replace(str(tiny.dataset), str(tmp_path / "gone")), encoding="utf-8")
    facts = make_bundle(tmp_path / "gone.finegym", recognisers=runs, **parts)
    assert facts.is_simulated is None and facts.simulated_parts == ()
    facts = make_bundle(tmp_path / "seen.finegym", recognisers=runs[:1], features=runs[1:], **parts)
    assert list(facts.trained_on) == [
        "localizer of actions", "localizer of sub-actions", "recogniser 1 (colours)", "features 1 (colours)"
    ]  # fmt: skip
