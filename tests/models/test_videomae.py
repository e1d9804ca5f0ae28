"""VideoMAE's transformer against the equations, worked one by one, and against transformers' own classifier."""

import math

import pytest
import torch
from safetensors.torch import save_file

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.backbones import IMAGENET
from finegym.models.complexity import count_multiply_adds
from finegym.models.videomae import NORM, SIZES, VideoMAE, build_videomae
from finegym.training.parameter_groups import list_layers

transformers = pytest.importorskip("transformers")

FRAMES, SIDE, CLASSES = 4, 32, 5


def build_small(**settings):
    torch.manual_seed(0)
    backbone, report = build_videomae("videomae_s", num_frames=FRAMES, image_size=SIDE, **settings)
    model = VideoMAE(backbone, CLASSES).eval()
    torch.nn.init.normal_(model.classifier.weight, 0, 0.1)
    return model, report


def build_theirs(classifier=True, **settings):
    """The published network as transformers has it, with every weight away from its start."""
    config = transformers.VideoMAEConfig(
        image_size=SIDE,
        num_frames=FRAMES,
        hidden_size=384,
        num_attention_heads=6,
        intermediate_size=1536,
        num_labels=CLASSES,
        decoder_hidden_size=32,
        decoder_num_attention_heads=2,
        decoder_num_hidden_layers=1,
        decoder_intermediate_size=64,
        **settings,
    )
    torch.manual_seed(1)
    kind = transformers.VideoMAEForVideoClassification if classifier else transformers.VideoMAEForPreTraining
    model = kind(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def normalise_slowly(vectors, weight, bias, eps):
    return torch.stack([(v - v.mean()) / torch.sqrt(v.var(unbiased=False) + eps) * weight + bias for v in vectors])


def compute_slowly(state, clip, heads):
    """Features of one clip (T, 3, H, W): cube by cube, head by head, query by query."""
    cubes = []
    for t in range(0, clip.shape[0], 2):
        for y in range(0, clip.shape[2], 16):
            for x in range(0, clip.shape[3], 16):
                cube = clip[t : t + 2, :, y : y + 16, x : x + 16].transpose(0, 1)  # (3, 2, 16, 16)
                kernel = state["embeddings.patch_embeddings.projection.weight"]
                cubes.append((kernel * cube).flatten(1).sum(1) + state["embeddings.patch_embeddings.projection.bias"])
    width = len(cubes[0])
    for place, cube in enumerate(cubes):
        for i in range(width):
            angle = place / 10000 ** (2 * (i // 2) / width)
            cube[i] += math.sin(angle) if i % 2 == 0 else math.cos(angle)
    hidden = torch.stack(cubes)
    for number in range(12):
        block = {key.removeprefix(f"layer.{number}."): value for key, value in state.items()}
        normed = normalise_slowly(hidden, block["layernorm_before.weight"], block["layernorm_before.bias"], 1e-6)
        q = normed @ block["attention.attention.query.weight"].T + block["attention.attention.query.bias"]
        k = normed @ block["attention.attention.key.weight"].T  # no bias, which a softmax would not notice
        v = normed @ block["attention.attention.value.weight"].T + block["attention.attention.value.bias"]
        seen = torch.zeros_like(hidden)
        size = width // heads
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            for i in range(len(hidden)):
                weights = torch.exp(
                    torch.stack([q[i, part] @ k[j, part] / math.sqrt(size) for j in range(len(hidden))])
                )
                seen[i, part] = sum(weights[j] / weights.sum() * v[j, part] for j in range(len(hidden)))
        hidden = hidden + seen @ block["attention.output.dense.weight"].T + block["attention.output.dense.bias"]
        normed = normalise_slowly(hidden, block["layernorm_after.weight"], block["layernorm_after.bias"], 1e-6)
        wide = normed @ block["intermediate.dense.weight"].T + block["intermediate.dense.bias"]
        wide = 0.5 * wide * (1 + torch.erf(wide / math.sqrt(2)))
        hidden = hidden + wide @ block["output.dense.weight"].T + block["output.dense.bias"]
    return normalise_slowly(hidden.mean(0)[None], state["fc_norm.weight"], state["fc_norm.bias"], 1e-6)[0]


@pytest.mark.parametrize(("name", "millions", "gigas"), [("videomae_s", 22, 57), ("videomae_b", 87, 180)])
def test_counts_are_the_published_ones_and_those_worked_by_hand(name, millions, gigas):
    with torch.device("meta"):
        model = VideoMAE(build_videomae(name)[0], 400)
    width, depth, _ = SIZES[name]
    cubes, cube = 8 * 14 * 14, 3 * 2 * 16 * 16
    block = 4 * width**2 + 3 * width + 8 * width**2 + 5 * width + 4 * width  # attention, two linear layers, two norms
    by_hand = (cube + 1) * width + depth * block + 2 * width + (width + 1) * 400
    assert count_parameters(model) == by_hand
    assert round(by_hand / 1e6) == millions
    operations = cubes * cube * width + depth * (12 * cubes * width**2 + 2 * cubes**2 * width) + width * 400
    assert count_multiply_adds(model, (1, 16, 3, 224, 224)) == operations
    assert round(operations / 1e9) == gigas


def test_features_are_those_of_the_equations():
    model, _ = build_small()
    for parameter in model.parameters():
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    clips = torch.randn(2, FRAMES, 3, SIDE, SIDE)
    state = model.backbone.body.state_dict()
    with torch.no_grad():
        slow = torch.stack([compute_slowly(state, clip, heads=6) for clip in clips])
        torch.testing.assert_close(model.backbone(clips.transpose(1, 2)), slow, rtol=0, atol=2e-5)


def save(model, path, old=False):
    """A file as the Hub has it; ``old``: with the names of before transformers 5."""
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    if old:
        names = {"attention.attention.query.bias": "attention.attention.q_bias"}
        names |= {"attention.attention.value.bias": "attention.attention.v_bias"}
        for new, other in names.items():
            state = {key.replace(new, other): value for key, value in state.items()}
        assert any(key.endswith("q_bias") for key in state)
    save_file(state, path, metadata={"format": "pt"})
    return state


@pytest.mark.parametrize("old", [False, True])
def test_a_fine_tuned_file_gives_the_logits_of_transformers(tmp_path, old):
    theirs = build_theirs()
    state = save(theirs, tmp_path / "model.safetensors", old)
    model, report = build_small(weights=str(tmp_path / "model.safetensors"))
    assert sorted(report.ignored) == ["classifier.bias", "classifier.weight"]
    assert len(report.used) + 2 == len(state)
    model.classifier.load_state_dict(theirs.classifier.state_dict())
    clips = torch.randn(2, FRAMES, 3, SIDE, SIDE)
    with torch.no_grad():
        torch.testing.assert_close(model(clips), theirs(clips).logits, rtol=0, atol=1e-4)
        torch.testing.assert_close(model(clips[1:]), model(clips)[1:], rtol=0, atol=1e-5)
    assert model.normalisation == IMAGENET


def test_of_a_self_supervised_file_the_encoder_is_taken_and_what_begins_anew_is_said(tmp_path):
    theirs = build_theirs(classifier=False, use_mean_pooling=False)
    save(theirs, tmp_path / "model.safetensors")
    model, report = build_small(weights=str(tmp_path / "model.safetensors"))
    assert "fc_norm.weight and fc_norm.bias begin anew" in report.source
    assert any(key.startswith("decoder.") for key in report.ignored)
    assert {"mask_token", "encoder_to_decoder.weight", "videomae.layernorm.weight"} <= set(report.ignored)
    body = model.backbone.body.state_dict()
    assert torch.equal(body[NORM[0]], torch.ones(384))
    key = "attention.attention.value.weight"
    assert torch.equal(body[f"layer.11.{key}"], theirs.state_dict()[f"videomae.encoder.layer.11.{key}"])


def test_a_file_of_another_size_is_refused(tmp_path):
    save(build_theirs(), tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match="of another shape"):
        build_videomae("videomae_b", weights=str(tmp_path / "model.safetensors"))


def test_clips_have_whole_cubes_and_the_size_that_was_built():
    with pytest.raises(ConfigError, match="cubes of 2 frames and 16 x 16 pixels, but they are 3 frames of 32 pixels"):
        build_videomae("videomae_s", num_frames=3, image_size=32)
    model, _ = build_small()
    with pytest.raises(ConfigError, match=r"clips \(B, T, C, H, W\) of \(4, 3, 32, 32\) each, got \(1, 8, 3, 32, 32\)"):
        model(torch.zeros(1, 8, 3, SIDE, SIDE))


def test_layers_are_cubes_and_blocks():
    with torch.device("meta"):
        model = VideoMAE(build_videomae("videomae_b")[0], CLASSES)
    layers = list_layers(model)
    assert len(layers) == 13
    named = [key for layer in layers for key in layer]
    assert sorted(named) == sorted(key for key, _ in model.named_parameters() if not key.startswith("classifier."))


def test_without_the_package_its_extra_is_named(monkeypatch):
    monkeypatch.setattr("finegym.models.videomae.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'finegym\[videomae\]'"):
        build_videomae("videomae_s")
