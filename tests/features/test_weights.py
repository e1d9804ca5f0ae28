"""Weights are found, checked and fetched: from fake packages, and (marked network) from the real one."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile

import pytest
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.errors import ConfigError, FeatureError, OutputError
from finegym.features import weights as weights_module
from finegym.features import weights_fetch
from finegym.features.weights import FETCHES, WEIGHTS, Weights, find_weights, get_weights_folder, list_weights
from finegym.features.weights_fetch import fetch_weights

CONTENT = {name: f"weights {name}".encode() * 50 for name in WEIGHTS}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty weights folder, and weights that are small."""
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(tmp_path / "weights"))
    for name, real in list(WEIGHTS.items()):
        digest = hashlib.sha256(CONTENT[name]).hexdigest()
        fake = Weights(real.file, digest, len(CONTENT[name]), *list(vars(real).values())[3:])
        monkeypatch.setitem(weights_module.WEIGHTS, name, fake)
    return tmp_path / "weights"


def write_wheel(path, names=("blazepose-detector", "blazepose-full"), change=lambda content: content):
    path.parent.mkdir(parents=True, exist_ok=True)
    info = "mediapipe-0.10.21.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for name in names:
            wheel.writestr(WEIGHTS[name].member, change(CONTENT[name]))
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def write_tgz(path, names=("blazepose-lite", "blazepose-heavy")):
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(WEIGHTS[name].member)
            member.size = len(CONTENT[name])
            archive.addfile(member, io.BytesIO(CONTENT[name]))
    return path


def test_the_shared_files_are_the_published_ones(shared, monkeypatch):
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(shared / "weights"))
    states = {found.name: found for found in list_weights()}
    for name in ("blazepose-detector", "blazepose-full", "blazepose-lite"):
        assert states[name].state == "ok"
        assert states[name].path.stat().st_size == WEIGHTS[name].size_bytes
        assert find_weights(name) == states[name].path
    assert states["blazepose-heavy"].state == "absent"


@pytest.mark.parametrize("name", WEIGHTS)
def test_absent_weights_name_a_command_that_gets_them(folder, name):
    with pytest.raises(ConfigError) as caught:
        find_weights(name)
    command = str(caught.value).split("`")[1]
    assert command.startswith("finegym weights fetch ")
    assert name in FETCHES[command.split()[-1]]


def test_folder_is_the_users_cache_unless_it_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("FINEGYM_WEIGHTS_FOLDER", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert get_weights_folder() == tmp_path / "finegym" / "weights"
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(tmp_path / "mine"))
    assert get_weights_folder() == tmp_path / "mine"


def test_unknown_names_are_refused_with_the_known_ones(folder):
    with pytest.raises(ConfigError, match="blazepose-full"):
        find_weights("blazepose")
    with pytest.raises(ConfigError, match="blazepose-lite"):
        fetch_weights("blazepose-full")


def test_fetch_from_a_wheel_then_keep(folder, tmp_path):
    wheel = write_wheel(tmp_path / "m.whl")
    result = fetch_weights("blazepose", sources=[wheel])
    assert result.fetched == ("blazepose-detector", "blazepose-full")
    assert find_weights("blazepose-full").read_bytes() == CONTENT["blazepose-full"]
    again = fetch_weights("blazepose", sources=[tmp_path / "gone.whl"])
    assert (again.fetched, again.kept) == ((), ("blazepose-detector", "blazepose-full"))


def test_fetch_from_packages_folders_and_files_together(folder, tmp_path):
    single = tmp_path / WEIGHTS["blazepose-detector"].file
    single.write_bytes(CONTENT["blazepose-detector"])
    tgz = write_tgz(tmp_path / "p.tgz")
    (tmp_path / "empty").mkdir()
    result = fetch_weights("blazepose-lite", sources=[tmp_path / "empty", single, tgz])
    assert result.fetched == ("blazepose-detector", "blazepose-lite")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / WEIGHTS["blazepose-full"].file).write_bytes(CONTENT["blazepose-full"])
    assert fetch_weights("blazepose", sources=[tmp_path / "files"]).kept == ("blazepose-detector",)


def test_a_damaged_file_is_not_run_and_is_replaced(folder, tmp_path):
    wheel = write_wheel(tmp_path / "m.whl")
    fetch_weights("blazepose", sources=[wheel])
    path = find_weights("blazepose-full")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FeatureError, match="finegym weights fetch blazepose"):
        find_weights("blazepose-full")
    assert fetch_weights("blazepose", sources=[wheel]).fetched == ("blazepose-full",)
    assert find_weights("blazepose-full") == path


@pytest.mark.parametrize(
    ("make", "fact"),
    [
        (lambda path: write_wheel(path, change=lambda content: content[:-3]), "another or a damaged file"),
        (lambda path: write_wheel(path, names=["blazepose-detector"]), "expected pose_landmark_full.tflite"),
        (lambda path: path.write_bytes(b"no package at all"), "no package, or a damaged one"),
        (lambda path: path.write_bytes(b""), "no package, or a damaged one"),
        (lambda path: path.write_bytes(write_tgz(path).read_bytes()[:60]), "damaged"),
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "expected pose_detection.tflite"),
    ],
)
def test_a_bad_source_writes_nothing(folder, tmp_path, make, fact):
    source = tmp_path / "source.whl"
    make(source)
    with pytest.raises(FeatureError, match=fact):
        fetch_weights("blazepose", sources=[source])
    assert not folder.exists() or not list(folder.iterdir())


def test_a_folder_that_cannot_be_written_is_named(folder, tmp_path):
    folder.write_text("a file where the folder should be")
    with pytest.raises((OutputError, FeatureError), match="weights"):
        fetch_weights("blazepose", sources=[write_wheel(tmp_path / "m.whl")])


def test_pip_fetches_from_the_index_its_user_has_set(folder, tmp_path, monkeypatch):
    links = tmp_path / "links"
    write_wheel(links / "mediapipe-0.10.21-cp312-cp312-manylinux_2_28_x86_64.whl")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    said = []
    assert fetch_weights("blazepose", say=said.append).fetched == ("blazepose-detector", "blazepose-full")
    assert said == ["downloading mediapipe==0.10.21 through pip (not installing it)"]
    assert find_weights("blazepose-detector").read_bytes() == CONTENT["blazepose-detector"]


def test_without_a_network_the_error_says_how_to_go_on(folder, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(ConfigError, match=r"pip could not download mediapipe==0\.10\.21: .*--source FILE\.whl"):
        fetch_weights("blazepose")
    assert not folder.exists()


def test_npm_packs_what_is_on_npm(folder, tmp_path, monkeypatch):
    """A program called npm that does what `npm pack` does."""
    tgz = write_tgz(tmp_path / "made.tgz")
    fake = tmp_path / "bin" / "npm"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\ncase "$3" in --pack-destination=*) cp {tgz} "${{3#*=}}/p.tgz";; esac\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    fetch_weights("blazepose", sources=[write_wheel(tmp_path / "m.whl")])
    assert fetch_weights("blazepose-heavy").fetched == ("blazepose-heavy",)
    monkeypatch.setattr(weights_fetch.shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match="npm is not installed"):
        fetch_weights("blazepose-lite")


def test_command_line_fetches_and_lists(folder, tmp_path):
    run = CliRunner().invoke
    wheel = write_wheel(tmp_path / "m.whl")
    done = run(app, ["weights", "fetch", "blazepose", "--source", str(wheel)])
    assert done.exit_code == 0
    assert "fetched 2, kept 0" in done.stdout
    listed = run(app, ["weights", "list"])
    assert "ok 2, absent 2, damaged 0" in listed.stdout
    assert "Apache-2.0" in listed.stdout
    states = {row["name"]: row["state"] for row in json.loads(run(app, ["weights", "list", "--json"]).stdout)}
    assert states["blazepose-full"] == "ok"


@pytest.mark.network
@pytest.mark.slow
def test_the_real_wheel_holds_the_real_files(tmp_path, monkeypatch):
    probe = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(tmp_path / "probe"), "-q", "six"]
    if subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("no package index can be reached: the real wheel was not fetched")
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(tmp_path / "weights"))
    assert fetch_weights("blazepose").fetched == ("blazepose-detector", "blazepose-full")
    assert find_weights("blazepose-full").stat().st_size == 6_440_512
