import pytest
import torch
from torch import nn
from torch.nn import functional as F

from finegym.models import MODELS, count_parameters
from finegym.models.backbones import IMAGENET, Backbone, build_backbone
from finegym.models.tsn import TSN


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, images):
        return F.relu(self.norm(self.conv(images))).mean(dim=(2, 3))


def build_tiny(num_classes=3, **settings):
    torch.manual_seed(0)
    return TSN(Backbone(Tiny(), 8, IMAGENET), num_classes, **settings)


@pytest.mark.parametrize(
    ("backbone", "in_channels", "count"), [("resnet50", 3, 23_710_883), ("resnet50", 10, 23_710_883 + 21_952)]
)
def test_parameter_counts_equal_the_published_ones(backbone, in_channels, count):
    with torch.device("meta"):
        model = TSN(build_backbone(backbone, in_channels=in_channels)[0], 99)
    assert count_parameters(model) == count


def test_logits_are_the_mean_of_frames_scored_one_by_one():
    model = build_tiny().eval()
    frames = torch.rand(2, 5, 3, 16, 16)
    for b in range(2):
        expected = torch.zeros(3)
        for t in range(5):
            feature = model.backbone(frames[b, t][None])[0]
            expected += model.classifier.weight @ feature + model.classifier.bias
        torch.testing.assert_close(model(frames)[b], expected / 5)


def test_order_of_frames_does_not_matter():
    model = build_tiny().eval()
    frames = torch.rand(2, 5, 3, 16, 16)
    torch.testing.assert_close(model(frames), model(frames.flip(1)))


@pytest.mark.parametrize("num_frames", [1, 3, 12])
def test_any_number_of_frames_goes(num_frames):
    assert build_tiny()(torch.rand(2, num_frames, 3, 16, 16)).shape == (2, 3)


def test_batch_size_does_not_change_logits():
    torch.manual_seed(0)
    model = TSN(build_backbone("resnet18")[0], 4).eval()
    nn.init.normal_(model.classifier.weight, 0, 0.1)
    frames = torch.rand(6, 2, 3, 32, 32)
    with torch.inference_mode():
        together = model(frames)
        alone = torch.cat([model(clip[None]) for clip in frames])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_dropout_acts_in_training_only():
    model = build_tiny(dropout=0.8)
    nn.init.normal_(model.classifier.weight)
    frames = torch.rand(1, 3, 3, 16, 16)
    model.backbone.eval()
    assert not torch.equal(model(frames), model(frames))
    model.eval()
    assert torch.equal(model(frames), model(frames))


def test_classifier_starts_small_and_unbiased():
    model = TSN(Backbone(Tiny(), 2000, IMAGENET), 100)
    assert model.classifier.weight.std().item() == pytest.approx(0.001, rel=0.05)
    assert model.classifier.bias.abs().max() == 0


def test_a_frozen_backbone_moves_neither_weights_nor_statistics():
    model = build_tiny(freeze_backbone=True)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    F.cross_entropy(model(torch.rand(4, 2, 3, 16, 16)), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"classifier.weight", "classifier.bias"}


def test_partial_batch_norm_moves_the_first_statistics_only():
    torch.manual_seed(0)
    model = TSN(build_backbone("resnet18")[0], 2, partial_batch_norm=True)
    before = {key: value.clone() for key, value in model.named_buffers()}
    model.train()(torch.rand(4, 1, 3, 32, 32))
    changed = {key.rpartition(".")[0] for key, value in model.named_buffers() if not torch.equal(value, before[key])}
    assert changed == {"backbone.body.bn1"}
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_tsn_overfits_eight_clips():
    model = build_tiny(num_classes=8, dropout=0.0)
    frames = torch.rand(8, 1, 3, 1, 1).expand(8, 3, 3, 8, 8) + 0.01 * torch.rand(8, 3, 3, 8, 8)
    targets = torch.arange(8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
    for _ in range(300):
        optimizer.zero_grad()
        F.cross_entropy(model(frames), targets).backward()
        optimizer.step()
    assert (model(frames).argmax(dim=1) == targets).all()


def test_every_model_of_the_dict_is_a_class_with_its_own_file():
    assert {name: model.__module__.rpartition(".")[2] for name, model in MODELS.items()} == {
        "tsn": "tsn",
        "trn": "trn",
        "trnms": "trn",
        "tsm": "tsm",
        "gsf": "gsf",
        "actionvlad": "actionvlad",
        "i3d": "i3d",
        "nl_i3d": "i3d",
        "stgcn": "stgcn",
        "posec3d": "posec3d",
        "pose_mlp": "pose_mlp",
        "mvit_v2_s": "video_transformers",
        "swin3d_t": "video_transformers",
        "swin3d_s": "video_transformers",
        "swin3d_b": "video_transformers",
        "videomae_s": "videomae",
        "videomae_b": "videomae",
        "videomae_l": "videomae",
    }


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_gives_the_cpu_logits():
    model = TSN(build_backbone("resnet18")[0], 4).eval()
    frames = torch.rand(2, 2, 3, 64, 64)
    with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
        expected = model(frames)
        got = model.cuda()(frames.cuda()).cpu()
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)
