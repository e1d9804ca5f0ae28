import numpy as np
import pytest
import torch
import torchvision
from sklearn.cluster import KMeans
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.actionvlad import VLAD, ActionVLAD, build_vgg16_maps, compute_centres, normalise_length
from finegym.models.backbones import IMAGENET, Backbone, load_weights
from finegym.models.complexity import count_multiply_adds


def build_small(alpha=10.0, **settings):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2))
    model = ActionVLAD(Backbone(body, 8, IMAGENET), 5, num_clusters=4, alpha=alpha, **settings)
    nn.init.normal_(model.classifier.weight)
    return model


def compute_vlad(features, centres, weight, bias):
    """Equation 1 in NumPy: residuals of one clip's features (N, D), place by place and word by word."""

    def normalise(x):
        return x / np.sqrt(max((x * x).sum(), 1e-12))

    sums = np.zeros_like(centres)
    for feature in map(normalise, features):
        scores = weight @ feature + bias
        a = np.exp(scores - scores.max())
        a /= a.sum()
        for k in range(len(centres)):
            sums[k] += a[k] * (feature - centres[k])
    return normalise(np.stack([normalise(s) for s in sums]).ravel())


@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize("alpha", [1.0, 1000.0])
def test_model_equals_the_equation(alpha, is_training):
    model = build_small(alpha).double().train(is_training)
    model.vlad.centres.data *= 0.8  # neither of length 1 nor tied to the assignment
    frames = torch.randn(2, 3, 3, 17, 17, dtype=torch.double)
    parameters = [p.detach().numpy() for p in (model.vlad.centres, *model.vlad.assignment.parameters())]
    for clip, got in zip(frames, model(frames), strict=True):
        maps = [model.backbone(frame[None])[0].detach().numpy() for frame in clip]
        features = np.concatenate([image.reshape(8, -1).T for image in maps])  # all places of all frames
        vlad = compute_vlad(features, *parameters)
        expected = model.classifier.weight.detach().numpy() @ vlad + model.classifier.bias.detach().numpy()
        np.testing.assert_allclose(got.detach().numpy(), expected, atol=1e-9)


def test_assignment_is_the_softmax_of_minus_alpha_times_the_squared_distance():
    torch.manual_seed(0)
    vlad = VLAD(8, 5, alpha=3.0)
    vlad.set_centres(torch.randn(5, 8))
    features = F.normalize(torch.randn(7, 8))
    distances = (features[:, None] - vlad.centres).square().sum(dim=2)
    torch.testing.assert_close(vlad.assignment(features).softmax(dim=1), (-3.0 * distances).softmax(dim=1))
    with pytest.raises(ConfigError, match=r"centres must be \(5, 8\), got \(4, 8\)"):
        vlad.set_centres(torch.zeros(4, 8))


def test_centres_and_assignment_are_separate_parameters():
    model = build_small()
    model(torch.randn(2, 3, 3, 17, 17)).square().sum().backward()
    assert {name for name, p in model.vlad.named_parameters() if p.grad is not None} == {
        "centres",
        "assignment.weight",
        "assignment.bias",
    }
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_length_of_nothing_stays_nothing():
    assert torch.equal(normalise_length(torch.zeros(2, 3)), torch.zeros(2, 3))
    torch.testing.assert_close(normalise_length(torch.tensor([3.0, 4.0])), torch.tensor([0.6, 0.8]))
    torch.testing.assert_close(normalise_length(torch.tensor([1e-7, 0.0])), torch.tensor([0.1, 0.0]))


def test_order_of_frames_and_batch_do_not_change_logits():
    model = build_small().eval()
    frames = torch.randn(5, 4, 3, 17, 17)
    with torch.inference_mode():
        together = model(frames)
        torch.testing.assert_close(model(frames.flip(1)), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(torch.cat([model(clip[None]) for clip in frames]), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(frames.flip(0)).flip(0), together, atol=1e-5, rtol=0)


def test_the_first_step_trains_the_classifier_only():
    model = build_small(freeze_backbone=True, freeze_centres=True).train()
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"classifier.weight", "classifier.bias"}
    assert not model.backbone.training
    model(torch.randn(2, 3, 3, 17, 17)).sum().backward()


def test_counts_and_frozen_layers_of_vgg16():
    with torch.device("meta"):
        model = ActionVLAD(build_vgg16_maps(), 99)
    # VGG-16's convolutions, centres, assignment with bias, classifier.
    assert count_parameters(model) == 14_714_688 + 64 * 512 + (64 * 512 + 64) + (64 * 512 * 99 + 99)
    assert f"{count_multiply_adds(model, (1, 10, 3, 224, 224)) / 1e9:.2f}" == "153.60"
    trained = {name for name, p in model.backbone.named_parameters() if p.requires_grad}
    assert trained == {f"body.features.{i}.{kind}" for i in (24, 26, 28) for kind in ("weight", "bias")}


def test_vgg16_weights_load_strictly_and_maps_are_conv5_3():
    torch.manual_seed(0)
    with torch.device("meta"):
        vgg = torchvision.models.vgg16(weights=None)
    convolutions = {
        key: torch.randn(value.shape) * (0.05 if value.dim() > 1 else 0.01)
        for key, value in vgg.state_dict().items()
        if key.startswith("features.")
    }
    backbone = build_vgg16_maps()
    state = {**convolutions, "classifier.6.bias": torch.zeros(1000)}
    report = load_weights(backbone.body, state, source="memory", head="classifier.")
    assert report.ignored == ("classifier.6.bias",)
    vgg.features.load_state_dict({k.removeprefix("features."): v for k, v in convolutions.items()}, assign=True)
    image = torch.randn(1, 3, 32, 32)
    maps = backbone(image)
    assert maps.shape == (1, 512, 2, 2)
    assert maps.min() == 0
    torch.testing.assert_close(F.max_pool2d(maps, 2), vgg.features(image))


def test_kmeans_equals_scikit_learns_from_the_same_seeds():
    torch.manual_seed(0)
    features = torch.randn(300, 6, dtype=torch.double)
    got = compute_centres(features, 5, torch.Generator().manual_seed(1))
    unit = normalise_length(features)
    seeds = compute_centres(features, 5, torch.Generator().manual_seed(1), max_iterations=0)
    assert all((unit == seed).all(dim=1).any() for seed in seeds)
    theirs = KMeans(5, init=seeds.numpy(), n_init=1, tol=0, max_iter=300).fit(unit.numpy())
    np.testing.assert_allclose(got.numpy(), theirs.cluster_centers_, atol=1e-6)
    assert torch.equal(got, compute_centres(features, 5, torch.Generator().manual_seed(1)))


def test_kmeans_wants_enough_features_and_survives_equal_ones():
    with pytest.raises(ConfigError, match="at least as many features, got 3"):
        compute_centres(torch.randn(3, 2), 4, torch.Generator())
    centres = compute_centres(torch.ones(6, 2), 3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(centres, torch.full((3, 2), 0.5**0.5))
