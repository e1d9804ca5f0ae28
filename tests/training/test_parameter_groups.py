import pytest
import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models.backbones import build_backbone
from finegym.models.pose_mlp import PoseMLP
from finegym.models.tsn import TSN
from finegym.training.optimizers import build_optimizer
from finegym.training.parameter_groups import (
    build_parameter_groups,
    freeze_parameters,
    hold_frozen_norms,
    list_layers,
)


@pytest.fixture(scope="module")
def build_tsn():
    return lambda name="resnet18", **settings: TSN(build_backbone(name)[0], 3, **settings)


def get_factors(model, **settings):
    """Factor and weight decay of every parameter by name; fails where one is in two groups."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {}
    for group in build_parameter_groups(model, **settings):
        for parameter in group["params"]:
            assert names[id(parameter)] not in found
            found[names[id(parameter)]] = (group["learning_rate_factor"], group["weight_decay"])
    return found


def test_a_resnet_has_a_stem_and_a_layer_for_every_block(build_tsn):
    layers = list_layers(build_tsn())
    assert len(layers) == 1 + 8
    assert layers[0] == [f"backbone.body.{name}" for name in ("conv1.weight", "bn1.weight", "bn1.bias")]
    assert {name.rsplit(".", 2)[0] for name in layers[3]} >= {"backbone.body.layer2.0"}
    assert all(name.startswith("backbone.body.layer4.1.") for name in layers[-1])


@pytest.mark.parametrize(
    ("name", "num_layers"),
    [
        ("vgg16_bn", 13 + 2),  # convolutions with their norms, and two linear layers of the classifier
        ("mobilenet_v3_small", 1 + 11 + 1 + 1),
        ("efficientnet_lite0", 1 + 16 + 1),
        ("bn_inception", 3 + 10),  # three convolutions, and the blocks 3a to 5b
    ],
)
def test_plain_sequences_are_counted_one_by_one(build_tsn, name, num_layers):
    model = build_tsn(name)
    layers = list_layers(model)
    assert len(layers) == num_layers
    named = [key for names in layers for key in names]
    assert sorted(named) == sorted(key for key, _ in model.named_parameters() if key.startswith("backbone."))


def test_the_rate_of_a_layer_is_worked_by_hand(build_tsn):
    factors = get_factors(build_tsn(), weight_decay=0.01, layer_decay=0.5)
    assert factors["classifier.weight"] == (1.0, 0.01)
    assert factors["backbone.body.layer4.1.conv2.weight"] == (0.5, 0.01)
    assert factors["backbone.body.layer4.0.downsample.0.weight"] == (0.25, 0.01)
    assert factors["backbone.body.conv1.weight"] == factors["backbone.body.bn1.bias"] == (0.5**9, 0.01)


@pytest.mark.parametrize("layer_decay", [1.0, 0.75])
@pytest.mark.parametrize("decay_biases_and_norms", [True, False])
@pytest.mark.parametrize("patterns", [[], ["*.layer1.*", "backbone.body.conv1.weight"]])
def test_every_trained_parameter_is_in_one_group(build_tsn, layer_decay, decay_biases_and_norms, patterns):
    model = build_tsn()
    frozen = freeze_parameters(model, patterns)
    assert bool(frozen) == bool(patterns)
    found = get_factors(model, weight_decay=0.1, layer_decay=layer_decay, decay_biases_and_norms=decay_biases_and_norms)
    assert sorted(found) == sorted(name for name, p in model.named_parameters() if p.requires_grad)
    assert set(found) & set(frozen) == set()
    for name, (_, decay) in found.items():
        is_bias_or_norm = name.endswith("bias") or "bn" in name or ".downsample.1." in name
        assert decay == (0.0 if is_bias_or_norm and not decay_biases_and_norms else 0.1)


def test_nothing_asked_is_one_group_in_the_models_order(build_tsn):
    model = build_tsn()
    (group,) = build_parameter_groups(model, weight_decay=0.1)
    assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]
    optimizer = build_optimizer([group], "sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.1)
    plain = build_optimizer(model.parameters(), "sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.1)
    ours, theirs = optimizer.param_groups[0], plain.param_groups[0]
    assert {key: value for key, value in ours.items() if key != "learning_rate_factor" and key != "params"} == {
        key: value for key, value in theirs.items() if key != "params"
    }


def test_parameters_beside_layers_belong_to_the_first():
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.position = nn.Parameter(torch.zeros(1, 4))
            self.patch = nn.Linear(4, 4)
            self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(4, 1, 8) for _ in range(2))
            self.norm = nn.LayerNorm(4)

    model = nn.ModuleDict({"backbone": Encoder(), "head": nn.Linear(4, 2)})
    layers = list_layers(model)
    assert layers[0] == ["backbone.position", "backbone.patch.weight", "backbone.patch.bias"]
    assert [len(names) for names in layers[1:]] == [12, 12 + 2]
    wrapped = nn.ModuleDict({"model": model})
    assert list_layers(wrapped) == [[f"model.{name}" for name in names] for names in layers]


def test_models_without_a_backbone_have_no_layers():
    model = PoseMLP(4, 2)
    assert {factor for factor, _ in get_factors(model, weight_decay=0.0).values()} == {1.0}
    with pytest.raises(ConfigError, match=r"optim\.layer_decay is for models with a backbone, and PoseMLP has none"):
        build_parameter_groups(model, weight_decay=0.0, layer_decay=0.9)


def test_patterns_freeze_what_they_name(build_tsn):
    model = build_tsn()
    frozen = freeze_parameters(model, ["backbone.body.layer[12].*", "*.bias"])
    expected = [
        name
        for name, _ in model.named_parameters()
        if name.startswith(("backbone.body.layer1.", "backbone.body.layer2.")) or name.endswith(".bias")
    ]
    assert frozen == expected == [name for name, p in model.named_parameters() if not p.requires_grad]


@pytest.mark.parametrize(
    ("pattern", "fact"),
    [
        ("backbone.layer1.*", r"backbone\.body\.layer1\.\*"),
        ("clasifier.weight", r"classifier\.weight"),
        ("classifier", r"classifier\.\*"),
        ("zzz", r"the first is backbone\.body\.conv1\.weight"),
    ],
)
def test_a_pattern_that_matches_nothing_is_named_with_what_is_close(build_tsn, pattern, fact):
    model = build_tsn()
    with pytest.raises(ConfigError, match=f"matches none of the model's 62 tensors; .*{fact}"):
        freeze_parameters(model, ["*.bias", pattern])
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_something_must_be_left_to_train(build_tsn):
    with pytest.raises(ConfigError, match="leaves nothing to train: all 62 tensors match"):
        freeze_parameters(build_tsn(), ["*"])


def test_frozen_norms_keep_their_statistics(build_tsn):
    model = build_tsn()
    freeze_parameters(model, ["*.layer1.*", "backbone.body.bn1.weight"])
    model.train()
    hold_frozen_norms(model)
    standing = {name for name, module in model.named_modules() if "bn" in name and not module.training}
    # Of bn1 only the weight stands still.
    assert standing == {f"backbone.body.layer1.{block}.bn{k}" for block in (0, 1) for k in (1, 2)}


def test_momentum_free_steps_are_scaled_by_the_factor():
    model = nn.ModuleDict({"backbone": nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)), "head": nn.Linear(1, 1)})
    groups = build_parameter_groups(model, weight_decay=0.0, layer_decay=0.1)
    optimizer = build_optimizer(groups, "sgd", learning_rate=1.0, momentum=0.0, weight_decay=0.0)
    before = [parameter.item() for parameter in model.parameters()]
    for group in optimizer.param_groups:
        group["lr"] = 2.0 * group["learning_rate_factor"]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    moved = [old - parameter.item() for old, parameter in zip(before, model.parameters(), strict=True)]
    assert moved == pytest.approx([0.02, 0.02, 0.2, 0.2, 2.0, 2.0], abs=1e-6)
