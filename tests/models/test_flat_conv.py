import pytest
import torch
from torch import nn

from finegym.models.flat_conv import FlatConv3d


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [
        ((1, 3, 3), (1, 1, 1), (0, 1, 1)),
        ((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        ((1, 3, 3), (2, 2, 2), (0, 1, 1)),
        ((1, 1, 1), (1, 1, 1), 0),
        ((1, 1, 1), (2, 2, 2), 0),
        ((3, 1, 1), (1, 1, 1), (1, 0, 0)),
        ((3, 1, 1), (2, 1, 1), (1, 0, 0)),
        ((5, 3, 3), (2, 2, 2), (2, 1, 1)),
    ],
)
def test_results_and_gradients_are_those_of_the_3d_convolution(kernel, stride, padding, layout):
    torch.manual_seed(0)
    flat = FlatConv3d(4, 6, kernel, stride=stride, padding=padding, groups=2)
    plain = nn.Conv3d(4, 6, kernel, stride=stride, padding=padding, groups=2)
    plain.load_state_dict(flat.state_dict())
    results = []
    for conv in (flat, plain):
        maps = torch.linspace(-1, 1, 2 * 4 * 5 * 6 * 7).sin().view(2, 4, 5, 6, 7).contiguous(memory_format=layout)
        maps.requires_grad_()
        out = conv(maps)
        out.square().sum().backward()
        results.append((out, maps.grad, conv.weight.grad, conv.bias.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_channels_last_stays_without_a_copy():
    maps = torch.randn(2, 8, 4, 6, 6).contiguous(memory_format=torch.channels_last_3d)
    for kernel, padding in (((1, 3, 3), (0, 1, 1)), ((3, 1, 1), (1, 0, 0))):
        assert FlatConv3d(8, 8, kernel, padding=padding)(maps).is_contiguous(memory_format=torch.channels_last_3d)
