import pytest
import torch
from torch import nn
from torch.nn import functional as F

from finegym.models import count_parameters
from finegym.models.pose_mlp import PoseMLP


def build_random(**settings):
    torch.manual_seed(0)
    model = PoseMLP(4, 5, **settings)
    nn.init.normal_(model.classifier.weight)
    return model


def test_parameters_counted_by_hand():
    # 3 channels x 16 frames x 17 joints = 816 values: batch norm, two layers of 512 with batch norms, 99 classes.
    expected = 2 * 816 + (816 * 512 + 512) + 2 * 512 + (512 * 512 + 512) + 2 * 512 + (512 * 99 + 99)
    assert count_parameters(PoseMLP(16, 99)) == expected


def test_logits_equal_segment_by_segment_and_value_by_value():
    model = build_random(num_persons=2, hidden_size=8).eval()
    skeletons = torch.randn(3, 3, 12, 17, 2)  # three segments of four frames
    with torch.inference_mode():
        got = model(skeletons)
        for b in range(3):
            scores = []
            for start in (0, 4, 8):
                values = [
                    skeletons[b, c, start + t, v, m]
                    for c in range(3)
                    for t in range(4)
                    for v in range(17)
                    for m in range(2)
                ]
                scores.append(model.classifier(model.body(torch.stack(values)[None]))[0])
            torch.testing.assert_close(got[b], torch.stack(scores).mean(dim=0), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("num_segments", [1, 3, 6])
def test_any_number_of_segments_goes(num_segments):
    assert build_random()(torch.randn(2, 3, 4 * num_segments, 17, 1)).shape == (2, 5)


def test_batch_size_does_not_change_logits():
    model = build_random().eval()
    skeletons = torch.randn(6, 3, 8, 17, 1)
    with torch.inference_mode():
        alone = torch.cat([model(clip[None]) for clip in skeletons])
        torch.testing.assert_close(model(skeletons), alone, atol=1e-5, rtol=0)


def test_frames_that_do_not_divide_are_our_own_mistake():
    with pytest.raises(AssertionError, match="9 frames do not divide into segments of 4"):
        build_random()(torch.randn(1, 3, 9, 17, 1))


def test_pose_mlp_overfits_eight_clips():
    torch.manual_seed(0)
    model = PoseMLP(4, 8, hidden_size=64, dropout=0.0)
    skeletons, targets = torch.randn(8, 3, 8, 17, 1), torch.arange(8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model(skeletons), targets).backward()
        optimizer.step()
    assert (model.eval()(skeletons).argmax(dim=1) == targets).all()
