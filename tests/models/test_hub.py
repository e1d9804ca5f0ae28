"""Files of the Hugging Face Hub: fetched by its library (a stand-in here, its cache as it lies on disk), and hashed."""

import hashlib
import types
from pathlib import Path

import huggingface_hub
import pytest
import torch

from finegym.errors import ConfigError
from finegym.models import timm_networks
from finegym.models.hub import fetch_hub_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of huggingface_hub, the calls that were made, and a way to put a file into it."""
    calls = []

    def put(content, blob=None):
        path = tmp_path / "snapshots" / COMMIT / "model.safetensors"
        blobs = tmp_path / "blobs"
        for folder in (path.parent, blobs):
            folder.mkdir(parents=True, exist_ok=True)
        name = blob or hashlib.sha256(content).hexdigest()
        (blobs / name).write_bytes(content)
        path.symlink_to(Path("../../blobs") / name)
        return path

    def download(repository, file, revision=None):
        calls.append((repository, file, revision))
        return str(tmp_path / "snapshots" / COMMIT / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return types.SimpleNamespace(put=put, calls=calls)


def test_a_file_is_fetched_by_its_address_and_hashed(cache):
    path = cache.put(b"weights")
    found = fetch_hub_file("hub:MCG-NJU/videomae-base/model.safetensors")
    assert found.path == path
    digest = hashlib.sha256(b"weights").hexdigest()
    assert found.source == (f"hub:MCG-NJU/videomae-base/model.safetensors (commit {COMMIT[:12]}, SHA-256 {digest})")
    fetch_hub_file("hub:a/b@v1.0/model.safetensors")
    assert cache.calls == [("MCG-NJU/videomae-base", "model.safetensors", None), ("a/b", "model.safetensors", "v1.0")]


def test_a_file_that_is_not_what_the_hub_says_is_refused(cache):
    cache.put(b"half of it", blob=hashlib.sha256(b"all of it").hexdigest())
    with pytest.raises(ConfigError, match=r"is damaged: .* Delete that file"):
        fetch_hub_file("hub:a/b/model.safetensors")


def test_a_file_without_a_hash_is_refused(cache):
    cache.put(b"small", blob="5d41402abc4b2a76b9719d911017c592")  # of git, for files that are not large
    with pytest.raises(ConfigError, match="has no SHA-256 on the Hub"):
        fetch_hub_file("hub:a/b/model.safetensors")


@pytest.mark.parametrize("address", ["hub:a", "hub:a/b", "hub:a/b@/c", "hub:a/b/c@d", "hub:a b/c/d"])
def test_what_is_no_address(address):
    with pytest.raises(ConfigError, match="is no address of the Hub: expected hub:OWNER/NAME/FILE"):
        fetch_hub_file(address)


def test_without_a_network_the_address_is_named_in_one_line(monkeypatch, tmp_path):
    # The library itself, told that there is no network, with an empty cache.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        fetch_hub_file("hub:a/b@main/model.safetensors")
    line = str(caught.value)
    assert "could not be fetched" in line and "https://huggingface.co/a/b/resolve/main/model.safetensors" in line
    assert "\n" not in line


def build_timm(monkeypatch, model, error=None):
    checked = []

    def create_model(name, pretrained):
        assert pretrained and checked == [True]
        if error:
            raise error
        return model

    models = types.SimpleNamespace(set_pretrained_check_hash=checked.append)
    timm = types.SimpleNamespace(__version__="1.0.31", create_model=create_model, models=models)
    monkeypatch.setattr(timm_networks, "_import_timm", lambda name: timm)


def test_timm_loads_its_weights_itself_and_its_file_is_hashed(cache, monkeypatch):
    path = cache.put(b"weights")
    model = torch.nn.Linear(2, 2)
    model.pretrained_cfg = {"hf_hub_id": "timm/resnet18.a1_in1k", "url": "https://github.com/…"}
    asked = []

    def find(repository, file):
        asked.append((repository, file))
        return str(path) if file == "model.safetensors" else None

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", find)
    build_timm(monkeypatch, model)
    state, source = timm_networks.fetch_state("resnet18")
    assert state.keys() == {"weight", "bias"}
    assert source.startswith(f"timm 1.0.31, resnet18 (commit {COMMIT[:12]}, SHA-256 ")
    assert asked[0] == ("timm/resnet18.a1_in1k", "model.safetensors")


def test_timm_without_a_network_is_one_line(monkeypatch):
    build_timm(monkeypatch, None, OSError("no network\nand more"))
    with pytest.raises(ConfigError, match=r"^weights of timm:resnet18 could not be fetched: no network\. Give a file"):
        timm_networks.fetch_state("resnet18")
