"""RTMPose through rtmlib: a stand-in for rtmlib says where the file is, and fails as the real one does."""

import sys
import types

import numpy as np
import pytest
from test_onnx_pose import draw_blob, save_simcc

from finegym.errors import ConfigError
from finegym.features.pose.models import open_pose_model
from finegym.features.pose.rtmlib_model import MODES, open_rtmpose

ROI = np.array([[120.0, 100.0, 96, 128, 2.0]])


@pytest.fixture
def rtmlib(monkeypatch):
    """The two names that are read of rtmlib 0.0.16, in modules of their own."""
    package, tools, file = (types.ModuleType(name) for name in ("rtmlib", "rtmlib.tools", "rtmlib.tools.file"))
    package.Body = type("Body", (), {"MODE": {mode: {"pose": f"address of {mode}"} for mode in MODES.values()}})
    for module in (package, tools, file):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return package, file


@pytest.mark.parametrize("name", MODES)
def test_the_file_comes_from_rtmlib_and_runs_here(rtmlib, tmp_path, name):
    asked = []

    def download(address):
        asked.append(address)
        return str(save_simcc(tmp_path / "end2end.onnx"))

    rtmlib[1].download_checkpoint = download
    model = open_rtmpose(name)
    assert asked == [f"address of {MODES[name]}"]
    assert model.name == name
    assert model.estimate(draw_blob(125.3, 95.6), ROI).keypoints.shape == (1, 17, 2)


def test_without_rtmlib_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(ConfigError, match="pip install --no-deps rtmlib"):
        open_rtmpose("rtmpose-m")


def test_a_failed_download_and_an_unknown_rtmlib_are_named(rtmlib):
    def fail(address):
        raise OSError("unreachable")

    rtmlib[1].download_checkpoint = fail
    with pytest.raises(
        ConfigError, match=r"could not download rtmpose-m from address of balanced: unreachable.*\.onnx"
    ):
        open_rtmpose("rtmpose-m")
    del rtmlib[0].Body.MODE["balanced"]
    with pytest.raises(ConfigError, match="'balanced'"):
        open_rtmpose("rtmpose-m")


def test_models_by_name(shared, monkeypatch, tmp_path, rtmlib):
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(shared / "weights"))
    path = save_simcc(tmp_path / "mine.onnx")
    rtmlib[1].download_checkpoint = lambda address: str(path)
    frame = draw_blob(125.3, 95.6)
    for name in ("blazepose-full", "blazepose-lite", "rtmpose-s", str(path)):
        model = open_pose_model(name)
        assert model.can_detect
        assert model.name == ("mine" if name == str(path) else name)
        assert len(model.detect(frame)) == 0
        assert model.estimate(frame, ROI).keypoints.shape == (1, 17, 2)
    with pytest.raises(ConfigError, match="finegym weights fetch blazepose-heavy"):
        open_pose_model("blazepose-heavy")
    with pytest.raises(ConfigError, match=r"blazepose-lite.*rtmpose-x.*\.onnx"):
        open_pose_model("blaze")
