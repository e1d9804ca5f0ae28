import pytest
import torch
from torch import nn

from finegym.models import count_parameters
from finegym.models.backbones import build_backbone
from finegym.models.complexity import count_multiply_adds
from finegym.models.tsn import TSN


def test_hand_worked_counts():
    assert count_multiply_adds(nn.Linear(5, 7), (3, 5)) == 3 * 5 * 7
    assert count_multiply_adds(nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2), (1, 6, 8, 8)) == 4 * 4 * 8 * 3 * 9
    assert count_multiply_adds(nn.Conv3d(2, 4, (3, 1, 1), padding=(1, 0, 0)), (1, 2, 5, 4, 4)) == 5 * 16 * 4 * 2 * 3


def test_matrix_products_count_and_normalisations_do_not():
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)

        def forward(self, left, right):
            return torch.relu(self.norm(left) @ right)

    assert count_multiply_adds(Product(), (3, 4), (4, 5)) == 3 * 4 * 5


def test_nothing_of_the_model_changes():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).train()
    model[1].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    count_multiply_adds(model, (1, 3, 8, 8))
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("in_channels", "num_segments", "gmacs"), [(3, 3, "12.26"), (3, 8, "32.70"), (3, 12, "49.05"), (10, 8, "34.90")]
)
def test_tsn_on_resnet50_costs_what_is_published(in_channels, num_segments, gmacs):
    with torch.device("meta"):
        model = TSN(build_backbone("resnet50", in_channels=in_channels)[0], 99)
    assert f"{count_multiply_adds(model, (1, num_segments, in_channels, 224, 224)) / 1e9:.2f}" == gmacs
    assert count_parameters(model) == 23_710_883 + (21_952 if in_channels == 10 else 0)
